import { type Result, utf8 } from "@meterseal/core";
import { decodeCbor, encodeCbor, encodeEpoch, type MeterRecord } from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { beforeAll, describe, expect, it } from "vitest";
import { checkEvidence, type EvidenceTrust } from "../src/evidence/check.ts";
import { decodeEvidence, type Evidence, encodeEvidence } from "../src/evidence/evidence.ts";
import { Book, faults, openScene } from "./evidence-book.ts";
import { codeOf, type World } from "./world.ts";

let world: World;
let book: Book;
let trust: EvidenceTrust;
let valid: Evidence;
beforeAll(async () => {
    ({ world, book, trust, valid } = await openScene());
});
const check = (evidence: Evidence, by: EvidenceTrust = trust): [string[], string[]] =>
    faults(checkEvidence(evidence, by));

describe("evidence of a dishonest log", () => {
    /** Evidence of a log that took in what it should have refused: proofs hold, contents do not. */
    async function dishonest(change: (book: Book) => Promise<void>): Promise<[string[], string[]]> {
        const other = new Book(world.network);
        other.enrolments.push(...book.enrolments);
        other.batches.push(...book.batches);
        await change(other);
        return check(await other.evidence(world.meter.subject));
    }

    it("shows an enrolment that the operator did not sign", async () => {
        const forged = await world.network.enrol(
            world.meter.enrolment,
            testSigner("somebody", "edDsa"),
        );
        expect(
            await dishonest(async (b) => void b.enrolments.splice(0, 1, forged.message.bytes)),
        ).toEqual([["MS_KEY_UNKNOWN", "MS_SIGNATURE_BAD"], ["MS_CHAIN_MISMATCH"]]);
    });

    it("shows an enrolment of another network", async () => {
        const foreign = await world.network.enrol({
            ...world.meter.enrolment,
            network: testBytes("elsewhere", 32),
        });
        expect(
            (
                await dishonest(async (b) => void b.enrolments.splice(0, 1, foreign.message.bytes))
            )[1],
        ).toContain("MS_ENROLMENT");
    });

    it("shows a vertex that its author did not sign, and one of another network", async () => {
        const records = book.batches[2]?.records as MeterRecord[];
        const header = world.collector.header(records);
        const bySomebody = await world.collector.sign({
            ...header,
            author: testBytes("author x", 16),
        });
        expect(
            await dishonest(
                async (b) =>
                    void b.batches.splice(2, 1, { bytes: bySomebody.message.bytes, records }),
            ),
        ).toEqual([["MS_VERTEX_AUTHOR"], ["MS_PROOF"]]);
        const elsewhere = await world.collector.sign({
            ...header,
            net: testBytes("elsewhere", 32),
        });
        expect(
            await dishonest(
                async (b) =>
                    void b.batches.splice(2, 1, { bytes: elsewhere.message.bytes, records }),
            ),
        ).toEqual([[], ["MS_GENESIS"]]);
        const signature = bySomebody.message.signature;
        const fine = await world.collector.sign(header);
        const at = fine.message.bytes.length - signature.length;
        const broken = fine.message.bytes.slice();
        broken.set(signature, at);
        expect(
            (
                await dishonest(
                    async (b) => void b.batches.splice(2, 1, { bytes: broken, records }),
                )
            )[0],
        ).toEqual(["MS_SIGNATURE_BAD"]);
    });

    it("shows a record that its meter did not sign, and one of another subject under its key", async () => {
        const chain = world.chain.fork();
        const signed = await chain.warning();
        const bytes = signed.message.bytes.slice();
        bytes[bytes.length - 40] = (bytes[bytes.length - 40] as number) ^ 1;
        const forged = { ...signed, message: { ...signed.message, bytes } };
        const { vertex } = await world.collector.vertex([forged]);
        expect(
            (
                await dishonest(
                    async (b) =>
                        void b.batches.push({ bytes: vertex.message.bytes, records: [forged] }),
                )
            )[0],
        ).toEqual(["MS_SIGNATURE_BAD"]);
    });

    it("shows a record of the subject that another enrolled key signed", async () => {
        const other = await world.network.meter("other");
        for (const signer of [world.collector.signer, other.signer]) {
            const record = await world.chain.fork().warning(0, { signer });
            const { vertex } = await world.collector.vertex([record]);
            const batch = { bytes: vertex.message.bytes, records: [record] };
            expect((await dishonest(async (b) => void b.batches.push(batch)))[0]).toEqual([
                "MS_KEY_UNKNOWN",
            ]);
        }
    });

    it.each<[string, (last: MeterRecord) => unknown, number]>([
        [
            "names another hash",
            (last) =>
                encodeEpoch({ chainEpoch: 1, lastSeq: last.seq, lastHash: testBytes("x", 32) }),
            7,
        ],
        [
            "names another number",
            (last) =>
                encodeEpoch({ chainEpoch: 1, lastSeq: last.seq + 1, lastHash: last.message.hash }),
            7,
        ],
        [
            "names another epoch",
            (last) =>
                encodeEpoch({ chainEpoch: 0, lastSeq: last.seq, lastHash: last.message.hash }),
            7,
        ],
        [
            "is a warning",
            (last) =>
                encodeEpoch({ chainEpoch: 1, lastSeq: last.seq, lastHash: last.message.hash }),
            5,
        ],
        ["says nothing", () => 0, 7],
    ])("shows an epoch whose first record %s", async (_, body, recordClass) => {
        const last = book.batches[2]?.records.at(-1) as MeterRecord;
        const chain = world.chain.fork();
        await chain.epoch();
        chain.seq = 0;
        chain.head = world.meter.enrolment.message.hash;
        const opener = await chain.other(recordClass, body(last));
        const { vertex } = await world.collector.vertex([opener]);
        const batch = { bytes: vertex.message.bytes, records: [opener] };
        expect(await dishonest(async (b) => void b.batches.push(batch))).toEqual([
            [],
            ["MS_CHAIN_MISMATCH"],
        ]);
    });
});

