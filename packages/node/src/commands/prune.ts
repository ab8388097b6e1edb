import { MetersealError } from "@meterseal/core";
import { lockDirectory } from "@meterseal/stores";
import {
    compactServerStore,
    isCompactionDue,
    noteCompactionDue,
    openServerStore,
} from "@meterseal/stores/sqlite";
import { type Command, requiredOption, textOption } from "../cli/arguments.ts";
import { isConfirmed } from "../cli/confirm.ts";
import { counted, out, Progress, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { PLACES, requireDirectory } from "../files.ts";
import { cutoffOf, iso } from "../prune/cutoff.ts";
import { type PrunePlan, Pruner } from "../prune/pruner.ts";
import { readPolicy } from "../server/witnesses.ts";
import { shutdownSignal } from "../shutdown.ts";

/** `meterseal prune`: gives up the bytes of old usage records; what proves them stays. */
export const pruneCommand: Command = {
    name: "prune",
    summary:
        "gives up the bytes of old usage records in a server's store; proofs of them stay valid",
    options: {
        data: { kind: "value", value: "DIR", help: "data directory of a server that is stopped" },
        before: {
            kind: "value",
            value: "DATE",
            help: "prunes records whose last reading is older, such as 2025-01-01 (UTC)",
        },
        keep: {
            kind: "value",
            value: "DURATION",
            help: "in the place of --before: how long records are kept, such as 400d, 60w or 2y",
        },
        "witness-policy": {
            kind: "value",
            value: "FILE",
            help: "the policy of serve, where witnesses cosign the log",
        },
        "dry-run": { kind: "flag", help: "only says what would go; a server may run" },
        yes: { kind: "flag", help: "does not ask" },
        json: { kind: "flag", help: "prints what was pruned as JSON" },
    },
    examples: [
        "meterseal prune --data .meterseal/utility --keep 2y --dry-run",
        "meterseal prune --data .meterseal/utility --before 2025-01-01 --yes --json",
    ],
    async run(options) {
        const dataDir = requiredOption(options, "data", "DIR");
        requireDirectory(dataDir);
        const isDry = options["dry-run"] === true;
        const directory = PLACES.server(dataDir);
        const policyPath = textOption(options, "witness-policy");
        const policy = policyPath === undefined ? null : readPolicy(policyPath);
        const asked = { before: textOption(options, "before"), keep: textOption(options, "keep") };
        const lock = isDry ? null : lockDirectory(directory);
        try {
            const store = await openServerStore(directory, { readOnly: isDry });
            let done: Done;
            try {
                const pruner = await Pruner.open(dataDir, store, policy);
                try {
                    const beforeBytesGo = (): void => noteCompactionDue(directory);
                    const isSure = options.yes === true;
                    done = await prune(pruner, asked, { isDry, isSure, beforeBytesGo });
                } finally {
                    pruner.close();
                }
            } finally {
                await store.close();
            }
            const isDue = !isDry && !done.isEnded && isCompactionDue(directory);
            const freed = isDue ? compact(directory) : 0;
            report(done, freed, options.json === true);
            return EXIT.ok;
        } finally {
            lock?.release();
        }
    },
};

type Done = { readonly plan: PrunePlan; readonly pruned: number; readonly isEnded: boolean };

async function prune(
    pruner: Pruner,
    asked: Parameters<typeof cutoffOf>[0],
    {
        beforeBytesGo,
        isDry,
        isSure,
    }: {
        readonly isDry: boolean;
        readonly isSure: boolean;
        readonly beforeBytesGo: () => void;
    },
): Promise<Done> {
    const signal = shutdownSignal();
    const bar = new Progress();
    const plan = await pruner.plan(cutoffOf(asked, pruner.lastUnix), (done, text) =>
        bar.show(done, text),
    );
    bar.finish(`looked through in ${bar.seconds.toFixed(1)} s`);
    say(describe(plan));
    const nothing = { plan, pruned: 0, isEnded: signal.aborted };
    if (isDry || plan.records === 0 || signal.aborted) return nothing;
    if (!isSure && !(await isConfirmed("delete"))) {
        say("Nothing was pruned.");
        return nothing;
    }
    beforeBytesGo();
    const work = new Progress();
    const pruned = await pruner.apply(plan, (done, text) => work.show(done, text), signal);
    work.finish(`pruned in ${work.seconds.toFixed(1)} s`);
    return { plan, pruned, isEnded: signal.aborted };
}

function describe({ already, beforeUnix, bytes, kept, records, size }: PrunePlan): string {
    const stays = Object.entries(kept).filter(([, count]) => count > 0);
    return [
        `Usage records before ${iso(beforeUnix)} in the first ${size} entries of the log:`,
        `  ${counted(records, "record")} to prune, about ${bytes} bytes; the meters' registers in them are then gone from this store, for good`,
        ...stays.map(([reason, count]) => `  ${counted(count, "record")} kept: ${reason}`),
        ...(already === 0 ? [] : [`  ${counted(already, "record")} pruned before`]),
    ].join("\n");
}

/** Gives the room back to the disk where there is enough to write a copy; the rest is pruned all the same. */
function compact(directory: string): number {
    try {
        return compactServerStore(directory);
    } catch (cause) {
        if (!(cause instanceof MetersealError)) throw cause;
        say(`Note: the file keeps its size, and new records use the room: ${cause.message}`);
        return 0;
    }
}

function report({ isEnded, plan, pruned }: Done, freedBytes: number, asJson: boolean): void {
    const { already, beforeUnix, bytes, kept, records, size } = plan;
    const planned = { before: iso(beforeUnix), logSize: size, records, bytes, kept, already };
    if (asJson) out(JSON.stringify({ ...planned, pruned, freedBytes, ended: isEnded }));
    else if (pruned > 0) {
        out(`Pruned ${counted(pruned, "record")}; the file is ${freedBytes} bytes shorter.`);
        say("Backups and exports that were made before hold the pruned bytes still.");
    } else if (freedBytes > 0) out(`The file is ${freedBytes} bytes shorter.`);
    if (isEnded) say("Ended before its end: the same command goes on.");
}
