import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type PublicKey, toHex } from "@meterseal/core";
import { EmbeddedEngine } from "@meterseal/engines/embedded";
import { compareRecords, type Finality } from "@meterseal/ledger";
import {
    createReceipt,
    createRevocation,
    encodeCoseKey,
    type MeterRecord,
    RECEIPT_LEVEL,
} from "@meterseal/record";
import { openMeterStore, openServerStore } from "@meterseal/stores/sqlite";
import { testSigner } from "@meterseal/testkit/keys";
import {
    TEST_START_UNIX,
    TestChain,
    type TestCollector,
    TestNetwork,
} from "@meterseal/testkit/records";
import { describe, expect, it } from "vitest";
import { claimDirectory, PLACES, PROFILE_FILE } from "../src/files.ts";
import type { VerifyReport } from "../src/verify/report.ts";
import { verifyDirectory } from "../src/verify/verify.ts";
import { useScratch } from "./fixture.ts";

const scratch = useScratch();

type Bed = Awaited<ReturnType<typeof openBed>>;

/** The data directory of a single server, whose log anybody's vertices can be put into. */
async function openBed(name: string, collectors: readonly string[] = ["one", "other"]) {
    const dataDir = join(scratch, name);
    claimDirectory(dataDir);
    const network = new TestNetwork(name);
    const store = await openServerStore(PLACES.server(dataDir));
    await store.initialize(network.genesis);
    const clock = { unix: TEST_START_UNIX + 86_400, nowMs: () => clock.unix * 1000 };
    const { logSigner } = network;
    const observer = { entryFinal: () => undefined };
    const engine = await EmbeddedEngine.open({ store, clock, logSigner, observer });
    const meter = await network.meter(name);
    const authors = await Promise.all(collectors.map((each) => network.collector(each)));
    for (const { enrolment } of [...authors, meter]) {
        await engine.submit(enrolment.message.bytes, []);
    }
    const take = async (author: TestCollector, records: readonly MeterRecord[]) => {
        const { vertex, records: body } = await author.vertex(records);
        const { bytes } = vertex.message;
        await store.takeVertices([{ bytes, id: vertex.id.bytes, records: body }]);
        return await engine.submit(bytes, body);
    };
    const verify = async (): Promise<VerifyReport> => {
        engine.close();
        await store.close();
        return await verifyDirectory(dataDir, [], () => undefined);
    };
    const [one, other] = [authors[0], authors[1] ?? authors[0]] as [TestCollector, TestCollector];
    const chain = new TestChain(meter);
    return { chain, clock, dataDir, engine, meter, network, one, other, store, take, verify };
}

/** Puts a meter's directory beside the server: its first record, and the receipts that it has kept. */
async function putOutbox(
    { dataDir, meter, network }: Bed,
    collectorKey: PublicKey,
    record: MeterRecord,
    { final, stored }: { readonly stored?: Uint8Array; readonly final?: Uint8Array },
): Promise<void> {
    const { descriptor, enrolment, subject } = meter;
    const directory = PLACES.meter(dataDir, toHex(subject));
    mkdirSync(directory, { recursive: true });
    const profile = {
        format: "meterseal-meter/v1",
        source: "a home",
        network: toHex(network.networkId),
        subject: toHex(subject),
        chainEpoch: enrolment.epoch,
        anchor: toHex(enrolment.message.hash),
        stream: toHex(descriptor.stream),
        collectorKey: toHex(encodeCoseKey(collectorKey)),
    };
    writeFileSync(join(directory, PROFILE_FILE), JSON.stringify(profile));
    const store = await openMeterStore(directory);
    const { chainEpoch, message, seq } = record;
    const { bytes, hash } = message;
    await store.append(new Uint8Array(1), { chainEpoch, seq, hash, bytes });
    if (stored !== undefined) await store.keepStored(stored);
    if (final !== undefined) await store.keepFinal(final, chainEpoch, seq);
    await store.close();
}

const placeOf = ({ chainEpoch, message, seq, subject }: MeterRecord) => ({
    ...{ subject, chainEpoch, seq, recordHash: message.hash, code: 0, timeUnix: TEST_START_UNIX },
});

const storedReceipt = (
    { signer }: Pick<TestCollector, "signer">,
    record: MeterRecord,
): Promise<Uint8Array> =>
    createReceipt(signer, { ...placeOf(record), level: RECEIPT_LEVEL.stored });

const finalReceipt = (
    { signer }: Pick<TestCollector, "signer">,
    record: MeterRecord,
    { checkpoint, leafIndex }: Finality,
): Promise<Uint8Array> =>
    createReceipt(signer, {
        ...placeOf(record),
        ...{ level: RECEIPT_LEVEL.final, leafIndex, checkpoint },
    });

