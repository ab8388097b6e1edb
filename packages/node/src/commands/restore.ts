import { partialsOf } from "../backup/files.ts";
import { restoreBackup } from "../backup/restore.ts";
import { type Command, requiredOption } from "../cli/arguments.ts";
import { out, Progress, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { shutdownSignal } from "../shutdown.ts";

/** `meterseal restore`: a data directory from a backup, verified before it gets its name. */
export const restoreCommand: Command = {
    name: "restore",
    summary: "makes a data directory from a backup, and verifies all of it",
    options: {
        from: { kind: "value", value: "DIR", help: "directory that `meterseal backup` made" },
        data: { kind: "value", value: "DIR", help: "new data directory" },
        json: { kind: "flag", help: "prints what was restored as JSON" },
    },
    examples: [
        "meterseal restore --from backups/monday --data .meterseal/restored",
        "meterseal restore --from backups/monday --data .meterseal/restored --json",
    ],
    async run(options) {
        const from = requiredOption(options, "from", "DIR");
        const dataDir = requiredOption(options, "data", "DIR");
        const bar = new Progress();
        const { manifest, report } = await restoreBackup({
            from,
            dataDir,
            signal: shutdownSignal(),
            onProgress: (done, text) => bar.show(done, text),
        });
        bar.finish(`restored and verified in ${bar.seconds.toFixed(1)} s`);
        const { log, network, time } = manifest;
        const { counts } = report;
        if (options.json === true) {
            out(JSON.stringify({ data: dataDir, verified: true, time, network, log, counts }));
        } else {
            out(
                [
                    `Restored to ${dataDir}: the server as of ${time}.`,
                    `Log head: size ${log.size}, root ${log.root}; ${counts.records} records, ${counts.signatures} signatures checked, everything holds.`,
                ].join("\n"),
            );
        }
        for (const note of report.notes) say(`Note: ${note}`);
        for (const warning of [...WARNINGS, ...leftovers(dataDir)]) say(`Warning: ${warning}`);
        return EXIT.ok;
    },
};

const WARNINGS = [
    "what the server took after that time is not in it. If it ran on afterwards, its log has now gone back, and that shows: meters and auditors hold receipts and checkpoints of the later log (MS_OUTBOX, MS_CHECKPOINT). Records that were final and that no meter holds any more are lost; their chains stay at MS_GAP.",
    "stop the old server for good before this one starts: two with the same keys sign two histories.",
    "never put a meter's memory (outbox.db) back from an old copy. Move the meters' present directories here, if they lie beside the server, and run `meterseal verify` before the start.",
];

function leftovers(dataDir: string): string[] {
    return partialsOf(dataDir).map(
        (path) => `${path} is an unfinished restore; if none is under way, delete it.`,
    );
}
