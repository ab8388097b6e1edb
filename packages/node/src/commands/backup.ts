import { partialsOf } from "../backup/files.ts";
import { type Backup, makeBackup } from "../backup/make.ts";
import { type Command, requiredOption } from "../cli/arguments.ts";
import { out, Progress, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { shutdownSignal } from "../shutdown.ts";

/** `meterseal backup`: a copy of a server's store and keys, also while it runs. */
export const backupCommand: Command = {
    name: "backup",
    summary: "copies a server's store and keys as of one moment, also while it runs",
    options: {
        data: { kind: "value", value: "DIR", help: "data directory of the server" },
        to: { kind: "value", value: "DIR", help: "new directory for the backup" },
        json: { kind: "flag", help: "prints what was saved as JSON" },
    },
    examples: [
        "meterseal backup --data .meterseal/utility --to backups/monday",
        "meterseal backup --data .meterseal/utility --to backups/monday --json",
    ],
    async run(options) {
        const dataDir = requiredOption(options, "data", "DIR");
        const to = requiredOption(options, "to", "DIR");
        const bar = new Progress();
        const backup = await makeBackup({
            dataDir,
            to,
            signal: shutdownSignal(),
            onProgress: (done, text) => bar.show(done, text),
        });
        bar.finish(`saved in ${bar.seconds.toFixed(1)} s`);
        const { looseRecords, manifest, running } = backup;
        if (options.json === true) out(JSON.stringify({ to, running, looseRecords, ...manifest }));
        else out(describe(backup, to));
        for (const note of notesOn(backup, to)) say(`Note: ${note}`);
        return EXIT.ok;
    },
};

function describe({ looseRecords, manifest, running }: Backup, to: string): string {
    const { files, log, time } = manifest;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    return [
        `Backup of ${time} in ${to}: ${files.length} files, ${bytes} bytes${running ? ", taken from a running server" : ""}.`,
        `Log head: size ${log.size}, root ${log.root}; ${looseRecords} stored records are not in the log yet.`,
    ].join("\n");
}

function notesOn({ left, manifest }: Backup, to: string): string[] {
    const keys = manifest.files.filter(({ path }) => path.endsWith(".pem")).length;
    const notes = [
        `it holds the server's ${keys} private keys, mode 600: whoever has them can sign as this server. Keep it as safe as the server.`,
    ];
    if (left.meters > 0) {
        notes.push(
            `the memories of ${left.meters} meters are not in it, and must not be: a meter that is put back to an old state signs a second history and seals boundaries twice.`,
        );
    }
    if (left.households > 0) {
        notes.push(
            `the key files of ${left.households} households are not in it: they open the households' data and belong to them. Keep a copy of each at another place.`,
        );
    }
    for (const path of partialsOf(to)) {
        notes.push(`${path} is an unfinished backup; if none is under way, delete it.`);
    }
    return notes;
}