describe("two histories that a meter signed are no fault of who keeps them", () => {
    it("where it had gone on before it signed the second one", async () => {
        const { chain, one, take, verify } = await openBed("behind its head", ["one"]);
        const first = await chain.usage();
        const second = chain.fork();
        await take(one, [first, await chain.usage(), await chain.usage()]);
        await take(one, [await second.warning()]);
        const report = await verify();
        expect(report.faults).toEqual([]);
        expect(report.notes).toContainEqual(expect.stringMatching(/signed two histories/));
    });

    it("where what stands before them never came", async () => {
        const { chain, one, take, verify } = await openBed("before its head", ["one"]);
        await chain.usage();
        await chain.usage();
        const second = chain.fork();
        await take(one, [await chain.usage(), await second.warning()]);
        expect((await verify()).faults).toEqual([]);
    });

    it("where the second one is not in the log yet", async () => {
        const { chain, one, store, take, verify } = await openBed("loose", ["one"]);
        const first = await chain.usage();
        const second = chain.fork();
        await take(one, [first, await chain.usage(), await chain.usage()]);
        await store.insertRecords([await second.warning()]);
        expect((await verify()).faults).toEqual([]);
    });

    it("but one record of another chain is, and a record that is missing", async () => {
        const bed = await openBed("foreign", ["one"]);
        const { chain, store, take, verify } = bed;
        await take(bed.one, [await chain.usage(), await chain.usage()]);
        chain.head = new Uint8Array(32).fill(7);
        const [stranger] = [await chain.warning(), await chain.warning()];
        const last = await chain.warning();
        await store.insertRecords([stranger as MeterRecord, last]);
        const { faults } = await verify();
        const name = `record ${toHex(bed.meter.subject)}/0`;
        expect(faults).toMatchObject([
            { code: "MS_CHAIN_MISMATCH", where: `${name}/3` },
            { code: "MS_GAP", where: `${name}/4` },
        ]);
    });

    it("and the receipt for either holds", async () => {
        for (const which of [0, 1]) {
            const bed = await openBed(`receipt ${which}`, ["one"]);
            const { chain, one, take, verify } = bed;
            const second = chain.fork();
            const records = [await chain.usage(), await second.warning()];
            for (const record of records) await take(one, [record]);
            const record = records[which] as MeterRecord;
            const stored = await storedReceipt(one, record);
            await putOutbox(bed, one.signer.publicKey, record, { stored });
            expect((await verify()).faults).toEqual([]);
        }
    });
});

const passedOver = ({ notes }: VerifyReport): string[] =>
    notes.filter((note) => note.includes("of the log"));

describe("a receipt for a record that two collectors carried", () => {
    const entries = [
        { name: "holds under the first entry", at: 0, codes: [] },
        { name: "holds under a later one", at: 1, codes: [] },
        { name: "does not under an entry without it", at: 2, codes: ["MS_OUTBOX"] },
    ];
    it.each(entries)("$name", async ({ at, codes, name }) => {
        const bed = await openBed(name);
        const { chain, one, other, take, verify } = bed;
        const stranger = await bed.network.meter("a stranger");
        await bed.engine.submit(stranger.enrolment.message.bytes, []);
        const strangers = new TestChain(stranger);
        const record = await chain.usage();
        const carried = [await take(one, [record]), await take(other, [record])];
        const last = await take(one, [await strangers.usage()]);
        const finality = { ...last, ...carried[at], checkpoint: last.checkpoint };
        const final = await finalReceipt(one, record, finality);
        await putOutbox(bed, one.signer.publicKey, record, { final });
        expect((await verify()).faults.map(({ code }) => code)).toEqual(codes);
    });
});

