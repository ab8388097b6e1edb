import { createLadder, LIMITS, unwrap } from "@meterseal/core";
import {
    FLAG,
    MapReader,
    type MeterRecord,
    type MeterStore,
    type OutboxRecord,
    parseRecord,
    RECORD_CLASS,
    type StreamDescriptor,
} from "@meterseal/record";
import {
    expandAddresses,
    expandFlags,
    type OwnerKeys,
    openRegisters,
    ownerKeys,
} from "@meterseal/seal";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
    type Boundary,
    MeterAgent,
    type MeterAgentOptions,
    type MeterMemory,
    sealedStreamOf,
} from "../src/index.ts";
import { boundary, FINAL, FIRST_SLOT, MeterBed, usage } from "./agent-bed.ts";

const PER_DAY = 96;
const ladder = unwrap(createLadder("Europe/London", 900));
const levelOf = (slot: number): number => ladder.addressOf(slot).level;

/** A meter that measures whether it can send or not: nobody waits for what it takes. */
class LiveMeter {
    readonly bed: MeterBed;
    readonly written: MeterRecord[] = [];
    readonly refused: { readonly slot: number; readonly code: string }[] = [];
    agent!: MeterAgent;
    readonly #keys: OwnerKeys;
    unsettled = 0;
    most = 0;

    constructor(stream: Partial<StreamDescriptor> = {}) {
        this.bed = new MeterBed(stream);
        const { master, stream: own } = this.bed;
        this.#keys = unwrap(ownerKeys(master as Uint8Array, sealedStreamOf(own)));
    }

    async start(
        memory: MeterMemory,
        recordBoundaries = 4,
        source: MeterAgentOptions["source"] = "registers",
    ): Promise<void> {
        this.bed.store = this.bed.store.crash();
        const store: MeterStore = this.bed.store;
        const append = async (state: Uint8Array, record: OutboxRecord): Promise<void> => {
            await store.append(state, record);
            this.written.push(unwrap(parseRecord(record.bytes)));
        };
        const watched = new Proxy(store, {
            get: (of, name) => (name === "append" ? append : Reflect.get(of, name).bind?.(of)),
        });
        const options = { ...this.bed.options(recordBoundaries), store: watched, memory, source };
        this.agent = await MeterAgent.open(options);
        this.bed.agent = this.agent;
        await this.agent.connect();
    }

    /** Gives boundaries one after the other, as time brings them. */
    async measure(boundaries: readonly Boundary[]): Promise<void> {
        for (const each of boundaries) {
            this.unsettled++;
            this.most = Math.max(this.most, this.unsettled);
            this.agent.add(each).then(
                () => this.unsettled--,
                (cause) => {
                    this.unsettled--;
                    this.refused.push({ slot: each.slot, code: cause.code });
                },
            );
            await this.bed.time.settle();
        }
    }

    /** The collector is there again and takes everything. */
    async heal(): Promise<void> {
        const flushed = this.agent.flush();
        for (;;) {
            await this.bed.time.settle();
            const last = (await this.bed.kept()).at(-1);
            if (last === undefined) break;
            await this.bed.answer(last, FINAL);
        }
        await flushed;
    }

