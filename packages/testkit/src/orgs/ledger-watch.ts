import { bytesEqual, LIMITS, toHex } from "@meterseal/core";
import {
    type Entry,
    type Finality,
    messageOf,
    type RecordOutcome,
    type Vertex,
} from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { placeOf } from "../sim-notes.ts";
import type { OrgNode } from "./org-node.ts";
import type { Trace } from "./trace.ts";

/** One entry of the log, as the first node that had it told. */
export type Logged = { readonly entry: Entry; readonly timeMs: number };

/**
 * Watches what every node tells of the log, at each entry: that it is the same log everywhere, that no
 * place of a chain is taken twice, that nothing false is in it, and that the clock rules hold.
 */
export class LedgerWatch {
    /** The log, as the first node that reached each leaf told it. */
    readonly log: Logged[] = [];
    /** Outcomes of the records of each leaf; null where no node has called it final yet. */
    readonly outcomes: (readonly RecordOutcome[] | null)[] = [];
    /** Hash of the record that was accepted at each place. */
    readonly accepted = new Map<string, string>();
    /** Ids of the vertices in the log, by their text. */
    readonly vertexIds = new Map<string, Vertex["id"]>();
    /** Messages that must never be in the log, by hash, and why. */
    readonly forbidden = new Map<string, string>();
    /** Hashes of records that a meter was told a collector has stored, by collector. */
    readonly acknowledged = new Map<number, Set<string>>();
    readonly #trace: Trace;
    readonly #revoked = new Set<string>();
    readonly #positions = new Map<number, number>();

    constructor(trace: Trace) {
        this.#trace = trace;
    }

    /** A node's process begins: it tells the whole log again. Whatever was acknowledged is on its disk. */
    async opened(node: OrgNode): Promise<void> {
        this.#positions.set(node.index, 0);
        const wanted = this.acknowledged.get(node.index);
        if (wanted === undefined) return;
        const held = await node.recordsOnDisk();
        const lost = [...wanted].filter((hash) => !held.has(hash));
        this.#trace.check(
            "I9",
            lost.length === 0,
            () => `node ${node.index} lost ${lost.length} records that it acknowledged: ${lost[0]}`,
        );
    }

    /** A collector told a meter that it has stored a record. */
    acknowledge(node: number, recordHash: Uint8Array): void {
        const known = this.acknowledged.get(node) ?? new Set();
        known.add(toHex(recordHash));
        this.acknowledged.set(node, known);
    }

    /** A node has an entry in its log. */
    logged(node: OrgNode, entry: Entry, timeMs: number): void {
        const index = this.#positions.get(node.index) ?? 0;
        this.#positions.set(node.index, index + 1);
        const message = messageOf(entry);
        const known = this.log[index];
        if (known !== undefined) {
            const isSame =
                known.timeMs === timeMs && bytesEqual(messageOf(known.entry).bytes, message.bytes);
            this.#trace.check("I6", isSame, () => `node ${node.index} has another leaf ${index}`);
            return;
        }
        const before = this.log.at(-1)?.timeMs ?? 0;
        this.#trace.check("I17", timeMs >= before, () => `leaf ${index} is older than the last`);
        const why = this.forbidden.get(toHex(message.hash));
        this.#trace.check("I10", why === undefined, () => `leaf ${index} is forged: ${why}`);
        this.log.push({ entry, timeMs });
        if (entry.kind === "revocation") this.#revoked.add(toHex(entry.revocation.id));
        if (entry.kind !== "vertex") return;
        const { author, id } = entry.vertex;
        this.vertexIds.set(id.toString(), id);
        const isMember = !this.#revoked.has(toHex(author));
        this.#trace.check("I10", isMember, () => `leaf ${index} is of a removed collector`);
    }

    /** A node calls an entry final. */
    final(
        node: OrgNode,
        entry: Entry,
        timeMs: number,
        { leafIndex }: Finality,
        outcomes: readonly RecordOutcome[],
    ): void {
        const known = this.outcomes[leafIndex];
        if (known !== undefined && known !== null) {
            const isSame =
                known.length === outcomes.length &&
                known.every(({ kind }, i) => kind === outcomes[i]?.kind);
            this.#trace.check(
                "I19",
                isSame,
                () => `node ${node.index} judges leaf ${leafIndex} otherwise`,
            );
            return;
        }
        this.outcomes[leafIndex] = outcomes;
        if (entry.kind !== "vertex") return;
        outcomes.forEach((outcome, i) => {
            const record = entry.records[i];
            if (record === undefined || outcome.kind !== "accepted") return;
            for (const each of [record, ...outcome.released]) this.#take(each, timeMs);
        });
    }

    #take(record: MeterRecord, timeMs: number): void {
        const { chainEpoch, message, seq, subject, timeUnix } = record;
        const place = placeOf(subject, chainEpoch, seq);
        const hash = toHex(message.hash);
        const before = this.accepted.get(place);
        const rule = before === hash ? "I3" : "I1";
        this.#trace.check(rule, before === undefined, () => `${place} is accepted twice`);
        this.accepted.set(place, hash);
        const latest = Math.floor(timeMs / 1000) + LIMITS.clockAheadSeconds;
        this.#trace.check("I17", timeUnix <= latest, () => `${place} is ahead of its entry`);
    }
}
