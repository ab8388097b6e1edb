import type { Suite } from "../lib/report.ts";
export const sealSuite: Suite = { name: "seal", title: "", run: () => Promise.resolve({ rows: [], facts: [] }) };
