import { error, LIMITS, unwrap } from "@meterseal/core";
import { EmbeddedEngine } from "@meterseal/engines/embedded";
import {
    isPrunable,
    type Policy,
    type PruningRange,
    PruningSums,
    type PruningTotals,
    parseStoredRecord,
    pruningFault,
    summaryOf,
} from "@meterseal/ledger";
import { createPruning, isSummarized, type MeterRecord, type Pruning } from "@meterseal/record";
import type { RecordRow, ServerStore } from "@meterseal/stores/sqlite";
import { ReplayClock, systemClock, systemRandom } from "../clocks.ts";
import { consoleLog } from "../console.ts";
import { readMembership } from "../exchange/membership.ts";
import { PLACES } from "../files.ts";
import { readClockFile } from "../fleet/clock-file.ts";
import { loadMember } from "../server/identity.ts";
import { witnessesOf } from "../server/witnesses.ts";
import { pruningsOf } from "../verify/pruning-check.ts";
import { type KeepReason, KeptRecords } from "./keep.ts";

/** What a pruning would do. */
export type PrunePlan = PruningRange & {
    /** Records whose bytes go. */
    readonly records: number;
    /** Bytes of theirs beyond the summaries that are left. */
    readonly bytes: number;
    /** Records that are old enough and stay as they are, by reason. */
    readonly kept: Readonly<Record<KeepReason, number>>;
    /** Records before the instant that were pruned already. */
    readonly already: number;
    /** What the log must state of the range; null where earlier entries bind all that goes. */
    readonly unstated: PruningTotals | null;
};

type Show = (done: number, text: string) => void;
type Found = { readonly row: RecordRow; readonly record: MeterRecord; readonly leafIndex: number };

/** Prunes the store of a server that writes its own log. */
export class Pruner {
    readonly #store: ServerStore;
    readonly #engine: EmbeddedEngine;
    readonly #kept: KeptRecords;
    readonly #sign: (range: PruningRange & PruningTotals) => Promise<Uint8Array>;

    private constructor(
        store: ServerStore,
        engine: EmbeddedEngine,
        kept: KeptRecords,
        sign: (range: PruningRange & PruningTotals) => Promise<Uint8Array>,
    ) {
        this.#store = store;
        this.#engine = engine;
        this.#kept = kept;
        this.#sign = sign;
    }

    /**
     * Replays the log of a data directory. The caller has the store open, to write only with its lock.
     * @param policy - whose cosignatures make an entry final; null where the disk does.
     * @throws MetersealError MS_USAGE for a directory whose log others write, or whose log witnesses
     * cosign without a policy; what a damaged store is refused with.
     */
    static async open(dataDir: string, store: ServerStore, policy: Policy | null): Promise<Pruner> {
        const { log, operator } = loadMember(PLACES.serverKeys(dataDir), systemRandom);
        const isOwn = log !== null && operator !== null && (await store.blockHead()) === null;
        if (!isOwn || readMembership(dataDir) !== null) {
            const expected = "the data directory of the server that alone writes its log";
            throw error("MS_USAGE", { where: dataDir, expected });
        }
        if (policy === null && (await store.cosigned()) !== null) {
            const expected = "--witness-policy FILE: witnesses cosign this log";
            throw error("MS_USAGE", { where: dataDir, expected });
        }
        const replayMs = readClockFile(dataDir);
        const clock = replayMs === 0 ? systemClock : new ReplayClock(replayMs);
        const witnesses = policy === null ? null : witnessesOf(policy, consoleLog("prune"));
        const kept = new KeptRecords();
        const engine = await EmbeddedEngine.open({
            ...{ store, clock, logSigner: log, observer: kept },
            ...(witnesses === null ? {} : { witnesses }),
        });
        const { networkId: network } = engine.state;
        return new Pruner(store, engine, kept, (range) => {
            const timeUnix = Math.floor(Math.max(clock.nowMs(), engine.state.lastTimeMs) / 1000);
            return createPruning(operator, { ...range, network, timeUnix });
        });
    }

