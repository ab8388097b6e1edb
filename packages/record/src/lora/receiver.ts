import { error, fail, LIMITS, ok, type Result, toHex } from "@meterseal/core";
import { attempt, malformed } from "../parse.ts";
import type { MeterRecord } from "../record.ts";
import { verifySign1 } from "../sign1.ts";
import {
    type Checkpoint,
    compactPlace,
    parseCheckpoint,
    rebuildCovered,
    rebuildRecord,
} from "./compact.ts";
import { FragmentJoiner, type PortContent } from "./fragments.ts";
import { type LightReading, openLight } from "./light.ts";
import { LightBook } from "./light-book.ts";
import { LORA_PORT, type LoraProfile } from "./profile.ts";
import type { LoraAsk } from "./receipt.ts";
import type { LightKey, LoraState, WaitingPart } from "./receiver-state.ts";

/** A record that came together, and the state behind it, which is to be durable with it. */
export type LoraRecord = {
    readonly record: MeterRecord;
    readonly state: LoraState;
    /** Whether light readings brought its registers. */
    readonly isCheckpoint: boolean;
};

/** What a frame led to. */
export type LoraTaken = {
    /** Records that are whole and signed now, in the order of their chain. */
    readonly records: readonly LoraRecord[];
    /** What is to be asked for; null where nothing is missing. */
    readonly ask: LoraAsk | null;
    /** The meter said again what was taken before: it lacks a receipt. */
    readonly isRepeated: boolean;
    /** Message of a handshake, for whoever makes session keys; null for anything else. */
    readonly handshake: Uint8Array | null;
};

const NOTHING: LoraTaken = { records: [], ask: null, isRepeated: false, handshake: null };

/** Device of the other side: what its address implies, and where its chain begins. */
export type LoraDevice = {
    readonly profile: LoraProfile;
    /** Hash of the meter's enrolment, 32 bytes: what the first record of each chain epoch names. */
    readonly anchor: Uint8Array;
};

/**
 * The bridge's half of the LoRa profile for one meter: puts records together from frames, as the meter
 * signed them, and checks each signature. What no signature covers leaves it as a provisional reading
 * and never as a record.
 */
export class LoraReceiver {
    readonly #device: LoraDevice;
    readonly #joiner = new FragmentJoiner();
    readonly #lights: LightBook;
    #chainEpoch: number;
    #nextSeq: number;
    #head: Uint8Array;
    #keys: readonly LightKey[];
    #waiting: WaitingPart[];

    constructor(device: LoraDevice, state: LoraState) {
        this.#device = device;
        this.#lights = new LightBook(device.profile.stream, state.lights);
        this.#chainEpoch = state.chainEpoch;
        this.#nextSeq = state.nextSeq;
        this.#head = state.head;
        this.#keys = state.keys;
        this.#waiting = state.waiting.filter(({ seq }) => this.#mayWait(seq));
    }

    /** What must be durable before anything that {@link take} gave leaves. */
    get state(): LoraState {
        return {
            chainEpoch: this.#chainEpoch,
            nextSeq: this.#nextSeq,
            head: this.#head,
            keys: this.#keys,
            lights: this.#lights.all,
            waiting: this.#waiting,
        };
    }

    /** Readings that no signature covers yet, by slot. */
    get provisional(): readonly LightReading[] {
        return this.#lights.all;
    }

    /**
     * Goes on under a new session key; the one in use counts until a reading came under this one. One that
     * was never used is forgotten: the meter may not have heard the end of its handshake.
     */
    renew(key: Uint8Array): void {
        this.#keys = [{ key, counter: -1 }, ...this.#keys.slice(-1)];
    }

    /**
     * Takes a frame of the meter.
     * @returns MS_MALFORMED, also for a port that is none of the profile's; MS_TOO_LARGE;
     * MS_SIGNATURE_BAD for what the meter did not sign; MS_REPLAYED for a light reading again;
     * MS_RESEALED for other registers at a boundary that is known; MS_BUSY for more light readings than
     * there is room for.
     */
    take({ content, port }: PortContent): Result<LoraTaken> {
        if (port === LORA_PORT.compact && content.length > LIMITS.loraCompactBytes) {
            const expected = `at most ${LIMITS.loraCompactBytes} bytes, or fragments`;
            return fail(error("MS_TOO_LARGE", { where: `port ${port}`, expected }));
        }
        if (port !== LORA_PORT.fragment) return this.#takeWhole({ port, content });
        const whole = this.#joiner.take(content);
        if (!whole.ok) return whole;
        return whole.value === null ? ok(NOTHING) : this.#takeWhole(whole.value);
    }

