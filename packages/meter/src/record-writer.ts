import {
    assert,
    bytesEqual,
    createLadder,
    error,
    type Ladder,
    type MetersealError,
    type Result,
    unwrap,
} from "@meterseal/core";
import {
    type CorrectionNote,
    createRecord,
    createUsageRecord,
    decodeWarning,
    encodeCorrection,
    encodeEvent,
    encodeWarning,
    FLAG,
    type OutboxRecord,
    parseRecord,
    RECORD_CLASS,
    type RecordPayload,
    STREAM_MODE,
    WARNING_KIND,
} from "@meterseal/record";
import { type OwnerKeys, ownerKeys } from "@meterseal/seal";
import { entersNote, noteHash, sealCorrection } from "./adjustments.ts";
import type { SealedEvent } from "./epoch-ends.ts";
import type { MeterAgentOptions } from "./options.ts";
import type { Outbox } from "./outbox.ts";
import { sealedStreamOf } from "./profile.ts";
import { type Boundary, type SealedBatch, sealBatch } from "./sealer.ts";
import { encodeMeterState, type MeterState } from "./state.ts";

/** How an event is sealed with the keys of a meter, behind what its state remembers. */
export type SealEvent = (
    profile: MeterAgentOptions["profile"],
    keys: OwnerKeys | null,
    state: MeterState,
) => Result<SealedEvent>;

/** Seals, chains and signs what a meter says; each record is on disk before it is sent. */
export class RecordWriter {
    readonly ladder: Ladder;
    readonly #options: MeterAgentOptions;
    readonly #outbox: Outbox;
    readonly #outboxRecords: number;
    readonly #keys: OwnerKeys | null;
    #state: MeterState;
    #failure: MetersealError | null = null;
    #isWaiting = false;
    /** First slot of a warning that is to be written; null where none is. */
    #warnFromSlot: number | null = null;

    /** @param outboxRecords records in the outbox beyond which this waits. */
    constructor(
        options: MeterAgentOptions,
        {
            outbox,
            outboxRecords,
            state,
        }: { outbox: Outbox; outboxRecords: number; state: MeterState },
    ) {
        const { stream } = options.profile;
        this.ladder = unwrap(createLadder(stream.zone, stream.slotSeconds));
        assert(
            (stream.mode === STREAM_MODE.open) === (options.master === null),
            "a sealed stream has a master secret and an open one has none",
        );
        this.#keys =
            options.master === null
                ? null
                : unwrap(ownerKeys(options.master, sealedStreamOf(stream)));
        this.#options = options;
        this.#outbox = outbox;
        this.#outboxRecords = outboxRecords;
        this.#state = state;
    }

    /** What is on disk. */
    get state(): MeterState {
        return this.#state;
    }

    /** True while the outbox is full and something is to be written. */
    get isWaiting(): boolean {
        return this.#isWaiting;
    }

