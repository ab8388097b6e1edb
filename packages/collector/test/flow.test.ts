import { LIMITS, type Signer, sha256, toHex } from "@meterseal/core";
import { genesisVertexIds, parseItem, type Vertex } from "@meterseal/ledger";
import {
    createSign1,
    encodeCbor,
    MESSAGE_TYPE,
    type MeterRecord,
    RECEIPT_LEVEL,
} from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { TEST_START_SLOT, TestChain, type TestMeter } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { GroupCommit } from "../src/group-commit.ts";
import { Bed, codes, records, START_MS } from "./bed.ts";

const HOUR_MS = 3_600_000;

let bed: Bed;
let meter: TestMeter;
let chain: TestChain;

beforeEach(async () => {
    bed = await Bed.create();
    meter = await bed.network.meter("one");
    await bed.enrol(meter);
    chain = new TestChain(meter);
});

/** Vertices of the log, in order. */
async function vertices(): Promise<Vertex[]> {
    const found: Vertex[] = [];
    for await (const { item } of bed.store.entries(0)) {
        const parsed = parseItem(item);
        if (parsed.ok && parsed.value.kind === "vertex") found.push(parsed.value.vertex);
    }
    return found;
}

/** Hooks that fail at one write point, each time it is reached. */
function failing(point: string, when: "beforeCommit" | "afterCommit") {
    return {
        [when]: (reached: string) => {
            if (reached === point) throw new Error(`injected fault in ${point}`);
        },
    };
}

describe("order", () => {
    it("is that of arrival, however long the signatures take", async () => {
        const [first, second] = (await records(chain, 2)) as [MeterRecord, MeterRecord];
        const delays = new Map([
            [first.message.hash.toHex(), 500],
            [second.message.hash.toHex(), 5],
        ]);
        bed.verify = async (jobs) => {
            const name = sha256(jobs[0]?.message ?? new Uint8Array()).toHex();
            await new Promise<void>((done) => {
                bed.time.after(delays.get(name) ?? 0, done);
            });
            return jobs.map(() => true);
        };
        const subject = toHex(meter.subject);
        const both = [first, second].map(({ message }) =>
            bed.collector.receive(subject, message.bytes),
        );
        await bed.time.run(Promise.all(both));
        expect(bed.answers.map(({ code, level }) => ({ code, level }))).not.toContainEqual({
            code: 6,
            level: 0,
        });
        expect(bed.answers.at(-1)).toMatchObject({ level: RECEIPT_LEVEL.stored, seq: 2 });
        expect(await bed.store.looseRecords()).toEqual([first.message.bytes, second.message.bytes]);
    });

    it("goes on after a verification that failed of its own", async () => {
        const record = await chain.usage();
        const { verify } = bed;
        bed.verify = () => Promise.reject(new Error("the threads are gone"));
        const subject = toHex(meter.subject);
        const both = [1, 2].map(() => bed.collector.receive(subject, record.message.bytes));
        const outcomes = await bed.time.run(Promise.allSettled(both));
        expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
        bed.verify = verify;
        expect(codes(await bed.send(meter, record))).toEqual([0]);
    });
});