    /** Time of the last entry of the log, seconds since 1970; 0 for an empty log. */
    get lastUnix(): number {
        return Math.floor(this.#engine.state.lastTimeMs / 1000);
    }

    /**
     * Looks at what is final and what of it may go, and holds earlier prunings against what is left.
     * @throws MetersealError MS_PRUNING where that is not what they bind.
     */
    async plan(beforeUnix: number, show: Show): Promise<PrunePlan> {
        const range = { beforeUnix, size: this.#engine.head().size };
        const stated = pruningsOf(await this.#store.reader.prunings());
        const [sums, earlier] = [new PruningSums([range]), new PruningSums(stated)];
        const kept = { disputed: 0, head: 0, "last boundary": 0, "several streams": 0 };
        let [records, bytes, already, unbound] = [0, 0, 0, 0];
        for await (const { leafIndex, record, row } of this.#records(range.size, show)) {
            const isBound = earlier.add(record, leafIndex);
            if (!sums.add(record, leafIndex)) continue;
            const reason = this.#kept.reasonFor(record, this.#engine.state, beforeUnix);
            if (isSummarized(record)) already++;
            else if (reason !== null) kept[reason]++;
            else {
                records++;
                bytes += row.bytes.length - summaryOf(record).length;
                if (!isBound) unbound++;
            }
        }
        requireStated(stated, earlier);
        const { count = 0, digest = new Uint8Array(32) } = sums.totalsOf(range) ?? {};
        return {
            ...range,
            records,
            bytes,
            kept,
            already,
            unstated: unbound > 0 ? { count, digest } : null,
        };
    }

    /**
     * Prunes what a plan says: first the log binds what will be left, then the bytes go, some hundred
     * records at a time. What is ended in between goes on when it is asked for again.
     * @returns records that were pruned.
     */
    async apply(plan: PrunePlan, show: Show, signal: AbortSignal): Promise<number> {
        const { beforeUnix, size, unstated } = plan;
        if (unstated !== null) {
            const item = await this.#sign({ beforeUnix, size, ...unstated });
            await untilFinal(this.#engine.submit(item, []), signal);
        } else {
            // What an earlier run wrote into the log may wait for witnesses still.
            await untilFinal(this.#engine.settled(), signal);
        }
        let pruned = 0;
        let batch: { n: number; summary: Uint8Array }[] = [];
        const write = async (): Promise<void> => {
            if (batch.length > 0) await this.#store.prune(batch);
            pruned += batch.length;
            batch = [];
        };
        for await (const { leafIndex, record, row } of this.#records(size, show)) {
            if (signal.aborted) break;
            if (isSummarized(record) || !isPrunable(record, leafIndex, plan)) continue;
            if (this.#kept.reasonFor(record, this.#engine.state, beforeUnix) !== null) continue;
            batch.push({ n: row.n, summary: summaryOf(record) });
            if (batch.length >= LIMITS.pruneRecords) await write();
        }
        await write();
        return pruned;
    }

    /** Ends the engine; the store stays open. */
    close(): void {
        this.#engine.close();
    }

    /** Records of the vertices among the first entries of the log, in its order. */
    async *#records(size: number, show: Show): AsyncGenerator<Found, void, undefined> {
        const { reader } = this.#store;
        for await (const entry of reader.log()) {
            if (entry.index >= size) return;
            show((entry.index + 1) / size, `${entry.index + 1} log entries`);
            if (entry.item !== null) continue;
            for (const row of await reader.bodyOf(entry.vertex)) {
                yield { row, record: unwrap(parseStoredRecord(row.bytes)), leafIndex: entry.index };
            }
        }
    }
}

function requireStated(stated: readonly Pruning[], found: PruningSums): void {
    for (const pruning of stated) {
        const totals = found.totalsOf(pruning);
        const fault = totals === undefined ? null : pruningFault(pruning, totals);
        if (fault !== null) throw fault;
    }
}

/** Waits for entries to be final, or for Ctrl-C while witnesses are away. */
async function untilFinal(final: Promise<unknown>, signal: AbortSignal): Promise<void> {
    const aborted = new Promise<never>((_, reject) => {
        const end = (): void => reject(error("MS_WITNESS", { got: "the end of the command" }));
        if (signal.aborted) end();
        else signal.addEventListener("abort", end, { once: true });
    });
    await Promise.race([final, aborted]);
}
