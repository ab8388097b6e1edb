import { toHex } from "@meterseal/core";
import type { MeterRecord } from "@meterseal/record";
import { TEST_LATER_MS, TestChain, type TestNetwork } from "@meterseal/testkit/records";
import { expect } from "vitest";
import { signCheckpoint } from "../src/checkpoint/checkpoint.ts";
import { encodeEntry } from "../src/entry.ts";
import type { EvidenceReport, EvidenceTrust } from "../src/evidence/check.ts";
import type { Evidence, LogLeaf } from "../src/evidence/evidence.ts";
import { originOf } from "../src/genesis.ts";
import { leafHash } from "../src/merkle/hash.ts";
import { MerkleLog } from "../src/merkle/log.ts";
import { recordLeafHash } from "../src/vertex/body.ts";
import { codeOf, World } from "./world.ts";

type Batch = { readonly bytes: Uint8Array; readonly records: readonly MeterRecord[] };

/** A log under construction and the evidence for one subject in it. */
export class Book {
    readonly network: TestNetwork;
    readonly enrolments: Uint8Array[] = [];
    readonly batches: Batch[] = [];
    /** Entries behind the batches: prunings and what parties say. */
    readonly statements: Uint8Array[] = [];

    constructor(network: TestNetwork) {
        this.network = network;
    }

    /** Evidence for a subject by a checkpoint of a size; all entries where no size is given. */
    async evidence(subject: Uint8Array, size?: number): Promise<Evidence> {
        const vertices = this.batches.map((batch) => batch.bytes);
        const items = [...this.enrolments, ...vertices, ...this.statements];
        const entries = items.map((item, i) => encodeEntry({ timeMs: TEST_LATER_MS + i, item }));
        const log = MerkleLog.of(entries.map(leafHash));
        const leaf = (index: number): LogLeaf => ({
            index,
            entry: entries[index] as Uint8Array,
            path: log.inclusionPath(index),
        });
        const shown = size ?? log.size;
        const checkpoint = await signCheckpoint(
            this.network.logSigner,
            originOf(this.network.networkId),
            shown,
            log.root(shown),
        );
        const records = this.batches.flatMap(({ records }, vertex) => {
            const tree = MerkleLog.of(records.map(recordLeafHash));
            return records.flatMap((record, position) =>
                toHex(record.subject) === toHex(subject)
                    ? [
                          {
                              record,
                              leaf: {
                                  bytes: record.message.bytes,
                                  vertex,
                                  position,
                                  path: tree.inclusionPath(position),
                              },
                          },
                      ]
                    : [],
            );
        });
        records.sort(
            (a, b) => a.record.chainEpoch - b.record.chainEpoch || a.record.seq - b.record.seq,
        );
        return {
            genesis: this.network.genesis,
            checkpoint,
            enrolments: this.enrolments.map((_, i) => leaf(i)),
            vertices: this.batches.map((_, i) => leaf(this.enrolments.length + i)),
            records: records.map((each) => each.leaf),
            statements: this.statements.map((_, i) =>
                leaf(this.enrolments.length + this.batches.length + i),
            ),
        };
    }
}

/** A world whose log has six entries, with evidence for its first meter. */
export type Scene = {
    readonly world: World;
    readonly book: Book;
    readonly trust: EvidenceTrust;
    readonly valid: Evidence;
};

/** Makes the scene of the evidence tests. */
export async function openScene(): Promise<Scene> {
    const world = await World.open();
    const other = await world.network.meter("other");
    expect(codeOf(world.enrol(other))).toBe("ok");
    const book = new Book(world.network);
    for (const { enrolment } of [world.meter, other, world.collector])
        book.enrolments.push(enrolment.message.bytes);
    const chain = new TestChain(other);
    const batches = [
        [await world.chain.usage(), await world.chain.warning(), await chain.usage()],
        [await world.chain.usage(), await chain.usage()],
        [await world.chain.epoch(), await world.chain.usage()],
    ];
    for (const records of batches) {
        const entry = await world.collector.vertex(records);
        expect(codeOf(world.accept(entry))).toBe("ok");
        book.batches.push({ bytes: entry.vertex.message.bytes, records: entry.records });
    }
    const trust = { networkId: world.network.networkId, subject: world.meter.subject };
    const valid = await book.evidence(world.meter.subject);
    return { world, book, trust, valid };
}

/** Codes of the faults: of signatures, and of continuity. */
export function faults(report: EvidenceReport): [string[], string[]] {
    const codes = (list: EvidenceReport["signatures"]["faults"]): string[] =>
        [...new Set(list.map((fault) => fault.error.code))].sort();
    return [codes(report.signatures.faults), codes(report.continuity.faults)];
}
