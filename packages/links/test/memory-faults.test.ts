import { type Timers, utf8 } from "@meterseal/core";
import { ScriptedCollector, TestMeter } from "@meterseal/testkit/link-compliance";
import { describe, expect, it } from "vitest";
import { createMemoryLink, type MemoryLinkOptions } from "../src/memory/index.ts";

/** Time that passes when told so; callbacks of one instant in the order of their request. */
class SimulatedTimers implements Timers {
    nowMs = 0;
    #next = 0;
    readonly #due = new Map<number, { atMs: number; callback: () => void }>();

    after(delayMs: number, callback: () => void): () => void {
        const key = this.#next++;
        this.#due.set(key, { atMs: this.nowMs + delayMs, callback });
        return () => this.#due.delete(key);
    }

    /** Runs on until the condition holds, letting promises settle in between. */
    async runUntil(condition: () => boolean, limitMs: number): Promise<void> {
        while (!condition()) {
            await new Promise((resolve) => setImmediate(resolve));
            const [first] = [...this.#due].sort(([a, x], [b, y]) => x.atMs - y.atMs || a - b);
            if (first === undefined) continue;
            this.#due.delete(first[0]);
            this.nowMs = Math.max(this.nowMs, first[1].atMs);
            if (this.nowMs > limitMs) throw new Error(`not done after ${limitMs} ms`);
            first[1].callback();
        }
    }
}

function seeded(seed: number): () => number {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
}

const SUBJECT = "0a".repeat(16);

/** Sends numbers over a bad link, cutting it now and then; gives what arrived and when it ended. */
async function run(seed: number, faults: MemoryLinkOptions) {
    const timers = new SimulatedTimers();
    const random = seeded(seed);
    const link = createMemoryLink({ ...faults, timers, random, ackTimeoutMs: 200 });
    const collector = new ScriptedCollector();
    const meter = new TestMeter((token) => link.meter(SUBJECT, token), SUBJECT);
    await link.collector.listen(collector);
    await meter.link.open(meter);
    await timers.runUntil(() => meter.isUp, 1_000);
    const open = new Set(Array.from({ length: 60 }, (_, i) => `${i}`));
    const sending = new Set<string>();
    const pump = () => {
        for (const text of open) {
            if (!meter.isUp || sending.has(text)) continue;
            sending.add(text);
            meter.link.send(utf8(text)).then(
                () => open.delete(text),
                () => sending.delete(text),
            );
        }
        timers.after(20, pump);
    };
    pump();
    for (const atMs of [150, 400, 1_000]) timers.after(atMs, () => link.cut());
    await timers.runUntil(() => open.size === 0, 600_000);
    await meter.link.close();
    await link.collector.close();
    return { texts: collector.texts(), endMs: timers.nowMs, downs: meter.downs };
}

describe("memory link with faults", () => {
    const faults = { lossRate: 0.2, duplicateRate: 0.2, delayMs: { from: 1, to: 60 } };
    const numbers = Array.from({ length: 60 }, (_, i) => `${i}`);

    it("loses, doubles and reorders; with a sender that sends again all arrive", async () => {
        const { texts, downs } = await run(1, faults);
        expect(new Set(texts)).toEqual(new Set(numbers));
        expect(texts.length).toBeGreaterThan(60);
        expect(texts.slice(0, 60)).not.toEqual(numbers);
        expect(downs).toBeGreaterThan(0);
    });

    it("loses acknowledgements too, so that a message comes again", async () => {
        const { texts } = await run(3, { lossRate: 0.3 });
        expect(new Set(texts)).toEqual(new Set(numbers));
        expect(texts.length).toBeGreaterThan(65);
    });

    it("does exactly the same for the same seed", async () => {
        expect(await run(7, faults)).toEqual(await run(7, faults));
        expect((await run(8, faults)).texts).not.toEqual((await run(7, faults)).texts);
    });

    it("loses nothing and doubles nothing unless told so", async () => {
        const { texts } = await run(1, {});
        expect(texts).toEqual(numbers);
    });

    it("wants a seeded source for faults", () => {
        expect(() => createMemoryLink({ lossRate: 0.1 })).toThrow("random");
    });
});