describe("a receipt", () => {
    it("is sent after the transaction and never before", async () => {
        const record = await chain.usage();
        const received = bed.collector.receive(toHex(meter.subject), record.message.bytes);
        let acknowledged = false;
        const done = received.then(() => {
            acknowledged = true;
        });
        await bed.time.settle();
        expect(await bed.store.looseRecords()).toEqual([]);
        expect(bed.answers).toEqual([]);
        expect(acknowledged).toBe(false);
        await bed.time.run(done);
        expect(codes(bed.answers)).toEqual([0]);
    });

    it("C8 is not sent where the store failed, and nothing is taken from then on", async () => {
        await bed.restart(failing("insertRecords", "beforeCommit"));
        const all = await records(chain, 3);
        const subject = toHex(meter.subject);
        const outcomes = await bed.time.run(
            Promise.allSettled(
                all.map(({ message }) => bed.collector.receive(subject, message.bytes)),
            ),
        );
        expect(outcomes.map(({ status }) => status)).toEqual(Array(3).fill("rejected"));
        expect(bed.fatal).toHaveLength(1);
        await expect(bed.send(meter, await chain.usage())).rejects.toThrow();
        await expect(bed.send(meter, Uint8Array.of(1))).rejects.toThrow();
        await bed.finish();
        expect(bed.answers).toEqual([]);
        await bed.restart();
        expect(await bed.store.looseRecords()).toEqual([]);
        expect(codes(await bed.send(meter, ...all))).toEqual([0]);
    });

    it("is not sent for what waited behind a failed transaction, even if that would pass", async () => {
        const inserted: number[][] = [];
        let fail = (): void => undefined;
        const slow = Object.assign(bed.store, {
            insertRecords: (all: readonly MeterRecord[]) =>
                new Promise<readonly MeterRecord[]>((resolve, reject) => {
                    inserted.push(all.map(({ seq }) => seq));
                    if (inserted.length > 1) resolve(all);
                    else fail = () => reject(new Error("injected fault"));
                }),
        });
        const commits = new GroupCommit(slow, bed.time);
        const [first, second] = (await records(chain, 2)) as [MeterRecord, MeterRecord];
        const earlier = commits.commit([first]).catch((cause: Error) => cause.message);
        await bed.time.advance(LIMITS.commitDelayMs);
        const later = commits.commit([second]).catch((cause: Error) => cause.message);
        await bed.time.advance(LIMITS.commitDelayMs);
        fail();
        expect(await Promise.all([earlier, later])).toEqual(["injected fault", "injected fault"]);
        expect(inserted).toEqual([[1]]);
    });

    it("comes after a crash that hid the transaction's success; nothing is doubled", async () => {
        await bed.restart(failing("insertRecords", "afterCommit"));
        const record = await chain.usage();
        await expect(bed.send(meter, record)).rejects.toThrow();
        expect(bed.answers).toEqual([]);
        await bed.restart();
        expect(await bed.send(meter, record)).toMatchObject([{ code: 0, seq: 1, level: 1 }]);
        await bed.finish();
        expect(await bed.timesLogged(record)).toBe(1);
        expect(bed.fatal).toHaveLength(1);
    });

    it("is not worth a rejection where it cannot be delivered", async () => {
        bed.deliverFault = new Error("gone");
        expect(await bed.send(meter, await chain.usage())).toEqual([]);
        bed.deliverFault = null;
        expect(codes(await bed.finish())).toEqual([0]);
    });

    it("names the leaf and the checkpoint of the record's entry", async () => {
        await bed.send(meter, ...(await records(chain, 2)));
        const [final] = await bed.finish();
        expect(final).toMatchObject({ level: RECEIPT_LEVEL.final, seq: 2, leafIndex: 2 });
        expect(final?.checkpoint).toEqual(bed.engine.head());
    });
});

describe("a vertex", () => {
    /** A record whose bytes are about this many. */
    async function large(size: number): Promise<MeterRecord> {
        return await chain.warning(new Uint8Array(size));
    }

    it("closes two seconds after its first record", async () => {
        await bed.send(meter, await chain.usage());
        const sentMs = bed.time.nowMs();
        await bed.time.advance(LIMITS.vertexAgeMs - 10);
        await bed.send(meter, await chain.usage());
        expect(await vertices()).toEqual([]);
        await bed.time.advance(sentMs + LIMITS.vertexAgeMs - bed.time.nowMs() + 1);
        expect(await vertices()).toMatchObject([{ count: 2, round: 1 }]);
    });

    it("closes at 500 records", async () => {
        const all = await records(chain, LIMITS.vertexRecords + 1);
        for (let i = 0; i < all.length; i += 100) {
            await bed.send(meter, ...all.slice(i, i + 100));
        }
        await bed.time.settle();
        expect(await vertices()).toMatchObject([{ count: LIMITS.vertexRecords }]);
        await bed.finish();
        expect(await vertices()).toMatchObject([{ count: 500 }, { count: 1 }]);
    });

    it("closes at 256 KiB", async () => {
        for (let i = 0; i < 6; i++) await bed.send(meter, await large(50_000));
        const [first] = await vertices();
        expect(first?.count).toBe(5);
        expect(first?.size).toBeLessThanOrEqual(LIMITS.vertexBytes);
        await bed.finish();
        expect((await vertices()).map(({ count }) => count)).toEqual([5, 1]);
    });

    it("stops the collector where it cannot be written, once", async () => {
        await bed.restart(failing("insertVertex", "beforeCommit"));
        await bed.send(meter, await chain.usage());
        await bed.finish();
        await expect(bed.send(meter, await chain.usage())).rejects.toThrow();
        await bed.finish();
        expect(bed.fatal).toHaveLength(1);
        await bed.restart();
        bed.collector.connected(toHex(meter.subject));
        expect(await bed.finish()).toHaveLength(1);
        expect((await vertices()).map(({ count }) => count)).toEqual([1]);
    });
});