describe("encoded evidence", () => {
    const decode = (change: (map: Map<number, unknown>) => void): Result<Evidence> => {
        const map = decodeCbor(encodeEvidence(valid)) as Map<number, unknown>;
        change(map);
        return decodeEvidence(encodeCbor(map));
    };
    const hash = new Uint8Array(32);
    const entry = new Uint8Array(3);

    it.each<[string, number, unknown]>([
        ["an empty genesis", 0, new Uint8Array(0)],
        ["a genesis of 4,097 bytes", 0, new Uint8Array(4097)],
        ["a checkpoint as bytes", 1, utf8("x")],
        ["a checkpoint of 65,537 characters", 1, "x".repeat(65_537)],
        ["an enrolment that is no leaf", 2, [1]],
        ["a leaf of two parts", 2, [[0, entry]]],
        ["a leaf of four parts", 3, [[0, entry, [], 0]]],
        ["a negative index", 3, [[-1, entry, []]]],
        ["an empty entry", 3, [[0, new Uint8Array(0), []]]],
        ["an entry over its limit", 3, [[0, new Uint8Array(131_073), []]]],
        ["a path of 49 hashes", 3, [[0, entry, Array.from({ length: 49 }, () => hash)]]],
        ["a short hash in a path", 3, [[0, entry, [hash.slice(1)]]]],
        ["a path that is no array", 3, [[0, entry, hash]]],
        ["a record of three parts", 4, [[entry, 0, 0]]],
        ["a record of five parts", 4, [[entry, 0, 0, [], 0]]],
        ["a record in a vertex that is not there", 4, [[entry, 3, 0, []]]],
        ["a record at a negative position", 4, [[entry, 0, -1, []]]],
        ["an empty record", 4, [[new Uint8Array(0), 0, 0, []]]],
        ["a further field", 5, 0],
        ...[0, 1, 2, 3, 4].map((key): [string, number, unknown] => [
            `no field ${key}`,
            key,
            undefined,
        ]),
    ])("with %s is refused", (_, key, value) => {
        const decoded = decode((map) =>
            value === undefined ? map.delete(key) : map.set(key, value),
        );
        expect(codeOf(decoded)).toBe("MS_MALFORMED");
    });

    it("is refused when it is cut", () => {
        const bytes = encodeEvidence(valid);
        for (let length = 0; length < bytes.length; length += 7) {
            expect(codeOf(decodeEvidence(bytes.subarray(0, length)))).toBe("MS_MALFORMED");
        }
    });
});