    /** Everything that was sealed, in order. */
    get sealed(): Boundary[] {
        return this.written.flatMap((record) => {
            if (record.recordClass !== RECORD_CLASS.usage) return [];
            const body = usage(record);
            if (body.values.mode !== "sealed") throw new Error("a sealed stream");
            const sealed = body.values.bytes;
            const addresses = unwrap(expandAddresses(body));
            const registers = unwrap(openRegisters(this.#keys, 0, { addresses, sealed }));
            return unwrap(expandFlags(body.flags, body.count)).map((flag, i) => ({
                slot: body.firstSlot + i,
                registers: [registers[i] as bigint],
                flag,
            }));
        });
    }

    get warnings(): MeterRecord[] {
        return this.written.filter(({ recordClass }) => recordClass === RECORD_CLASS.warning);
    }
}

const run = (count: number, from = FIRST_SLOT): Boundary[] =>
    Array.from({ length: count }, (_, i) => boundary(from + i));

describe("a meter that cannot send and does not wait", () => {
    it("keeps hours, days and months, and every watt-hour; left-out slots are missing ones", async () => {
        const meter = new LiveMeter();
        await meter.start({ records: 2, boundaries: 60 });
        const truth = run(2 * PER_DAY);
        await meter.measure(truth);
        expect(meter.refused).toEqual([]);
        await meter.heal();

        const { sealed } = meter;
        expect(sealed.map(({ slot }) => slot)).toEqual(truth.map(({ slot }) => slot));
        const [kept, left] = [
            sealed.filter(({ flag }) => flag === 0),
            sealed.filter(({ flag }) => flag !== 0),
        ];
        expect(kept).toEqual(truth.filter(({ slot }) => kept.some((each) => each.slot === slot)));
        expect(truth.filter(({ slot }) => levelOf(slot) > 0)).toEqual(
            kept.filter(({ slot }) => levelOf(slot) > 0),
        );
        expect(left.length).toBeGreaterThan(PER_DAY);
        for (const { flag, registers, slot } of left) {
            expect(flag).toBe(FLAG.missing);
            expect(levelOf(slot)).toBe(0);
            expect(registers).toEqual(sealed.find((each) => each.slot === slot - 1)?.registers);
        }
        expect(sealed.at(-1)).toEqual(truth.at(-1));
    });

    it("keeps hours and the rest with adjustments too, and warns although the last record is a note", async () => {
        const meter = new LiveMeter({ groups: [0, 15] });
        await meter.start({ records: 2, boundaries: 60 });
        const [first, ...rest] = run(2 * PER_DAY);
        await meter.measure([first as Boundary]);
        await meter.agent.flush();
        const note = { plus: 5n, minus: 0n, fromUnix: 1, toUnix: 2, reason: "a test" };
        await meter.agent.correct(note);
        await meter.measure(rest);
        expect(meter.refused).toEqual([]);
        expect(meter.warnings).toHaveLength(2);
        await meter.heal();
        expect(meter.sealed.map(({ slot }) => slot)).toEqual(
            [first, ...rest].map((boundary) => boundary?.slot),
        );
        expect(meter.sealed.some(({ flag }) => flag === FLAG.missing)).toBe(true);
    });

    it("leaves out the oldest first: what came last stays as it is", async () => {
        const meter = new LiveMeter();
        await meter.start({ records: 2, boundaries: 60 });
        const truth = run(8 + 3 + 61);
        await meter.measure(truth);
        await meter.heal();
        const left = meter.sealed.filter(({ flag }) => flag !== 0);
        expect(left.length).toBe(15);
        expect(left.at(-1)?.slot).toBeLessThan(FIRST_SLOT + 8 + 25);
    });

    it("warns once an episode, at once, signed and durable, and says from which slot on", async () => {
        const meter = new LiveMeter();
        await meter.start({ records: 2, boundaries: 20 });
        await meter.measure(run(60));
        expect(meter.warnings).toHaveLength(1);
        expect(meter.written.map(({ recordClass }) => recordClass)).toEqual([4, 4, 5]);
        const body = new MapReader(meter.warnings[0]?.body, "warning");
        expect(body.bytes(0, 16)).toEqual(meter.bed.stream.stream);
        expect(body.integer(1, 0, 0)).toBe(0);
        expect(body.integer(2, 0, 9)).toBe(1);
        const from = body.integer(3, 0, Number.MAX_SAFE_INTEGER);
        body.end();
        await meter.heal();
        expect(meter.sealed.find(({ flag }) => flag !== 0)?.slot).toBe(from);
        await meter.measure(run(60, FIRST_SLOT + 60));
        expect(meter.warnings).toHaveLength(2);
        await meter.heal();
        expect(meter.sealed.at(-1)).toEqual(boundary(FIRST_SLOT + 119));
    });

    it("refuses what is beyond its hours, and catches up with the next one that it takes", async () => {
        const meter = new LiveMeter();
        await meter.start({ records: 1, boundaries: 12 });
        const truth = run(PER_DAY);
        await meter.measure(truth);
        expect(meter.refused.length).toBeGreaterThan(20);
        expect(new Set(meter.refused.map(({ code }) => code))).toEqual(new Set(["MS_OUTBOX_FULL"]));
        expect(meter.most).toBeLessThanOrEqual(13);
        await meter.heal();
        await meter.measure(run(4, FIRST_SLOT + PER_DAY));
        await meter.heal();
        expect(meter.sealed.at(-1)).toEqual(boundary(FIRST_SLOT + PER_DAY + 3));
    });

    it("survives a crash with what is on disk, and does not warn again of the same", async () => {
        const meter = new LiveMeter();
        const memory = { records: 3, boundaries: 20 };
        await meter.start(memory);
        await meter.measure(run(60));
        const before = meter.written.length;
        await meter.start(memory); // the store as a crash leaves it; what waited is gone
        expect(meter.agent.nextSlot).toBe(FIRST_SLOT + 12);
        await meter.measure(run(60, FIRST_SLOT + 60));
        expect(meter.written.slice(before)).toEqual([]);
        await meter.heal();
        expect(meter.warnings).toHaveLength(1);
        const { sealed } = meter;
        expect(sealed[12]).toEqual(boundary(FIRST_SLOT + 60));
        expect(sealed.at(-1)).toEqual(boundary(FIRST_SLOT + 119));
        meter.written.forEach((record, i) => {
            expect(record.seq).toBe(i + 1);
            if (i > 0) expect(record.prev).toEqual(meter.written[i - 1]?.message.hash);
        });
    });

    it("tells all who flush meanwhile of one record", async () => {
        const meter = new LiveMeter();
        await meter.start({ records: 1, boundaries: 20 }, 96);
        await meter.measure(run(1));
        await meter.agent.flush();
        const flushes: Promise<void>[] = [];
        for (const each of run(30, FIRST_SLOT + 1)) {
            await meter.measure([each]);
            flushes.push(meter.agent.flush());
        }
        expect(meter.refused).toEqual([]);
        await meter.heal();
        await Promise.all(flushes);
        const counts = meter.written.map((each) =>
            each.recordClass === 4 ? usage(each).count : 0,
        );
        expect(counts).toEqual([1, 0, 1, 29]);
    });

    it("leaves out nothing of the energy of intervals: it would be lost", async () => {
        const meter = new LiveMeter();
        await meter.start({ records: 2, boundaries: 20 }, 4, "intervals");
        await meter.measure(run(60));
        expect(new Set(meter.refused.map(({ code }) => code))).toEqual(new Set(["MS_OUTBOX_FULL"]));
        await meter.heal();
        expect(meter.sealed.every(({ flag }) => flag === 0)).toBe(true);
    });

    it("is told that it is too much where the disk is slow and the outbox has room", async () => {
        const meter = new LiveMeter();
        await meter.start({ records: 9, boundaries: 8 });
        const all = run(10).map((each) => meter.agent.add(each));
        const outcomes = await Promise.allSettled(all);
        const codes = outcomes.map((each) => (each.status === "rejected" ? each.reason.code : ""));
        expect(codes).toEqual([...Array(8).fill(""), "MS_BUSY", "MS_BUSY"]);
    });

    it.each([
        [{ records: 0, boundaries: 8 }],
        [{ records: LIMITS.outboxRecords + 1, boundaries: 8 }],
        [{ records: 8, boundaries: 3 }],
        [{ records: 8, boundaries: LIMITS.waitingBoundaries + 1 }],
    ])("has a memory within its limits, not %j", async (memory) => {
        await expect(new LiveMeter().start(memory)).rejects.toThrow(/limit/);
    });
});

describe("for any readings", () => {
    const steps = fc.array(
        fc.record({
            growth: fc.oneof(
                fc.nat(3_000),
                fc.integer({ min: LIMITS.slotDelta - 9, max: LIMITS.slotDelta }),
            ),
            flag: fc.constantFrom<Boundary["flag"]>(0, 0, 0, 0, 1, 2, 3, 4, 5),
            skip: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 5),
        }),
        { minLength: 40, maxLength: 150 },
    );
    const memories = fc.record({
        records: fc.integer({ min: 1, max: 3 }),
        boundaries: fc.integer({ min: 12, max: 60 }),
    });

    it("sums stay exact, hours and coarser ones stay, nothing is said that was not measured", async () => {
        await fc.assert(
            fc.asyncProperty(
                steps,
                memories,
                fc.integer({ min: 1, max: 9 }),
                async (drawn, memory, size) => {
                    const truth: Boundary[] = [];
                    let slot = FIRST_SLOT;
                    let register = 0n;
                    for (const { flag, growth, skip } of drawn) {
                        slot += 1 + skip;
                        const isBlank = flag === FLAG.missing || flag === FLAG.powerOff;
                        if (!isBlank) register += BigInt(growth);
                        truth.push({ slot, registers: [register], flag });
                    }
                    const meter = new LiveMeter();
                    await meter.start(memory, size);
                    await meter.measure(truth);
                    expect(meter.most).toBeLessThanOrEqual(memory.boundaries + 1);
                    await meter.heal();

                    const taken = truth.filter(
                        (each) => !meter.refused.some((r) => r.slot === each.slot),
                    );
                    for (const { code } of meter.refused) {
                        expect(["MS_OUTBOX_FULL", "MS_REGISTER_CAP"]).toContain(code);
                    }
                    const sealed = new Map(meter.sealed.map((each) => [each.slot, each]));
                    expect(sealed.size).toBe(meter.sealed.length);
                    let before: Boundary | undefined;
                    for (const each of sealed.values()) {
                        const given = taken.find((one) => one.slot === each.slot);
                        const growth =
                            each.registers[0]! - (before?.registers[0] ?? each.registers[0]!);
                        expect(growth >= 0n && growth <= LIMITS.slotDelta).toBe(true);
                        if (each.flag === FLAG.missing) expect(growth).toBe(0n);
                        else expect(each).toEqual(given);
                        expect(given).toBeDefined();
                        before = each;
                    }
                    for (const each of taken) {
                        expect(sealed.has(each.slot)).toBe(true);
                        if (levelOf(each.slot) > 0) expect(sealed.get(each.slot)).toEqual(each);
                    }
                    expect(before).toEqual(taken.at(-1));
                },
            ),
            { numRuns: 30 },
        );
    });
});
