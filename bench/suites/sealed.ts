import type { Suite } from "../lib/report.ts";
export const sealedSuite: Suite = { name: "sealed", title: "", run: () => Promise.resolve({ rows: [], facts: [] }) };
