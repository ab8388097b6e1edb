import {
    assert,
    type Clock,
    createLadder,
    error,
    type Ladder,
    LIMITS,
    type Log,
    type MeterLink,
    type Signer,
    type Timers,
    unwrap,
} from "@meterseal/core";
import {
    createUsageRecord,
    type MeterStore,
    parseRecord,
    type Receipt,
    STREAM_MODE,
} from "@meterseal/record";
import { type OwnerKeys, ownerKeys } from "@meterseal/seal";
import { Outbox } from "./outbox.ts";
import { type MeterProfile, sealedStreamOf } from "./profile.ts";
import { type Boundary, sealBatch } from "./sealer.ts";
import { decodeMeterState, encodeMeterState, type MeterState, newMeterState } from "./state.ts";

/** Boundaries in a record by default: from about 48 on, a sealed record costs less to take in than plain rows. */
export const DEFAULT_RECORD_BOUNDARIES = 96;

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
    /** Boundaries in one record, 1 … 384. */
    readonly recordBoundaries?: number;
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
        this.#recordBoundaries = options.recordBoundaries ?? DEFAULT_RECORD_BOUNDARIES;
    }

    /** Opens a meter on its store, where it left off. */
    static async open(options: MeterAgentOptions): Promise<MeterAgent> {
        const { log, link, profile, store, timers } = options;
        const saved = await store.state();
        const state = saved === null ? newMeterState(profile) : unwrap(decodeMeterState(saved));
        const { collectorKey, subject } = profile;
        const outbox = await Outbox.open({ subject, collectorKey, store, link, timers, log });
        return new MeterAgent(options, state, outbox);
    }

    /** First slot that is not in a record yet; what was only buffered before a restart comes again. */
    get nextSlot(): number {
        return this.#state.seal.nextSlot;
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

    /** Connects to the collector and starts to send. */
    async connect(): Promise<void> {
        await this.#options.link.open({
            up: () => this.#outbox.up(),
            down: () => this.#outbox.down(),
            message: (message) => this.#outbox.message(message),
        });
    }

    /**
     * Takes the registers at the next slot boundary. A full record is sealed, written and sent; where
     * the outbox is full this waits.
     */
    async add(boundary: Boundary): Promise<void> {
        const before = this.#batch.at(-1);
        if (before !== undefined && boundary.slot !== before.slot + 1) await this.flush();
        this.#batch.push(boundary);
        if (this.#batch.length >= this.#recordBoundaries) await this.flush();
    }

    /** Puts what is buffered into a record. */
    async flush(): Promise<void> {
        if (this.#batch.length === 0) return;
        await this.#outbox.below(LIMITS.outboxRecords);
        if (this.refusal !== null)
            throw error("MS_NOT_ALLOWED", { got: `receipt code ${this.refusal.code}` });
        const { profile, signer, store } = this.#options;
        const batch = this.#batch;
        this.#batch = [];
        const sealed = unwrap(sealBatch(profile, this.#ladder, this.#keys, this.#state, batch));
        const bytes = await createUsageRecord(
            signer,
            {
                seq: this.#state.nextSeq,
                timeUnix: Math.floor(this.#options.clock.nowMs() / 1000),
                chainEpoch: this.#state.chainEpoch,
                prev: this.#state.headHash,
                subject: profile.subject,
            },
            sealed.usage,
        );
        const { hash } = unwrap(parseRecord(bytes)).message;
        const { chainEpoch, nextSeq: seq } = this.#state;
        const record = { chainEpoch, seq, hash, bytes };
        const next = { ...sealed.state, nextSeq: seq + 1, headHash: hash };
        await store.append(encodeMeterState(next), record);
        this.#state = next;
        this.#outbox.add(record);
    }

    /** Resolves when every record is final, or the meter was stopped by a refusal. */
    async settled(): Promise<void> {
        await this.#outbox.below(1);
    }

    /** Ends the connection; everything that matters is in the store. */
    async close(): Promise<void> {
        this.#outbox.close();
        await this.#options.link.close();
        await this.#outbox.below(Number.POSITIVE_INFINITY);
        await this.#options.store.close();
    }
}
