import { assert, error, LIMITS, type MeterLink, unwrap } from "@meterseal/core";
import { type CorrectionNote, FLAG, type MeterStore, type Receipt } from "@meterseal/record";
import { measuredOf } from "./adjustments.ts";
import type { WaitingBoundary } from "./boundary-queue.ts";
import { type ClockAhead, clockLog } from "./clock-ahead.ts";
import { type MonotonicCounter, memoryFault } from "./counter.ts";
import { type EpochClosing, type EpochOpening, sealClosing, sealOpening } from "./epoch-ends.ts";
import type { MeterAgentOptions, MeterMemory } from "./options.ts";
import { Outbox } from "./outbox.ts";
import type { MeterProfile } from "./profile.ts";
import { RecordWriter } from "./record-writer.ts";
import { type Boundary, boundaryFault, mostBoundaries } from "./sealer.ts";
import { decodeMeterState, encodeMeterState, type MeterState, newMeterState } from "./state.ts";
import { Turns } from "./turns.ts";

/** Boundaries in a record by default: from about 48 on, a sealed record costs less to take in than plain rows. */
const DEFAULT_RECORD_BOUNDARIES = 96;

/** What a meter keeps at most, and unless it is told otherwise. */
const MEMORY_MAX: MeterMemory = {
    records: LIMITS.outboxRecords,
    boundaries: LIMITS.waitingBoundaries,
};
/** Fewer than these have no boundary between two others that could be left out. */
const BOUNDARIES_MIN = 4;

/** The meter's own software: seals, chains, signs, keeps and sends its registers. */
export class MeterAgent {
    readonly #profile: MeterProfile;
    readonly #link: MeterLink;
    readonly #store: MeterStore;
    readonly #outbox: Outbox;
    readonly #writer: RecordWriter;
    readonly #recordBoundaries: number;
    readonly #turns: Turns;
    #batch: Boundary[] = [];

