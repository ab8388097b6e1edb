import {
    assert,
    type Clock,
    createLadder,
    error,
    type Ladder,
    LIMITS,
    type Log,
    type MeterLink,
    type MetersealError,
    type Result,
    type Signer,
    type Timers,
    unwrap,
} from "@meterseal/core";
import {
    createRecord,
    createUsageRecord,
    encodeEvent,
    type MeterStore,
    type OutboxRecord,
    parseRecord,
    RECORD_CLASS,
    type Receipt,
    type RecordPayload,
    STREAM_MODE,
} from "@meterseal/record";
import { type OwnerKeys, ownerKeys } from "@meterseal/seal";
import { type ClockAhead, type ClockWatcher, clockLog } from "./clock-ahead.ts";
import {
    type EpochClosing,
    type EpochOpening,
    type SealedEvent,
    sealClosing,
    sealOpening,
} from "./epoch-ends.ts";
import { Outbox } from "./outbox.ts";
import { type MeterProfile, sealedStreamOf } from "./profile.ts";
import { type Boundary, boundaryFault, mostBoundaries, sealBatch } from "./sealer.ts";
import { decodeMeterState, encodeMeterState, type MeterState, newMeterState } from "./state.ts";

/** Boundaries in a record by default: from about 48 on, a sealed record costs less to take in than plain rows. */
const DEFAULT_RECORD_BOUNDARIES = 96;

/** What a meter agent works with. */
export type MeterAgentOptions = {
    readonly profile: MeterProfile;
    readonly signer: Signer;
    /** Master secret of the stream, 32 bytes; null for an open stream. */
    readonly master: Uint8Array | null;
    readonly store: MeterStore;
    readonly link: MeterLink;
    readonly clock: Clock;
    readonly timers: Timers;
    readonly log: Log;
    /** Boundaries in one record, 1 … 384; fewer where many commitments would not fit it. */
    readonly recordBoundaries?: number;
    /** Takes the place of the log lines about {@link MeterAgent.clockAhead}. */
    readonly onClockAhead?: ClockWatcher;
};

/** The meter's own software: seals, chains, signs, keeps and sends its registers. */
export class MeterAgent {
    readonly #options: MeterAgentOptions;
    readonly #ladder: Ladder;
    readonly #keys: OwnerKeys | null;
    readonly #outbox: Outbox;
    readonly #recordBoundaries: number;
    #state: MeterState;
    #batch: Boundary[] = [];
    /** Steps run one after the other, in the order of the calls. */
    #steps: Promise<unknown> = Promise.resolve();
    #failure: MetersealError | null = null;

    private constructor(options: MeterAgentOptions, state: MeterState, outbox: Outbox) {
        const { stream } = options.profile;
        this.#options = options;
        this.#ladder = unwrap(createLadder(stream.zone, stream.slotSeconds));
        assert(
            (stream.mode === STREAM_MODE.open) === (options.master === null),
            "a sealed stream has a master secret and an open one has none",
        );
        this.#keys =
            options.master === null
                ? null
                : unwrap(ownerKeys(options.master, sealedStreamOf(stream)));
        this.#state = state;
        this.#outbox = outbox;
        const wanted = options.recordBoundaries ?? DEFAULT_RECORD_BOUNDARIES;
        this.#recordBoundaries = Math.min(wanted, mostBoundaries(stream));
        assert(
            wanted >= 1 && wanted <= LIMITS.usageBoundaries,
            `a record has 1 … ${LIMITS.usageBoundaries} boundaries`,
        );
    }

    /**
     * Opens a meter on its store, where it left off.
     * @throws MetersealError MS_OUTBOX where the store belongs to another epoch than the profile.
     */
    static async open(options: MeterAgentOptions): Promise<MeterAgent> {
        const { log, link, profile, store, timers } = options;
        const saved = await store.state();
        const state = saved === null ? newMeterState(profile) : unwrap(decodeMeterState(saved));
        const { sealEpoch } = profile.stream;
        if (state.chainEpoch !== profile.chainEpoch || state.seal.sealEpoch !== sealEpoch) {
            throw error("MS_OUTBOX", {
                where: "meter state",
                expected: `chain epoch ${profile.chainEpoch} and seal epoch ${sealEpoch}`,
                got: `${state.chainEpoch} and ${state.seal.sealEpoch}`,
            });
        }
        const { collectorKey, subject } = profile;
        const onClockAhead = options.onClockAhead ?? clockLog(log, subject.toHex());
        const tools = { store, link, timers, log, onClockAhead };
        const outbox = await Outbox.open({ subject, collectorKey, ...tools });
        return new MeterAgent(options, state, outbox);
    }

    /** First slot that is not in a record yet; what was only buffered before a restart comes again. */
    get nextSlot(): number {
        return this.#state.seal.nextSlot;
    }

    /** Registers of the last boundary or event in a record, one a channel; empty before the first. */
    get registers(): readonly bigint[] {
        return this.#state.registers;
    }

    /** Hash of the record that closed this meter's seal epoch, 32 bytes; null while it goes on. */
    get closing(): Uint8Array | null {
        return this.#state.ended ? this.#state.headHash : null;
    }

