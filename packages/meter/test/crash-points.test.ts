import { error, unwrap } from "@meterseal/core";
import {
    decodeEvent,
    EVENT_REASON,
    type MeterRecord,
    RECORD_CLASS,
    usageOf,
} from "@meterseal/record";
import { expandAddresses } from "@meterseal/seal";
import { TEST_START_UNIX } from "@meterseal/testkit/records";
import { expect, test } from "vitest";
import { MeterAgent } from "../src/index.ts";
import { FIRST_SLOT, MeterBed, type StoreHooks } from "./agent-bed.ts";
import { TestCounter } from "./test-counter.ts";

const SLOTS = 14;
const END_UNIX = TEST_START_UNIX + 86_000;

/** Every register that left the meter, by the key under which it was sealed: one value for each. */
class Registers {
    readonly sealed = new Map<string, string>();
    /** Record bytes by place in the chain. */
    readonly records = new Map<string, string>();

    see(record: MeterRecord): void {
        const place = `${record.chainEpoch}/${record.seq}`;
        const bytes = record.message.bytes.toHex();
        expect(this.records.get(place) ?? bytes, `record ${place}`).toBe(bytes);
        this.records.set(place, bytes);
        for (const [name, value] of valuesOf(record)) {
            expect(this.sealed.get(name) ?? value, `register ${name}`).toBe(value);
            this.sealed.set(name, value);
        }
    }
}

function valuesOf(record: MeterRecord): [string, string][] {
    if (record.recordClass === RECORD_CLASS.billing) {
        const { before, index, sealEpoch, values } = unwrap(decodeEvent(record.body));
        const stated = before?.stated === undefined ? [] : [before.stated];
        return [values, ...stated].map((each, i) => [
            `${sealEpoch}/4/${index + i}`,
            each.mode === "sealed" ? each.bytes.toHex() : "",
        ]);
    }
    if (record.recordClass !== RECORD_CLASS.usage) return [];
    const body = unwrap(usageOf(record));
    const { values } = body;
    if (values.mode !== "sealed") throw new Error("an open stream");
    return unwrap(expandAddresses(body)).map(({ index, level }, i) => [
        `${body.sealEpoch}/${level}/${index}`,
        values.bytes.slice(i * 8, i * 8 + 8).toHex(),
    ]);
}

/** Throws at the n-th commit, before or after it. */
function crashAt(count: number, when: keyof StoreHooks): StoreHooks & { readonly fired: boolean } {
    let seen = 0;
    const state = { fired: false };
    const hook = (): void => {
        if (seen++ !== count) return;
        state.fired = true;
        throw error("MS_STORE_UNWRITABLE");
    };
    return Object.defineProperty({ [when]: hook }, "fired", { get: () => state.fired }) as never;
}

/**
 * One life of a meter: opening, boundaries (a gap among them, which is noted as lost), closing, with
 * receipts on the way. In each life the registers are other ones, as those of a meter that measured on.
 */
async function live(bed: MeterBed, counter: TestCounter, seen: Registers, life: number) {
    bed.link.onSend = (records) => {
        for (const record of records) seen.see(record);
    };
    const agent = await MeterAgent.open({ ...bed.options(3), counter, source: "intervals" });
    bed.agent = agent;
    await agent.connect();
    bed.link.up();
    const drift = BigInt(life) * 7n;
    if (agent.recordCount === 0) {
        await agent.openEpoch({
            registers: [100n + drift],
            atUnix: TEST_START_UNIX,
            reason: EVENT_REASON.exchange,
            before: { sealEpoch: 0, stated: [50n + drift] },
        });
    }
    for (let i = 0; i < SLOTS; i++) {
        const slot = FIRST_SLOT + i;
        if (i === 5 || slot < agent.nextSlot) continue;
        const registers = [1_000n + BigInt(i) * 10n + drift];
        await agent.add({ slot, registers, flag: 0 });
        await bed.time.settle();
        const [oldest] = await bed.kept();
        if (i === 7 && oldest !== undefined) await bed.final(oldest);
    }
    if (agent.closing === null) {
        const registers = [2_000n + drift];
        await agent.closeEpoch({ registers, atUnix: END_UNIX, reason: EVENT_REASON.reset });
    }
    await bed.time.settle();
}

test.each(["beforeCommit", "afterCommit"] as const)(
    "invariant 6: crashed %s of every write, at both of the counter's steps, no register is sealed twice",
    async (when) => {
        let points = 0;
        for (let at = 0; ; at++) {
            const bed = new MeterBed({ sealEpoch: 1 });
            const counter = new TestCounter(0);
            const seen = new Registers();
            const hooks = crashAt(at, when);
            bed.store = bed.store.crash(hooks);
            await live(bed, counter, seen, 0).catch(() => undefined);
            if (!hooks.fired) break;
            points++;
            // What was durable may leave later; a second crash comes while the meter recovers.
            for (const record of await keptAfterCrash(bed)) seen.see(record);
            counter.crash = at % 2 === 0 ? "before" : "after";
            await live(bed, counter, seen, 1).catch(() => undefined);
            await keptAfterCrash(bed);
            await live(bed, counter, seen, 2);
            for (const record of await bed.kept()) seen.see(record);
            expect(bed.agent.closing).not.toBeNull();
            // Two opening leaves, the boundaries, one closing; a gap at a restart is sealed or skipped.
            expect([SLOTS + 2, SLOTS + 3]).toContain(seen.sealed.size);
        }
        // The start, the opening, records, a warning, a receipt or two, the closing.
        expect(points).toBeGreaterThanOrEqual(8);
    },
);

async function keptAfterCrash(bed: MeterBed): Promise<MeterRecord[]> {
    await bed.agent?.close().catch(() => undefined);
    bed.store = bed.store.crash();
    return await bed.kept();
}
