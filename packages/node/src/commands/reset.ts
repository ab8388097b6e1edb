import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { lockDirectory } from "@meterseal/stores";
import { type Command, requiredOption } from "../cli/arguments.ts";
import { isConfirmed } from "../cli/confirm.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { countEntries, MARKER, PLACES, REPLAY_FILE, requireDirectory } from "../files.ts";

/** `meterseal reset`: deletes a data directory. */
export const resetCommand: Command = {
    name: "reset",
    summary: "deletes what Meterseal keeps in a data directory, keys included",
    options: {
        data: { kind: "value", value: "DIR", help: "data directory" },
        yes: { kind: "flag", help: "does not ask" },
        json: { kind: "flag", help: "prints what was deleted as JSON" },
    },
    examples: [
        "meterseal reset --data .meterseal/demo",
        "meterseal reset --data .meterseal/demo --yes --json",
    ],
    async run(options) {
        const dataDir = requiredOption(options, "data", "DIR");
        requireDirectory(dataDir);
        const release = lockAll(dataDir);
        try {
            const content = contentOf(dataDir);
            say(describe(dataDir, content));
            if (options.yes !== true && !(await isConfirmed("delete"))) {
                say("Nothing was deleted.");
                return EXIT.ok;
            }
            release();
            remove(dataDir);
            const kept = readdirSync(dataDir);
            if (kept.length === 0) rmSync(dataDir, { recursive: true });
            else say(`Kept, because it is not ours: ${kept.join(", ")}`);
            if (options.json === true) out(JSON.stringify({ data: dataDir, ...content, kept }));
            else out(`Deleted ${dataDir}.`);
            return EXIT.ok;
        } finally {
            release();
        }
    },
};

type Content = {
    readonly server: boolean;
    readonly meters: number;
    readonly households: number;
    readonly providers: number;
    readonly monitors: number;
};

/** Everything that we put into a data directory; the mark goes last, so that a half-deleted one is still known. */
const OURS = [
    ...["households", "meters", "monitors", "providers", "server", REPLAY_FILE],
    ...["lock.holder", "lock", ".gitignore", MARKER],
];

/** Locks of the demo and of the server: neither may run. */
function lockAll(dataDir: string): () => void {
    const outer = lockDirectory(dataDir);
    const server = PLACES.server(dataDir);
    if (!existsSync(server)) return outer.release;
    try {
        const inner = lockDirectory(server);
        return () => {
            inner.release();
            outer.release();
        };
    } catch (cause) {
        outer.release();
        throw cause;
    }
}

function contentOf(dataDir: string): Content {
    return {
        server: existsSync(PLACES.server(dataDir)),
        meters: countEntries(PLACES.meters(dataDir)),
        households: countEntries(PLACES.households(dataDir)),
        providers: countEntries(PLACES.providers(dataDir)),
        monitors: countEntries(PLACES.monitors(dataDir)),
    };
}

function describe(dataDir: string, content: Content): string {
    const { households, meters, monitors, providers, server } = content;
    return [
        `This deletes from ${dataDir}, for good:`,
        ...(server ? ["  the server: its store with log and records, and its private keys"] : []),
        ...(meters > 0 ? [`  ${meters} meters: their private keys and memories`] : []),
        ...(households > 0
            ? [
                  `  ${households} households: their key files; without a copy nobody can ever open their data again`,
              ]
            : []),
        ...(providers + monitors > 0
            ? [`  ${providers} providers and ${monitors} monitors: their private keys`]
            : []),
    ].join("\n");
}

function remove(dataDir: string): void {
    for (const name of OURS) rmSync(join(dataDir, name), { recursive: true, force: true });
}
