import type { Command } from "../cli/arguments.ts";
import { out } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { softwareVersion } from "../version.ts";

/** `meterseal version`: what runs here, for a report of a fault. */
export const versionCommand: Command = {
    name: "version",
    summary: "prints the version, and what it runs on",
    options: { json: { kind: "flag", help: "prints JSON" } },
    examples: ["meterseal version", "meterseal version --json", "meterseal --version"],
    run(options) {
        const { node, sqlite } = process.versions;
        const platform = `${process.platform}-${process.arch}`;
        const parts = { version: softwareVersion(), node, sqlite, platform };
        if (options.json === true) out(JSON.stringify(parts));
        else out(`meterseal ${parts.version} (Node ${node}, SQLite ${sqlite}, ${platform})`);
        return Promise.resolve(EXIT.ok);
    },
};