describe("a receipt of the collector that a meter went to before", () => {
    it("holds", async () => {
        const bed = await openBed("went over");
        const record = await bed.chain.usage();
        const final = await finalReceipt(bed.one, record, await bed.take(bed.one, [record]));
        await putOutbox(bed, bed.other.signer.publicKey, record, { final });
        expect((await bed.verify()).faults).toEqual([]);
    });

    it("holds where that collector's key was replaced, whichever one the profile names", async () => {
        for (const which of ["present", "replaced"]) {
            const bed = await openBed(`${which} key`, ["one"]);
            const { chain, engine, network, one, take, verify } = bed;
            const record = await chain.usage();
            const final = await finalReceipt(one, record, await take(one, [record]));
            const { publicKey } = testSigner("next key of one");
            const next = { epoch: 1, id: one.enrolment.id, key: publicKey };
            const { enrolment } = await network.collector("one", next);
            await engine.submit(enrolment.message.bytes, []);
            const named = which === "present" ? publicKey : one.signer.publicKey;
            await putOutbox(bed, named, record, { final });
            expect((await verify()).faults).toEqual([]);
        }
    });

    it("says nothing of this store, where what it holds is not in the log", async () => {
        for (const own of ["one", "other"] as const) {
            const bed = await openBed(`stored by ${own}`);
            const record = await bed.chain.usage();
            const stored = await storedReceipt(bed[own], record);
            await putOutbox(bed, bed.other.signer.publicKey, record, { stored });
            const report = await bed.verify();
            const where = `outbox of meter ${toHex(bed.meter.subject)}, stored receipt`;
            if (own === "one") {
                expect(report.faults).toEqual([]);
                expect(report.notes).toContainEqual(expect.stringContaining(where));
            } else expect(report.faults).toMatchObject([{ code: "MS_OUTBOX", where }]);
        }
    });

    it("is none where a meter signed it", async () => {
        const bed = await openBed("self-made");
        const record = await bed.chain.usage();
        const { signer } = bed.meter;
        const final = await finalReceipt({ signer }, record, await bed.take(bed.one, [record]));
        await putOutbox(bed, bed.one.signer.publicKey, record, { final });
        const { faults } = await bed.verify();
        expect(faults.map(({ code }) => code)).toEqual(["MS_RECEIPT", "MS_OUTBOX"]);
    });
});

describe("what the ledger's rule passed over is no fault of its log", () => {
    it("a record of the future, which its collector carried again", async () => {
        const { chain, clock, one, take, verify } = await openBed("clock", ["one"]);
        chain.timeUnix = clock.unix + 2_000;
        const record = await chain.warning();
        await take(one, [record]);
        clock.unix += 4_000;
        await take(one, [record]);
        const report = await verify();
        expect(report.faults).toEqual([]);
        expect(passedOver(report)).toEqual([
            expect.stringMatching(
                /^1 record of the log was passed over \(MS_CLOCK\), at leaf 2, vertex .*: The message is dated/,
            ),
        ]);
    });

    it("a record under way when its meter was revoked", async () => {
        const { chain, clock, engine, meter, network, one, take, verify } =
            await openBed("revoked");
        await take(one, [await chain.warning()]);
        const revoked = { network: network.networkId, id: meter.subject, timeUnix: clock.unix };
        await engine.submit(await createRevocation(network.operator, revoked), []);
        await take(one, [await chain.warning()]);
        const report = await verify();
        expect(report.faults).toEqual([]);
        expect(passedOver(report)).toEqual([
            expect.stringMatching(/^1 record of the log was passed over \(MS_FROZEN\), at leaf 5/),
        ]);
    });

    it("what follows a second history, which another branch carried", async () => {
        const { chain, one, other, take, verify } = await openBed("branches");
        await take(one, [await chain.usage()]);
        const second = chain.fork();
        await take(one, [await chain.usage()]);
        await take(other, [await second.warning(7), await second.warning(8)]);
        await take(other, [await second.warning(9)]);
        const report = await verify();
        expect(report.faults).toEqual([]);
        expect(report.notes).toContainEqual(expect.stringMatching(/signed two histories/));
        expect(passedOver(report)).toEqual([
            expect.stringMatching(
                /^2 records of the log were passed over \(MS_FROZEN\), the first at leaf 5/,
            ),
        ]);
    });

    // A collector keeps both records of one place without a look at the second one's content.
    it("a second record of one place that breaks a rule and is judged first", async () => {
        const { chain, one, take, verify } = await openBed("breach", ["one"]);
        const first = await chain.usage();
        const second = chain.fork();
        const record = await chain.usage();
        second.head = new Uint8Array(32).fill(7);
        let forged = await second.fork().warning(0);
        for (let body = 1; compareRecords(forged, record) > 0; body++) {
            forged = await second.fork().warning(body);
        }
        await take(one, [first, record, forged]);
        const report = await verify();
        expect(report.faults).toEqual([]);
        expect(passedOver(report)).toEqual([
            expect.stringMatching(
                /^1 record of the log broke a rule and froze its chain \(MS_CHAIN_MISMATCH\), at leaf 2/,
            ),
            expect.stringMatching(/^1 record of the log was passed over \(MS_FROZEN\), at leaf 2/),
        ]);
    });

    it("a record that breaks a rule, by a collector that should not have taken it", async () => {
        const { chain, one, other, take, verify } = await openBed("bad-collector");
        await take(one, [await chain.usage()]);
        chain.head = new Uint8Array(32).fill(7);
        await take(other, [await chain.warning(), await chain.warning()]);
        const report = await verify();
        expect(report.faults).toEqual([]);
        expect(passedOver(report)).toHaveLength(2);
    });
});
