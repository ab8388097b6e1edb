import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { LIMITS, type MeterLink, slotOfUnix, unixOfSlot } from "@meterseal/core";
import { type Boundary, MeterAgent, type MeterMemory } from "@meterseal/meter";
import { FLAG, STREAM_MODE, type StreamDescriptor } from "@meterseal/record";
import { MemoryMeterStore } from "@meterseal/stores/memory";
import { decodeP1 } from "@meterseal/telegram";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { describe, expect, it } from "vitest";
import { BoundaryJournal } from "../src/bridge/boundary-journal.ts";
import { Bridge } from "../src/bridge/bridge.ts";
import { systemTimers } from "../src/clocks.ts";
import { quiet, useScratch } from "./fixture.ts";
import { p1Telegram } from "./p1-telegram.ts";

const SLOT_SECONDS = 60;
const OFF_SLOTS = LIMITS.waitingBoundaries + 904;
const FIRST = slotOfUnix(1_767_614_400, SLOT_SECONDS);
const LAST = FIRST + OFF_SLOTS - 1;
const scratch = useScratch();
const stream: StreamDescriptor = {
    ...{ stream: testBytes("stream", 16), sealEpoch: 0, suite: 1, slotSeconds: SLOT_SECONDS },
    ...{ zone: "UTC", groups: [0], mode: STREAM_MODE.sealed, scale: 0 },
};
/** Nobody is there. */
const link: MeterLink = {
    open: () => Promise.resolve(),
    send: () => Promise.reject(new Error("no collector")),
    close: () => Promise.resolve(),
};

/** A gateway, off since before {@link FIRST}, whose clock stands just behind {@link LAST}. */
class Gateway {
    readonly journal: BoundaryJournal;
    /** Boundaries that one write of the journal had. */
    readonly writes: number[] = [];
    readonly #nowMs = (unixOfSlot(LAST, SLOT_SECONDS) + 59) * 1000;
    agent!: MeterAgent;

    constructor(name: string) {
        const directory = join(scratch, name);
        mkdirSync(directory);
        this.journal = new BoundaryJournal(directory);
        const keep = this.journal.keep.bind(this.journal);
        this.journal.keep = (boundaries, counter) => {
            this.writes.push(boundaries.length);
            keep(boundaries, counter);
        };
    }

    async open(memory?: MeterMemory): Promise<Bridge> {
        const clock = { nowMs: () => this.#nowMs };
        const collectorKey = testSigner("collector", "edDsa").publicKey;
        this.agent = await MeterAgent.open({
            profile: {
                ...{ network: testBytes("network", 32), subject: testBytes("subject", 16) },
                ...{ chainEpoch: 0, anchor: testBytes("anchor", 32), stream, collectorKey },
            },
            ...{ signer: testSigner("meter", "edDsa"), master: testBytes("master", 32), link },
            ...{ store: new MemoryMeterStore(), clock, timers: systemTimers, log: quiet },
            source: "registers",
            ...(memory === undefined ? {} : { memory }),
        });
        const parts = {
            ...{ agent: this.agent, journal: this.journal, stream, medium: undefined, clock },
            ...{ channel: null, counter: { value: -1 }, isFinite: false, byMeterClock: false },
            ...{ sendEverySeconds: 3_600, log: quiet },
        };
        return await Bridge.open(parts, { nextSlot: FIRST, registers: [1_000n] });
    }

    /** The meter is heard again, just after the last of the slots that nobody heard. */
    async hear(bridge: Bridge): Promise<void> {
        const telegram = p1Telegram(unixOfSlot(LAST, SLOT_SECONDS) + 40, 5_000n);
        await bridge.take([decodeP1(Buffer.from(telegram, "latin1"))]);
    }

    close(): Promise<void> {
        this.journal.close();
        return this.agent.close();
    }
}

const missing = (slot: number): Boundary => ({ slot, registers: [1_000n], flag: FLAG.missing });

describe("a bridge that was off for more slots than may wait", () => {
    it("seals them as missing, a few hundred to a write, and goes on", async () => {
        const gateway = new Gateway("off");
        const bridge = await gateway.open();
        await gateway.hear(bridge);
        await bridge.finish();
        expect(gateway.agent.nextSlot).toBeGreaterThanOrEqual(LAST);
        expect(gateway.writes.length).toBeLessThan(25);
        await gateway.close();
    });

    it("goes on with them where it was stopped and its journal alone has them", async () => {
        const gateway = new Gateway("stopped");
        const slots = Array.from({ length: OFF_SLOTS }, (_, i) => missing(FIRST + i));
        gateway.journal.keep(slots, { value: -1 });
        const bridge = await gateway.open();
        await bridge.finish();
        expect(gateway.agent.nextSlot).toBe(LAST + 1);
        await gateway.close();
    });

    it("does not wait where the outbox is full: it hears its meter, and slots are thinned", async () => {
        const gateway = new Gateway("full");
        const bridge = await gateway.open({ records: 2, boundaries: LIMITS.waitingBoundaries });
        await gateway.hear(bridge);
        expect(gateway.agent.isFull).toBe(true);
        expect(bridge.counts.boundaries).toBeGreaterThan(LIMITS.waitingBoundaries);
        await gateway.hear(bridge);
        await bridge.advance();
        await gateway.close();
    });
});