    /** Records that are not final. */
    get openRecords(): number {
        return this.#outbox.size;
    }

    /** Records written so far, final or not. */
    get recordCount(): number {
        return this.#state.nextSeq - 1;
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
        await this.#options.link.open({
            up: () => this.#outbox.up(),
            down: () => this.#outbox.down(),
            message: (message) => this.#outbox.message(message),
        });
    }

    /**
     * Writes the first record of a seal epoch that follows another: what the registers begin with.
     * @throws MetersealError MS_SEAL_ORDER behind anything else, MS_CLOCK for a future instant,
     * MS_STREAM_RULE, MS_REGISTER_CAP, MS_MALFORMED; and as {@link flush}.
     */
    openEpoch(opening: EpochOpening): Promise<void> {
        return this.#enqueue(async () => {
            if (this.#batch.length > 0) {
                throw error("MS_SEAL_ORDER", { expected: "an opening before all else" });
            }
            await this.#writeEvent(opening.atUnix, (profile) =>
                sealOpening(profile, this.#keys, this.#state, opening),
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
        return this.#enqueue(async () => {
            this.#requireEpoch();
            await this.#write();
            await this.#writeEvent(closing.atUnix, (profile) =>
                sealClosing(profile, this.#keys, this.#state, closing),
            );
        });
    }

    /**
     * Takes the registers at the next slot boundary. A full record is sealed, written and sent; where
     * the outbox is full this waits. A boundary that is refused changes nothing.
     * @throws MetersealError MS_SEAL_ORDER for a slot at or before the last one, MS_STREAM_RULE (also
     * after {@link closeEpoch}), MS_REGISTER_DECREASED or MS_REGISTER_CAP for the registers; and as
     * {@link flush}.
     */
    add(boundary: Boundary): Promise<void> {
        return this.#enqueue(async () => {
            this.#requireEpoch();
            const before = this.#batch.at(-1);
            const expected = before === undefined ? this.nextSlot : before.slot + 1;
            if (boundary.slot < expected) {
                const got = `slot ${boundary.slot}`;
                throw error("MS_SEAL_ORDER", { expected: `a slot from ${expected} on`, got });
            }
            const previous = before?.registers ?? this.#state.registers;
            const fault = boundaryFault(this.#options.profile, previous, boundary);
            if (fault !== null) throw fault;
            if (before !== undefined && boundary.slot !== expected) await this.#write();
            this.#batch.push(boundary);
            if (this.#batch.length >= this.#recordBoundaries) await this.#write();
        });
    }

    /**
     * Puts what is buffered into a record.
     * @throws MetersealError MS_NOT_ALLOWED after a refusal for good, MS_STORE_UNWRITABLE after a
     * failed write, MS_LINK after {@link close}.
     */
    flush(): Promise<void> {
        return this.#enqueue(() => this.#write());
    }

    #enqueue(step: () => Promise<void>): Promise<void> {
        const result = this.#steps.then(() => {
            this.#requireWorking();
            return step();
        });
        this.#steps = result.catch(() => undefined);
        return result;
    }

    #requireWorking(): void {
        if (this.#failure !== null) throw this.#failure;
        const { refusal } = this;
        if (refusal !== null) {
            throw error("MS_NOT_ALLOWED", {
                where: `record ${refusal.seq}`,
                got: `receipt code ${refusal.code}`,
                todo: "The meter has stopped; its outbox keeps every record that is not final.",
            });
        }
        if (this.#outbox.closed) throw error("MS_LINK", { got: "a closed meter" });
    }

    #requireEpoch(): void {
        if (!this.#state.ended) return;
        const where = `seal epoch ${this.#state.seal.sealEpoch}`;
        throw error("MS_STREAM_RULE", { where, expected: "nothing after its closing record" });
    }

    async #write(): Promise<void> {
        if (this.#batch.length === 0) return;
        await this.#room();
        const batch = this.#batch;
        const { profile, signer } = this.#options;
        const sealed = sealBatch(profile, this.#ladder, this.#keys, this.#state, batch);
        if (!sealed.ok) this.#batch = []; // it would not seal the next time either
        const { state, usage } = unwrap(sealed);
        await this.#put(state, (place) => createUsageRecord(signer, place, usage));
        this.#batch = [];
    }

    async #writeEvent(
        atUnix: number,
        seal: (profile: MeterProfile) => Result<SealedEvent>,
    ): Promise<void> {
        await this.#room();
        const { clock, profile, signer } = this.#options;
        if (atUnix * 1000 > clock.nowMs()) {
            throw error("MS_CLOCK", { expected: "an instant of the past", got: String(atUnix) });
        }
        const { event, state } = unwrap(seal(profile));
        const content = { recordClass: RECORD_CLASS.billing, body: encodeEvent(event) };
        await this.#put(state, (place) => createRecord(signer, { ...place, ...content }));
    }

    /** Waits for room in the outbox. */
    async #room(): Promise<void> {
        await this.#outbox.below(LIMITS.outboxRecords);
        this.#requireWorking();
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
        await this.#options.link.close();
        await this.#steps;
        await this.#outbox.below(Number.POSITIVE_INFINITY);
        await this.#options.store.close();
    }
}
