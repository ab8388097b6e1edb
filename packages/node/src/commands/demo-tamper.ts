import type { Command } from "../cli/arguments.ts";
/** placeholder until the next edit */
export const demoTamperCommand: Command = {
    name: "demo tamper",
    summary: "",
    options: {},
    examples: [],
    run: async () => 0,
};
