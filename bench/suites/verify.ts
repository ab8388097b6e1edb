import type { Suite } from "../lib/report.ts";
export const verifySuite: Suite = { name: "verify", title: "", run: () => Promise.resolve({ rows: [], facts: [] }) };