    #takeWhole({ content, port }: PortContent): Result<LoraTaken> {
        if (port === LORA_PORT.light) return this.#takeLight(content);
        if (port === LORA_PORT.handshake) return ok({ ...NOTHING, handshake: content });
        if (port === LORA_PORT.compact || port === LORA_PORT.checkpoint)
            return this.#takePart({ port, content });
        return attempt(() => malformed(`port ${port}`, "a port of the profile"));
    }

    #takeLight(frame: Uint8Array): Result<LoraTaken> {
        const { profile } = this.#device;
        const opened = this.#keys.map(({ counter: after, key }) =>
            openLight(frame, profile, { after, key }),
        );
        const at = opened.findIndex(({ ok: isOpen }) => isOpen);
        const reading = opened[Math.max(0, at)] as (typeof opened)[number];
        if (!reading.ok) return reading;
        const { counter, ...light } = reading.value;
        this.#used(at, counter);
        const added = this.#lights.add(light);
        if (!added.ok) return added;
        return ok({ ...NOTHING, ...this.#advance() });
    }

    /** Notes a counter; a key that is older than one in use is done with. */
    #used(at: number, counter: number): void {
        const keys = this.#keys.map((each, i) => (i === at ? { ...each, counter } : each));
        this.#keys = at === 0 ? keys.slice(0, 1) : keys;
    }

    #takePart(part: PortContent): Result<LoraTaken> {
        const place = compactPlace(part.content);
        if (!place.ok) return place;
        const { chainEpoch, seq } = place.value;
        const opensEpoch = chainEpoch === this.#chainEpoch + 1 && seq === 1;
        const isPast =
            chainEpoch < this.#chainEpoch ||
            (chainEpoch === this.#chainEpoch && seq < this.#nextSeq);
        if (isPast) return ok({ ...NOTHING, isRepeated: true });
        if (part.port === LORA_PORT.checkpoint) {
            const checkpoint = parseCheckpoint(part.content);
            if (!checkpoint.ok) return checkpoint;
        }
        const isNext = opensEpoch || (chainEpoch === this.#chainEpoch && seq === this.#nextSeq);
        if (isNext) return this.#takeNext(part, opensEpoch);
        if (chainEpoch !== this.#chainEpoch || !this.#mayWait(seq))
            return ok({ ...NOTHING, ask: this.#askFor(this.#nextSeq) });
        this.#keep(part, seq);
        return ok({ ...NOTHING, ...this.#advance() });
    }

    /** Parts wait before their signature can be checked: numbers out of reach must not take their room. */
    #mayWait(seq: number): boolean {
        return seq >= this.#nextSeq && seq < this.#nextSeq + LIMITS.pendingRecords;
    }

    #takeNext(part: PortContent, opensEpoch: boolean): Result<LoraTaken> {
        const { anchor } = this.#device;
        const record = this.#rebuild(part, opensEpoch ? anchor : this.#head);
        if (!record.ok) return record;
        if (record.value === null) {
            this.#keep(part, this.#nextSeq);
            return ok({ ...NOTHING, ask: this.#askFor(this.#nextSeq) });
        }
        if (opensEpoch) {
            this.#chainEpoch++;
            this.#waiting = [];
        }
        const first = this.#accept(record.value, part);
        const { ask, records } = this.#advance();
        return ok({ ...NOTHING, records: [first, ...records], ask });
    }

    /** Goes on with what waited, as far as it is whole. */
    #advance(): Pick<LoraTaken, "ask" | "records"> {
        const records: LoraRecord[] = [];
        for (;;) {
            const part = this.#waiting.find(({ seq }) => seq === this.#nextSeq);
            if (part === undefined) break;
            const record = this.#rebuild(part, this.#head);
            if (record.ok && record.value === null) break;
            if (!record.ok) {
                this.#waiting = this.#waiting.filter((each) => each !== part);
                break;
            }
            if (record.value !== null) records.push(this.#accept(record.value, part));
        }
        const ask = this.#waiting.length === 0 ? null : this.#askFor(this.#nextSeq);
        return { records, ask };
    }

    /** The record of a part, signed; null for a checkpoint whose light readings are not all here. */
    #rebuild(part: PortContent, prev: Uint8Array): Result<MeterRecord | null> {
        const { profile } = this.#device;
        let record: Result<MeterRecord>;
        if (part.port === LORA_PORT.compact) record = rebuildRecord(part.content, profile, prev);
        else {
            const checkpoint = parseCheckpoint(part.content);
            if (!checkpoint.ok) return checkpoint;
            const registers = this.#lights.registersOf(checkpoint.value);
            if (registers === null) return ok(null);
            record = rebuildCovered(part.content, registers, profile, prev);
        }
        if (!record.ok || verifySign1(record.value.message, profile.key)) return record;
        const where = `record ${record.value.seq} of ${toHex(profile.subject)}`;
        return fail(error("MS_SIGNATURE_BAD", { where }));
    }

    #accept(record: MeterRecord, { port }: PortContent): LoraRecord {
        this.#nextSeq = record.seq + 1;
        this.#head = record.message.hash;
        this.#waiting = this.#waiting.filter(({ seq }) => seq > record.seq);
        this.#lights.cover(record);
        return { record, state: this.state, isCheckpoint: port === LORA_PORT.checkpoint };
    }

    /** Keeps what comes too early; of two for one place the later one, since neither is checked. */
    #keep(part: PortContent, seq: number): void {
        const others = this.#waiting.filter((each) => each.seq !== seq);
        this.#waiting = [...others, { ...part, seq }];
    }

    #askFor(seq: number): LoraAsk {
        const part = this.#waiting.find((each) => each.seq === seq);
        const missing = part === undefined ? [] : this.#missingOf(part);
        return { chainEpoch: this.#chainEpoch, seq, missing };
    }

    #missingOf(part: PortContent): readonly (readonly [number, number])[] {
        if (part.port !== LORA_PORT.checkpoint) return [];
        const checkpoint: Result<Checkpoint> = parseCheckpoint(part.content);
        return checkpoint.ok ? this.#lights.missingOf(checkpoint.value) : [];
    }
}