describe("a restart", () => {
    it("puts loose records into the next vertex, once, and answers as before", async () => {
        const all = await records(chain, 3);
        await bed.send(meter, ...all);
        await bed.restart();
        expect(await bed.send(meter, all[0] as MeterRecord)).toMatchObject([{ level: 1, seq: 3 }]);
        expect(codes(await bed.send(meter, await chain.usage()))).toEqual([0]);
        expect(await bed.finish()).toMatchObject([{ level: 2, seq: 4 }]);
        expect((await vertices()).map(({ count }) => count)).toEqual([4]);
        expect(bed.fatal).toEqual([]);
        await bed.restart();
        expect(await bed.send(meter, all[0] as MeterRecord)).toMatchObject([{ level: 2, seq: 4 }]);
    });

    it("takes loose records back long after the last entry of the log", async () => {
        await bed.time.advance(40 * 86_400_000);
        chain.nextSlot = TEST_START_SLOT + 60 * 96;
        const [first, second] = (await records(chain, 2)) as [MeterRecord, MeterRecord];
        await bed.send(meter, first);
        await bed.restart();
        expect(await bed.send(meter, first)).toMatchObject([{ level: 1, seq: 1 }]);
        expect(await bed.send(meter, second)).toMatchObject([{ level: 1, seq: 2 }]);
        await bed.finish();
        expect(await bed.logged()).toHaveLength(2);
        expect(bed.fatal).toEqual([]);
    });

    it.each(["beforeCommit", "afterCommit"] as const)(
        "hands a vertex over again that crashed %s of the log",
        async (when) => {
            await bed.restart(failing("append", when));
            const all = await records(chain, 2);
            await bed.send(meter, ...all);
            await bed.finish();
            expect(bed.fatal).toHaveLength(1);
            await bed.restart();
            await bed.finish();
            expect((await vertices()).map(({ count }) => count)).toEqual([2]);
            expect(await bed.send(meter, all[1] as MeterRecord)).toMatchObject([
                { level: 2, seq: 2 },
            ]);
            await bed.send(meter, await chain.usage());
            await bed.finish();
            expect((await vertices()).map(({ count }) => count)).toEqual([2, 1]);
            expect(bed.fatal).toHaveLength(1);
        },
    );

    it("knows its own last vertices: parents go on", async () => {
        for (let i = 0; i < 4; i++) {
            if (i === 2) await bed.restart();
            await bed.send(meter, await chain.usage());
            await bed.finish();
        }
        const all = await vertices();
        const named = all.map(({ parents }) => parents.map(String).sort());
        const ids = all.map(({ id }) => id.toString());
        const [, genesis] = genesisVertexIds(bed.network.networkId).map(String);
        expect(named[1]).toEqual([ids[0], genesis].sort());
        expect(named[2]).toEqual([ids[1], ids[0]].sort());
        expect(named[3]).toEqual([ids[2], ids[1]].sort());
        expect(all.map(({ round }) => round)).toEqual([1, 2, 3, 4]);
    });

    it("is final without an answer to meters that have not come since the start", async () => {
        const first = await chain.usage();
        await bed.send(meter, first);
        await bed.restart();
        expect(await bed.finish()).toEqual([]);
        expect(await bed.send(meter, first)).toMatchObject([{ level: RECEIPT_LEVEL.final }]);
    });

    it("keeps a refusal to itself: what waited is asked for again", async () => {
        const [first, second] = (await records(chain, 2)) as [MeterRecord, MeterRecord];
        await bed.send(meter, second);
        await bed.restart();
        expect(await bed.send(meter, first)).toMatchObject([{ code: 0, seq: 1 }]);
        expect(await bed.send(meter, second)).toMatchObject([{ code: 0, seq: 2 }]);
    });
});

