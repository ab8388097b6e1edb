import { LIMITS, type SignatureJob, unwrap, verifySignature } from "@meterseal/core";
import { accept, type Entry, type LedgerState, parseEntry, parseVertex } from "@meterseal/ledger";
import { type MeterRecord, parseRecord, verifySign1 } from "@meterseal/record";
import { testSigner } from "@meterseal/testkit/keys";
import {
    TEST_LATER_MS,
    TestChain,
    type TestCollector,
    TestNetwork,
} from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { SignatureVerdicts } from "../src/cometbft/verdicts.ts";

type VertexEntry = Extract<Entry, { kind: "vertex" }>;

let state: LedgerState;
let collector: TestCollector;
let chain: TestChain;
/** What was checked: on the main thread, and in threads. */
let here: number;
let threads: SignatureJob[];

const verdicts = (): SignatureVerdicts =>
    new SignatureVerdicts(
        (message, key) => {
            here++;
            return verifySign1(message, key);
        },
        (jobs) => {
            threads.push(...jobs);
            return Promise.resolve(
                jobs.map(({ algorithm, key, message, signature }) =>
                    verifySignature(key, algorithm, message, signature),
                ),
            );
        },
    );

beforeEach(async () => {
    const network = new TestNetwork("verdicts");
    state = network.state();
    collector = await network.collector();
    const meter = await network.meter();
    for (const { message } of [collector.enrolment, meter.enrolment]) {
        unwrap(accept(state, unwrap(parseEntry(message.bytes, [])), TEST_LATER_MS));
    }
    chain = new TestChain(meter);
    here = 0;
    threads = [];
});

/** The same vertex again, as somebody else parses its bytes. */
const again = ({ records, vertex }: VertexEntry): VertexEntry =>
    unwrap(
        parseEntry(
            vertex.message.bytes,
            records.map(({ message }) => message.bytes),
        ),
    ) as VertexEntry;

async function vertexOf(...records: MeterRecord[]): Promise<VertexEntry> {
    return again(await collector.vertex(records));
}

describe("remembered verdicts on signatures", () => {
    it("come from threads once, for every reader of the same bytes", async () => {
        const memory = verdicts();
        const entry = await vertexOf(await chain.usage(), await chain.usage());
        for (const each of [entry, entry, again(entry)]) await memory.learn(state, [each]);
        expect(threads).toHaveLength(2);
        expect(here).toBe(1); // the vertex's own
        expect(accept(state, again(entry), TEST_LATER_MS, memory.check).ok).toBe(true);
        expect([here, threads.length]).toEqual([1, 2]);
    });

    it("say of a bad signature in a body what the rule says", async () => {
        const memory = verdicts();
        const forged = await chain.usage({}, { signer: testSigner("somebody") });
        const { kid } = (await chain.fork().usage()).message;
        const signed = await vertexOf(await chain.usage());
        const claimed = { ...forged, message: { ...forged.message, kid } };
        const entry = { ...signed, records: [...signed.records, claimed] };
        await memory.learn(state, [entry]);
        expect(threads).toHaveLength(2);
        const meterKey = chain.meter.signer.publicKey;
        expect(memory.check(claimed.message, meterKey)).toBe(false);
        expect(memory.check(signed.records[0]?.message as never, meterKey)).toBe(true);
    });

    it("cost one check for an entry that no member signed", async () => {
        const memory = verdicts();
        const records = [await chain.usage()];
        const named = await collector.sign(collector.header(records), testSigner("somebody"));
        await memory.learn(state, [{ kind: "vertex", vertex: named, records }]);
        expect([here, threads.length]).toEqual([0, 0]); // by a key that is not the author's
        const { message } = await collector.sign(collector.header(records));
        const bytes = message.bytes.slice();
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
        const forged = unwrap(parseVertex(bytes));
        await memory.learn(state, [{ kind: "vertex", vertex: forged, records }]);
        expect([here, threads.length]).toEqual([1, 0]);
        const stranger = await new TestNetwork("other").collector("stranger");
        const foreign = await stranger.sign(stranger.header(records));
        await memory.learn(state, [{ kind: "vertex", vertex: foreign, records }]);
        expect([here, threads.length]).toEqual([1, 0]);
    });

    it("are taken over from the collector, which checked the record when it came", async () => {
        const memory = verdicts();
        const record = await chain.usage();
        memory.note(record.message);
        await memory.learn(state, [await vertexOf(record)]);
        expect(threads).toEqual([]);
        const other = record.message.bytes.slice();
        other[other.length - 1] = (other.at(-1) ?? 0) ^ 1; // the same statement, signed otherwise
        const resigned = unwrap(parseRecord(other)).message;
        expect(memory.check(resigned, chain.meter.signer.publicKey)).toBe(false);
    });

    it("belong to the key that signed: a collector's new key does not take over the old one's", async () => {
        const memory = verdicts();
        const entry = await vertexOf(await chain.usage());
        const { message } = entry.vertex;
        expect(memory.check(message, collector.signer.publicKey)).toBe(true);
        const renewed = testSigner("renewed").publicKey;
        expect(memory.check(message, renewed)).toBe(false);
        expect(memory.check(again(entry).vertex.message, renewed)).toBe(false);
        expect(memory.check(message, collector.signer.publicKey)).toBe(true);
    });

    it("are bounded: the oldest is checked again", async () => {
        const memory = verdicts();
        const record = await chain.usage();
        memory.note(record.message);
        const other = { ...record.message, bytes: new Uint8Array(4) };
        for (let i = 0; i < LIMITS.rememberedSignatures - 1; i++) {
            new DataView(other.bytes.buffer).setUint32(0, i);
            memory.note(other);
        }
        expect(memory.check({ ...record.message }, chain.meter.signer.publicKey)).toBe(true);
        expect(here).toBe(0);
        memory.note({ ...other, bytes: new Uint8Array(5) });
        expect(memory.check({ ...record.message }, chain.meter.signer.publicKey)).toBe(true);
        expect(here).toBe(1);
    });

    it("stay with the main thread where there are no threads", async () => {
        const memory = new SignatureVerdicts();
        const entry = await vertexOf(await chain.usage());
        await memory.learn(state, [entry]);
        expect(accept(state, entry, TEST_LATER_MS, memory.check).ok).toBe(true);
    });
});