    private constructor(options: MeterAgentOptions, state: MeterState, outbox: Outbox) {
        const { profile, recordBoundaries = DEFAULT_RECORD_BOUNDARIES } = options;
        const memory = options.memory ?? MEMORY_MAX;
        this.#outbox = outbox;
        this.#recordBoundaries = Math.min(recordBoundaries, mostBoundaries(profile.stream));
        this.#profile = profile;
        this.#link = options.link;
        this.#store = options.store;
        this.#writer = new RecordWriter(options, { outbox, outboxRecords: memory.records, state });
        this.#turns = new Turns({
            most: memory.boundaries,
            rules: {
                ladder: this.#writer.ladder,
                stream: measuredOf(profile.stream),
                source: options.source,
            },
            writer: this.#writer,
            take: (entry) => this.#take(entry),
            write: () => this.#write(),
        });
        assert(
            recordBoundaries >= 1 && recordBoundaries <= LIMITS.usageBoundaries,
            `a record has 1 … ${LIMITS.usageBoundaries} boundaries`,
        );
        requireMemory(memory);
    }

    /**
     * Opens a meter on its store, where it left off.
     * @throws MetersealError MS_OUTBOX where the store belongs to another epoch than the profile, or
     * where the counter knows of a later memory than this one.
     */
    static async open(options: MeterAgentOptions): Promise<MeterAgent> {
        const { log, link, profile, store, timers } = options;
        const saved = await store.state();
        const known = saved === null ? null : unwrap(decodeMeterState(saved));
        let state = known ?? newMeterState(profile);
        const { sealEpoch } = profile.stream;
        if (state.chainEpoch !== profile.chainEpoch || state.seal.sealEpoch !== sealEpoch) {
            throw error("MS_OUTBOX", {
                where: "meter state",
                expected: `chain epoch ${profile.chainEpoch} and seal epoch ${sealEpoch}`,
                got: `${state.chainEpoch} and ${state.seal.sealEpoch}`,
            });
        }
        if (options.counter !== undefined) {
            state = await countStart(options.counter, store, { known, state }, profile);
        }
        const { collectorKey, subject } = profile;
        const onClockAhead = options.onClockAhead ?? clockLog(log, subject.toHex());
        const tools = { store, link, timers, log, onClockAhead };
        const outbox = await Outbox.open({ subject, collectorKey, ...tools });
        return new MeterAgent(options, state, outbox);
    }

    /** First slot that is not in a record yet; what was only buffered before a restart comes again. */
    get nextSlot(): number {
        return this.#writer.state.seal.nextSlot;
    }

    /** Measured registers of the last boundary or event in a record; empty before the first. */
    get registers(): readonly bigint[] {
        return this.#measured(this.#writer.state.registers);
    }

    /** Registers of the adjustments, plus and minus, as the next boundary has them; or none. */
    get adjustments(): readonly bigint[] {
        return this.#writer.state.adjustments;
    }

    /** Hash of the record that closed this meter's seal epoch, 32 bytes; null while it goes on. */
    get closing(): Uint8Array | null {
        return this.#writer.state.ended ? this.#writer.state.headHash : null;
    }

    /** Records that are not final. */
    get openRecords(): number {
        return this.#outbox.size;
    }

    /** True while the outbox is full and a record waits for room in it. */
    get isFull(): boolean {
        return this.#writer.isWaiting;
    }

    /** Records written so far, final or not. */
    get recordCount(): number {
        return this.#writer.state.nextSeq - 1;
    }

    /** The refusal that stopped this meter; null while it works. */
    get refusal(): Receipt | null {
        return this.#outbox.refusal;
    }

    /**
     * The record that is dated too far ahead, so that the collector does not take it yet (code 14);
     * null while there is none, and once a signed time of the collector shows that the clocks have
     * met. It goes again by itself.
     */
    get clockAhead(): ClockAhead | null {
        return this.#outbox.clockAhead;
    }

    /** Connects to the collector and starts to send. */
    async connect(): Promise<void> {
        await this.#link.open({
            up: () => this.#outbox.up(),
            down: () => this.#outbox.down(),
            message: (message) => this.#outbox.message(message),
        });
    }

    /**
     * Writes the first record of a seal epoch that follows another: what the registers begin with. The
     * adjustments begin at zero; what is stated of the epoch before has them too.
     * @throws MetersealError MS_SEAL_ORDER behind anything else, MS_CLOCK for a future instant,
     * MS_STREAM_RULE, MS_REGISTER_CAP, MS_MALFORMED; and as {@link flush}.
     */
    openEpoch(opening: EpochOpening): Promise<void> {
        return this.#turns.run(async () => {
            if (this.#batch.length > 0) {
                throw error("MS_SEAL_ORDER", { expected: "an opening before all else" });
            }
            await this.#writer.room();
            const registers = this.#withAdjustments(opening.registers);
            await this.#writer.writeEvent(opening.atUnix, (...meter) =>
                sealOpening(...meter, { ...opening, registers }),
            );
        });
    }

    /**
     * Puts what is buffered into a record and writes the last one of this seal epoch: the final
     * registers. From then on this meter seals nothing; it goes on to send what is not final.
     * @throws MetersealError MS_STREAM_RULE where it was closed before, MS_SEAL_ORDER for an instant
     * before the last boundary, MS_CLOCK for a future one, MS_REGISTER_DECREASED, MS_REGISTER_CAP;
     * and as {@link flush}.
     */
    closeEpoch(closing: EpochClosing): Promise<void> {
        return this.#turns.run(async () => {
            this.#writer.requireEpoch();
            await this.#write();
            await this.#writer.room();
            const registers = this.#withAdjustments(closing.registers);
            await this.#writer.writeEvent(closing.atUnix, (...meter) =>
                sealClosing(...meter, { ...closing, registers }),
            );
        });
    }

    /**
     * Puts what is buffered into a record and enters a correction behind it: from the next boundary on
     * the adjustment registers are higher, and what was sealed stays as it is (privacy 3.4). Who asks again
     * after a crash or a lost connection means the same one, final or not: another one of the same amount and
     * interval has another reason.
     * @returns the record that enters it; not a new one where this seal epoch has the same correction among
     * its last {@link LIMITS.rememberedCorrections}: nothing is added.
     * @throws MetersealError MS_STREAM_RULE for a stream without adjustments, or after
     * {@link closeEpoch}; MS_CORRECTION for a note without reason, amount or interval; MS_REGISTER_CAP
     * for more than a register may grow by; and as {@link flush}.
     */
    correct(note: CorrectionNote): Promise<{ readonly seq: number; readonly isNew: boolean }> {
        return this.#turns.run(async () => {
            this.#writer.requireEpoch();
            const known = this.#writer.findCorrection(note);
            if (known !== null) return { seq: known, isNew: false };
            await this.#write();
            await this.#writer.room();
            return { seq: await this.#writer.writeCorrection(note), isNew: true };
        });
    }

    /**
     * Takes the measured registers at the next slot boundary. A full record is sealed, written and sent; where
     * the outbox is full this waits. Whoever cannot wait goes on to give what is measured: beyond
     * {@link MeterMemory.boundaries} the oldest that wait are thinned to hours and coarser ones
     * (formats 5), left-out slots become missing ones, and a warning is written. A boundary that is
     * refused changes nothing.
     * @throws MetersealError MS_SEAL_ORDER for a slot at or before the last one, MS_STREAM_RULE (also
     * after {@link closeEpoch}), MS_REGISTER_DECREASED or MS_REGISTER_CAP for the registers;
     * MS_OUTBOX_FULL where nothing can be thinned any more, MS_BUSY where as many wait for the disk;
     * and as {@link flush}.
     */
    add(boundary: Boundary): Promise<void> {
        return this.#turns.add(boundary);
    }

    /**
     * Puts what is buffered into a record.
     * @throws MetersealError MS_NOT_ALLOWED after a refusal for good, MS_STORE_UNWRITABLE after a
     * failed write, MS_LINK after {@link close}; MS_BUSY where too much waits.
     */
    flush(): Promise<void> {
        return this.#turns.flush();
    }

    /** Puts a boundary, and those that were left out right before it, behind what is buffered. */
    async #take({ boundary, fromSlot }: WaitingBoundary): Promise<void> {
        this.#writer.requireEpoch();
        const before = this.#batch.at(-1);
        const expected = before === undefined ? this.nextSlot : before.slot + 1;
        if (boundary.slot < expected) {
            const got = `slot ${boundary.slot}`;
            throw error("MS_SEAL_ORDER", { expected: `a slot from ${expected} on`, got });
        }
        const measured = before === undefined ? this.registers : this.#measured(before.registers);
        const fault = boundaryFault(measuredOf(this.#profile.stream), measured, boundary);
        if (fault !== null) throw fault;
        const isKnown = measured.length > 0;
        const registers = this.#withAdjustments(measured);
        for (let slot = Math.max(fromSlot, expected); isKnown && slot < boundary.slot; slot++) {
            await this.#buffer({ slot, registers, flag: FLAG.missing });
        }
        const all = this.#withAdjustments(boundary.registers);
        await this.#buffer({ ...boundary, registers: all });
    }

    /** Adjustments are the last group of a stream that has them. */
    #withAdjustments(measured: readonly bigint[]): readonly bigint[] {
        return [...measured, ...this.adjustments];
    }

    #measured(registers: readonly bigint[]): readonly bigint[] {
        return registers.slice(0, Math.max(0, registers.length - this.adjustments.length));
    }

    async #buffer(boundary: Boundary): Promise<void> {
        const before = this.#batch.at(-1);
        if (before !== undefined && boundary.slot !== before.slot + 1) await this.#write();
        this.#batch.push(boundary);
        if (this.#batch.length >= this.#recordBoundaries) await this.#write();
    }

    async #write(): Promise<void> {
        if (this.#batch.length === 0) return;
        await this.#writer.room();
        await this.#writer.noteLoss(this.#batch);
        const sealed = this.#writer.seal(this.#batch);
        if (!sealed.ok) this.#batch = []; // it would not seal the next time either
        await this.#writer.writeUsage(unwrap(sealed));
        this.#batch = [];
    }

    /**
     * Resolves when every record is final, or the meter was stopped by a refusal.
     * @throws MetersealError MS_LINK where the meter is closed before that.
     */
    async settled(): Promise<void> {
        await this.#outbox.below(1);
        const settled = this.#outbox.size === 0 || this.refusal !== null;
        if (!settled) throw error("MS_LINK", { got: "a closed meter" });
    }

    /** Ends the connection, at any time; everything that matters is in the store. */
    async close(): Promise<void> {
        this.#outbox.close();
        await this.#link.close();
        await this.#turns.done;
        await this.#outbox.below(Number.POSITIVE_INFINITY);
        await this.#store.close();
    }
}

/** Counts a start, in the memory before the counter: a crash between the two hides no later start. */
async function countStart(
    counter: MonotonicCounter,
    store: MeterStore,
    { known, state }: { readonly known: MeterState | null; readonly state: MeterState },
    { subject }: MeterProfile,
): Promise<MeterState> {
    const counted = await counter.read();
    const fault = memoryFault(known, counted, `meter ${subject.toHex()}`);
    if (fault !== null) throw fault;
    const next = { ...state, starts: state.starts + 1 };
    await store.append(encodeMeterState(next), null);
    await counter.raise(next.starts);
    return next;
}

function requireMemory({ boundaries, records }: MeterMemory): void {
    assert(records >= 1 && records <= MEMORY_MAX.records, "an outbox within its limit");
    assert(
        boundaries >= BOUNDARIES_MIN && boundaries <= MEMORY_MAX.boundaries,
        "waiting boundaries within their limit",
    );
}