describe("close", () => {
    it("makes final what was under way, and leaves no timer", async () => {
        const record = await chain.usage();
        const received = bed.collector.receive(toHex(meter.subject), record.message.bytes);
        await bed.time.settle();
        await bed.time.run(Promise.all([bed.collector.close(), received]));
        expect(await bed.timesLogged(record)).toBe(1);
        expect(bed.time.pending).toBe(0);
        await expect(bed.send(meter, record)).rejects.toMatchObject({ code: "MS_BUSY" });
        expect(bed.fatal).toEqual([]);
    });

    it("does not wait for a clock that went back; the next start hands over", async () => {
        await bed.time.advance(10 * HOUR_MS);
        chain.timeUnix = START_MS / 1000 + 9 * 3600;
        const record = await chain.usage();
        await bed.send(meter, record);
        bed.skewMs = -2 * HOUR_MS;
        await bed.time.run(bed.collector.close(), 5_000);
        expect(bed.time.pending).toBe(0);
        expect(await vertices()).toEqual([]);
        bed.skewMs = 0;
        await bed.restart();
        await bed.finish();
        expect(await bed.timesLogged(record)).toBe(1);
        expect(bed.fatal).toEqual([]);
    });
});

describe("a link token", () => {
    const token = (signer: Signer, subject: Uint8Array, network = bed.network.networkId) =>
        createSign1(
            signer,
            MESSAGE_TYPE.link,
            encodeCbor(
                new Map<number, unknown>([
                    [0, network],
                    [1, subject],
                    [2, START_MS / 1000],
                ]),
            ),
        );
    const allowed = (subjectHex: string, bytes: Uint8Array) =>
        bed.collector.authenticate(subjectHex, bytes);

    it("of the subject's own key lets in", async () => {
        const bytes = await token(meter.signer, meter.subject);
        expect(await allowed(toHex(meter.subject), bytes)).toBe(true);
    });

    it("of anybody else does not, and never throws", async () => {
        const other = await bed.network.meter("two");
        await bed.enrol(other);
        const subject = toHex(meter.subject);
        const good = await token(meter.signer, meter.subject);
        const changed = good.slice();
        changed[changed.length - 20] = (changed[changed.length - 20] as number) ^ 1;
        const tokens: [string, string, Uint8Array][] = [
            ["unknown key", subject, await token(testSigner("x"), meter.subject)],
            ["key of another subject", subject, await token(other.signer, meter.subject)],
            ["another subject's token", subject, await token(other.signer, other.subject)],
            ["own token for another name", toHex(other.subject), good],
            [
                "another network",
                subject,
                await token(meter.signer, meter.subject, testBytes("net", 32)),
            ],
            ["the collector's key", subject, await token(bed.signer, meter.subject)],
            ["the collector as a meter", toHex(bed.author), await token(bed.signer, bed.author)],
            ["bad signature", subject, changed],
            ["a record", subject, (await chain.usage()).message.bytes],
            ["nothing", subject, new Uint8Array()],
            ["garbage", subject, testBytes("garbage", 32)],
            ["a name that is no subject", "no hex at all", good],
        ];
        for (const [name, who, bytes] of tokens) {
            expect(await allowed(who, bytes), name).toBe(false);
        }
    });
});
