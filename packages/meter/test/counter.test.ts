import { unwrap } from "@meterseal/core";
import { decodeEvent, EVENT_REASON, RECORD_CLASS, usageOf } from "@meterseal/record";
import { expandAddresses } from "@meterseal/seal";
import { MemoryMeterStore } from "@meterseal/stores/memory";
import { TEST_START_UNIX } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { MeterAgent } from "../src/index.ts";
import { boundary, FIRST_SLOT, MeterBed } from "./agent-bed.ts";
import { TestCounter } from "./test-counter.ts";

let bed: MeterBed;
let counter: TestCounter;

beforeEach(() => {
    bed = new MeterBed();
    counter = new TestCounter(0);
});

/** Starts the meter on a store, with the counter beside it. */
async function start(store: MemoryMeterStore): Promise<MeterAgent> {
    bed.store = store;
    bed.agent = await MeterAgent.open({ ...bed.options(), counter });
    await bed.agent.connect();
    return bed.agent;
}

const refused = { code: "MS_OUTBOX" };

describe("a counter beside the memory", () => {
    it("counts starts, and lets the meter go on where it was", async () => {
        await start(bed.store);
        await bed.feed(4);
        await start(bed.store.crash());
        expect(bed.agent.nextSlot).toBe(FIRST_SLOT + 4);
        await start(bed.store.crash());
        expect(counter.value).toBe(3);
    });

    it("refuses a lost memory: nothing is sealed, nothing is written", async () => {
        await start(bed.store);
        await bed.feed(4);
        const empty = new MemoryMeterStore();
        await expect(start(empty)).rejects.toMatchObject(refused);
        expect(await empty.crash().state()).toBeNull();
        expect(counter.value).toBe(1);
    });

    it("refuses an older copy of the memory, whenever it was made", async () => {
        await start(bed.store);
        await bed.feed(4);
        const { store } = bed;
        const copy = await copyOf(store);
        await start(store.crash());
        await bed.feed(4);
        const latest = bed.store;
        await expect(start(copy)).rejects.toMatchObject(refused);
        await start(latest.crash());
        expect(bed.agent.nextSlot).toBe(FIRST_SLOT + 8);
    });

    it("refuses where it is gone itself: nobody knows whether this memory is the latest", async () => {
        await start(bed.store);
        counter.value = null;
        await expect(start(bed.store.crash())).rejects.toMatchObject(refused);
        await expect(start(new MemoryMeterStore())).rejects.toMatchObject(refused);
    });

    it("takes a memory in that is from before there were counters", async () => {
        await bed.start();
        await bed.feed(4);
        counter.value = null;
        await start(bed.store.crash());
        expect(bed.agent.nextSlot).toBe(FIRST_SLOT + 4);
        expect(counter.value).toBe(1);
    });

    it.each(["before", "after"] as const)("may crash %s it is raised", async (when) => {
        await start(bed.store);
        await bed.feed(4);
        counter.crash = when;
        await expect(start(bed.store.crash())).rejects.toThrow("crash");
        await start(bed.store.crash());
        expect(bed.agent.nextSlot).toBe(FIRST_SLOT + 4);
        await bed.feed(4);
        const copy = await copyOf(bed.store);
        await start(bed.store.crash());
        await expect(start(copy)).rejects.toMatchObject(refused);
    });
});

describe("a meter that lost its memory", () => {
    it("goes on in the next epoch, under which no register was ever sealed", async () => {
        await start(bed.store);
        await bed.feed(8);
        const before = await addresses();
        await expect(start(new MemoryMeterStore())).rejects.toMatchObject(refused);

        const lost = bed;
        bed = new MeterBed({ sealEpoch: 1 });
        counter = new TestCounter(0); // the next directory's own
        await start(new MemoryMeterStore());
        await bed.agent.openEpoch({
            registers: [1_500n],
            atUnix: TEST_START_UNIX,
            reason: EVENT_REASON.keyRotation,
            before: { sealEpoch: 0, stated: [1_500n] },
        });
        for (let i = 0; i < 8; i++) {
            await bed.agent.add({ ...boundary(FIRST_SLOT + i), registers: [1_500n + BigInt(i)] });
        }
        const after = await addresses();
        expect(new Set([...before, ...after]).size).toBe(before.length + after.length);
        expect(before).toHaveLength(8);
        expect(after).toHaveLength(10);
        expect(lost.master).toEqual(bed.master);
    });
});

/** Seal epoch, tree and leaf of every register in the outbox. */
async function addresses(): Promise<string[]> {
    const names: string[] = [];
    for (const record of await bed.kept()) {
        if (record.recordClass === RECORD_CLASS.billing) {
            const { before, index, sealEpoch } = unwrap(decodeEvent(record.body));
            names.push(`${sealEpoch}/4/${index}`);
            if (before?.stated !== undefined) names.push(`${sealEpoch}/4/${index + 1}`);
            continue;
        }
        const body = unwrap(usageOf(record));
        for (const { index, level } of unwrap(expandAddresses(body))) {
            names.push(`${body.sealEpoch}/${level}/${index}`);
        }
    }
    return names;
}

/** Copy of a memory as a backup has it. */
async function copyOf(store: MemoryMeterStore): Promise<MemoryMeterStore> {
    const state = await store.state();
    const copy = new MemoryMeterStore();
    for (const record of await store.outbox()) await copy.append(state as Uint8Array, record);
    if (state !== null) await copy.append(state, null);
    return copy;
}
