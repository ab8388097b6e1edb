import { LIMITS, toHex } from "@meterseal/core";
import { type Engine, genesisVertexIds, type RecordStore, Tips } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { TestChain, TestNetwork } from "@meterseal/testkit/records";
import { SimulatedTime } from "@meterseal/testkit/sim-time";
import { beforeEach, describe, expect, it } from "vitest";
import { VertexBuilder } from "../src/vertex-builder.ts";
import { START_MS } from "./bed.ts";

let record: MeterRecord;
let builder: VertexBuilder;
let time: SimulatedTime;
let clockMs: number;
let failures: unknown[];
/** Ends the oldest vertex at the engine: in the log, or refused with a cause. */
let finish: ((cause?: Error) => void)[];

beforeEach(async () => {
    const network = new TestNetwork("backlog");
    record = await new TestChain(await network.meter("one")).usage();
    time = new SimulatedTime(START_MS);
    clockMs = START_MS;
    failures = [];
    finish = [];
    const append: Engine["append"] = () =>
        new Promise((resolve, reject) => {
            finish.push((cause) => {
                if (cause === undefined) resolve(0);
                else reject(cause);
            });
        });
    const submit: Engine["submit"] = () => Promise.reject(new Error("nobody waits for finality"));
    const head = (): ReturnType<Engine["head"]> => ({ size: 0, root: testBytes("root", 32) });
    const engine: Engine = {
        state: network.state(),
        submit,
        append,
        head,
        markVerified: () => undefined,
    };
    const store: RecordStore = {
        insertRecords: () => Promise.resolve([]),
        looseRecords: () => Promise.resolve([]),
        storedVertex: () => Promise.resolve(null),
        leafOfRecord: () => Promise.resolve(null),
        insertVertex: () => Promise.resolve(),
        openVertices: async function* () {},
    };
    builder = new VertexBuilder(engine, {
        store,
        clock: { nowMs: () => clockMs },
        steadyClock: time,
        timers: time,
        nextTurn: () => Promise.resolve(),
        signer: testSigner("collector"),
        author: testBytes("author", 16),
        keyEpoch: 0,
        tips: new Tips(testBytes("author", 16), genesisVertexIds(network.networkId)),
        log: { info: () => undefined, warn: () => undefined },
        onFailure: (cause) => failures.push(cause),
    });
});

/** Adds records, and asks for room; true where there is some. */
async function hasRoomAfter(count: number): Promise<() => boolean> {
    builder.add(Array<MeterRecord>(count).fill(record));
    let room = false;
    void builder.room().then(() => {
        room = true;
    });
    await time.settle();
    return () => room;
}

describe("records on their way to the ledger", () => {
    it("leave room below the limit, and at it only when a vertex is final", async () => {
        expect((await hasRoomAfter(LIMITS.vertexBacklog - 1))()).toBe(true);
        const room = await hasRoomAfter(1);
        expect(room()).toBe(false);
        finish.shift()?.();
        await time.settle();
        expect(room()).toBe(true);
    });

    it("hold up nobody while they wait for a clock that went back", async () => {
        clockMs -= 365 * 86_400_000;
        expect((await hasRoomAfter(LIMITS.vertexBacklog))()).toBe(true);
    });

    it("hold up their own meter alone where no more may wait for a clock", async () => {
        clockMs -= 365 * 86_400_000;
        const isFull = (): boolean => builder.isFullFor(toHex(record.subject));
        await hasRoomAfter(LIMITS.earlyRecords - 1);
        await time.advance(LIMITS.vertexAgeMs);
        expect(isFull()).toBe(false);
        await hasRoomAfter(1);
        await time.advance(LIMITS.vertexAgeMs);
        expect(isFull()).toBe(true);
        expect(builder.isFullFor("00")).toBe(false);
        clockMs += 365 * 86_400_000;
        await time.advance(LIMITS.vertexAgeMs);
        expect(isFull()).toBe(false);
    });

    it("hold up nobody after a failure, which ends the collector", async () => {
        const room = await hasRoomAfter(LIMITS.vertexBacklog);
        finish.shift()?.(new Error("refused"));
        await time.settle();
        expect(room()).toBe(true);
        expect(failures).toHaveLength(1);
    });

    it("are sealed while earlier vertices are on their way, as far as the limit goes", async () => {
        for (let i = 0; i < LIMITS.verticesUnderWay + 2; i++) {
            builder.add(Array<MeterRecord>(LIMITS.vertexRecords).fill(record));
        }
        await time.settle();
        expect(finish).toHaveLength(LIMITS.verticesUnderWay);
        finish.shift()?.();
        await time.settle();
        expect(finish).toHaveLength(LIMITS.verticesUnderWay);
    });
});