    /**
     * @throws MetersealError MS_NOT_ALLOWED after a refusal for good, MS_STORE_UNWRITABLE after a
     * failed write, MS_LINK after the outbox was closed.
     */
    requireWorking(): void {
        if (this.#failure !== null) throw this.#failure;
        const { closed, refusal } = this.#outbox;
        if (refusal !== null) {
            throw error("MS_NOT_ALLOWED", {
                where: `record ${refusal.seq}`,
                got: `receipt code ${refusal.code}`,
                todo: "The meter has stopped; its outbox keeps every record that is not final.",
            });
        }
        if (closed) throw error("MS_LINK", { got: "a closed meter" });
    }

    /** @throws MetersealError MS_STREAM_RULE where the closing record of the seal epoch is written. */
    requireEpoch(): void {
        if (!this.#state.ended) return;
        const where = `seal epoch ${this.#state.seal.sealEpoch}`;
        throw error("MS_STREAM_RULE", { where, expected: "nothing after its closing record" });
    }

    /**
     * Asks for a warning that boundaries were left out from a slot on: it is the next record, also
     * while the outbox is full. A warning that is the last record already says so.
     */
    warnThinned(fromSlot: number): void {
        const newest = this.#outbox.records.at(-1);
        if (newest !== undefined && isThinningWarning(newest.bytes)) return;
        this.#warnFromSlot = fromSlot;
        this.#outbox.recheck();
    }

    /**
     * Waits for room in the outbox, and writes a warning that is asked for meanwhile.
     * @throws MetersealError as {@link requireWorking}.
     */
    async room(): Promise<void> {
        try {
            for (;;) {
                this.#isWaiting = this.#outbox.size >= this.#outboxRecords;
                const isAsked = (): boolean => this.#warnFromSlot !== null;
                await this.#outbox.below(this.#outboxRecords, isAsked);
                this.requireWorking();
                if (this.#warnFromSlot === null) return;
                await this.#writeWarning(this.#state, WARNING_KIND.thinned, this.#warnFromSlot);
                this.#warnFromSlot = null;
            }
        } finally {
            this.#isWaiting = false;
        }
    }

    /** Seals consecutive boundaries behind what is on disk; see {@link sealBatch}. */
    seal(batch: readonly Boundary[]): Result<SealedBatch> {
        return sealBatch(this.#options.profile, this.ladder, this.#keys, this.#state, batch);
    }

    /** Writes a sealed batch, for which there is room. */
    async writeUsage({ state, usage }: SealedBatch): Promise<void> {
        await this.#put(state, (place) => createUsageRecord(this.#options.signer, place, usage));
    }

    /**
     * Writes the registers at one instant off the slot grid, for which there is room.
     * @throws MetersealError MS_CLOCK for a future instant, and what sealing throws.
     */
    async writeEvent(atUnix: number, seal: SealEvent): Promise<void> {
        const { clock, profile } = this.#options;
        if (atUnix * 1000 > clock.nowMs()) {
            throw error("MS_CLOCK", { expected: "an instant of the past", got: String(atUnix) });
        }
        const { event, state } = unwrap(seal(profile, this.#keys, this.#state));
        await this.#putBody(state, RECORD_CLASS.billing, encodeEvent(event));
    }

    /** Sequence number of the record that entered a note in this seal epoch; null where none did. */
    findCorrection(note: CorrectionNote): number | null {
        const hash = noteHash(note);
        const known = this.#state.corrections.find((entered) => bytesEqual(entered.hash, hash));
        if (known !== undefined) return known.seq;
        // A memory that was written before corrections were remembered names none of them.
        const enters = ({ bytes }: OutboxRecord): boolean => {
            const { body, recordClass } = unwrap(parseRecord(bytes));
            return recordClass === RECORD_CLASS.warning && entersNote(this.#keys, body, note);
        };
        return this.#outbox.records.find(enters)?.seq ?? null;
    }

    /**
     * Writes a correction, for which there is room; what it adds is in every later boundary.
     * @returns sequence number of its record.
     */
    async writeCorrection(note: CorrectionNote): Promise<number> {
        const seq = this.#state.nextSeq;
        const { correction, state } = unwrap(
            sealCorrection(this.#options.profile, this.#keys, this.#state, note),
        );
        await this.#putBody(state, RECORD_CLASS.warning, encodeCorrection(correction));
        return seq;
    }

    /**
     * Writes, once in a seal epoch, that what is missing is lost: before the first boundaries that
     * say so, and where the source of this meter gives the energy of intervals.
     */
    async noteLoss(batch: readonly Boundary[]): Promise<void> {
        const [first] = batch;
        const isLost = batch.some(({ flag }) => flag === FLAG.missing);
        if (this.#options.source !== "intervals" || this.#state.lossNoted || !isLost) return;
        const state = { ...this.#state, lossNoted: true };
        await this.#writeWarning(state, WARNING_KIND.lost, first?.slot ?? 0);
    }

    async #writeWarning(state: MeterState, kind: number, fromSlot: number): Promise<void> {
        const { sealEpoch, stream } = this.#options.profile.stream;
        const body = encodeWarning({ stream, sealEpoch, kind, fromSlot });
        await this.#putBody(state, RECORD_CLASS.warning, body);
    }

    async #putBody(state: MeterState, recordClass: number, body: unknown): Promise<void> {
        const { signer } = this.#options;
        await this.#put(state, (place) => createRecord(signer, { ...place, recordClass, body }));
    }

    /** Signs the next record; it and the state are on disk before it is sent. */
    async #put(
        state: MeterState,
        sign: (place: Omit<RecordPayload, "recordClass" | "body">) => Promise<Uint8Array>,
    ): Promise<void> {
        const { clock, profile } = this.#options;
        const { chainEpoch, headHash: prev, nextSeq: seq } = this.#state;
        const timeUnix = Math.floor(clock.nowMs() / 1000);
        const bytes = await sign({ seq, timeUnix, chainEpoch, prev, subject: profile.subject });
        const { hash } = unwrap(parseRecord(bytes)).message;
        const record = { chainEpoch, seq, hash, bytes };
        const next = { ...state, nextSeq: seq + 1, headHash: hash };
        await this.#persist(next, record);
        this.#state = next;
        this.#outbox.add(record);
    }

    /** After a failed write nobody knows what is on disk: this meter seals no more (crash-only). */
    async #persist(state: MeterState, record: OutboxRecord): Promise<void> {
        try {
            await this.#options.store.append(encodeMeterState(state), record);
        } catch (cause) {
            this.#failure = error("MS_STORE_UNWRITABLE", { where: `record ${record.seq}`, cause });
            throw this.#failure;
        }
    }
}

/** Whether a record says that boundaries were left out. */
function isThinningWarning(bytes: Uint8Array): boolean {
    const { body, recordClass } = unwrap(parseRecord(bytes));
    if (recordClass !== RECORD_CLASS.warning) return false;
    const warning = decodeWarning(body);
    return warning.ok && warning.value.kind === WARNING_KIND.thinned;
}
