import {
    bytesEqual,
    type ErrorCode,
    LIMITS,
    type Log,
    type MeterLink,
    type Timers,
    toHex,
    unwrap,
} from "@meterseal/core";
import { enrolledCredential } from "@meterseal/links/edhoc";
import type { LoraNetwork, LoraUplink } from "@meterseal/links/lorawan";
import { Outbox } from "@meterseal/meter";
import {
    type MeterRecord,
    type MeterStore,
    parseReceipt,
    RECEIPT_LEVEL,
    RECORD_CLASS,
    verifySign1,
} from "@meterseal/record";
import {
    compactReceipt,
    decodeLoraState,
    encodeAsk,
    encodeLoraState,
    fragmentsOf,
    type LightReading,
    LORA_PORT,
    LoraReceiver,
    type LoraRecord,
} from "@meterseal/record/lora";
import { LoraHandshake } from "./handshake.ts";
import type { LoraMeter } from "./meter-directory.ts";

/** What a channel works with. */
export type MeterChannelParts = {
    readonly meter: LoraMeter;
    readonly store: MeterStore;
    /** To the collector, with the meter's token. */
    readonly link: MeterLink;
    readonly send: LoraNetwork["send"];
    /** Told of readings that no signature covers yet, and of none left. */
    readonly onProvisional: (readings: readonly LightReading[]) => void;
    readonly timers: Timers;
    readonly log: Log;
};

/** The same goes down again after so many frames of the device: air time is dear. */
const AGAIN_FRAMES = 4;

/**
 * One meter that signs for itself and speaks the LoRa profile: its records go to the collector as it
 * signed them, kept here until they are final. The bridge signs none.
 */
export class MeterChannel {
    readonly #parts: MeterChannelParts;
    readonly #receiver: LoraReceiver;
    readonly #outbox: Outbox;
    readonly #handshake: LoraHandshake;
    #frameBytes: number = LIMITS.loraLightBytes;
    #transfer = 0;
    /** Frames that were taken. */
    #frames = 0;
    /** What went down last on each port, and behind which frame. */
    readonly #said = new Map<number, { readonly content: Uint8Array; readonly frame: number }>();
    /** The meter is to hear of a receipt that is final from here on; null where it is not to. */
    #wanted: Pick<MeterRecord, "chainEpoch" | "seq"> | null = null;
    #records = 0;

    private constructor(parts: MeterChannelParts, receiver: LoraReceiver, outbox: Outbox) {
        this.#parts = parts;
        this.#receiver = receiver;
        this.#outbox = outbox;
        const { bridge, device } = parts.meter;
        const subjectHex = toHex(device.profile.subject);
        this.#handshake = new LoraHandshake(bridge, enrolledCredential(subjectHex, device.key));
    }

    /** Opens a channel where it left off, and connects it. */
    static async open(parts: MeterChannelParts): Promise<MeterChannel> {
        const { link, log, meter, store, timers } = parts;
        const { key, profile } = meter.device;
        const { anchor, collectorKey, stream, subject } = profile;
        const saved = await store.state();
        const state = saved === null ? meter.start : unwrap(decodeLoraState(saved));
        const device = { profile: { key, subject, stream }, anchor };
        const onClockAhead = (): void => {};
        const outbox = await Outbox.open({
            ...{ subject, collectorKey, store, link, timers, log, onClockAhead },
        });
        const channel = new MeterChannel(parts, new LoraReceiver(device, state), outbox);
        await link.open({
            up: () => {
                outbox.up();
                channel.#sayProvisional();
            },
            down: () => outbox.down(),
            message: (message) => {
                outbox.message(message);
                channel.#hear(message);
            },
        });
        return channel;
    }

    /** Records that came together since the start. */
    get recordCount(): number {
        return this.#records;
    }

    /** Records that are not final. */
    get openRecords(): number {
        return this.#outbox.size;
    }

    /** Receipt code by which the collector refused a record for good; null while it takes them. */
    get refusal(): number | null {
        return this.#outbox.refusal?.code ?? null;
    }

    /** Boundaries that no signature covers yet. */
    get provisionalCount(): number {
        return this.#receiver.provisional.length;
    }

    /**
     * Takes a frame of the meter; durable when this resolves.
     * @returns why it was not taken, as {@link LoraReceiver.take}; null where it was.
     */
    async take({ content, frameBytes, port }: LoraUplink): Promise<ErrorCode | null> {
        this.#frameBytes = frameBytes;
        this.#frames++;
        const taken = this.#receiver.take({ port, content });
        if (!taken.ok) return taken.error.code;
        const { ask, handshake, isRepeated, records } = taken.value;
        if (handshake !== null) return await this.#takeHandshake(handshake);
        await this.#keep(records);
        const wanted = records.findLast(isToBeAnswered);
        if (wanted !== undefined) this.#wanted = wanted.record;
        if (isRepeated) await this.#repeatReceipt();
        if (ask !== null) this.#say(LORA_PORT.ask, encodeAsk(ask));
        this.#sayProvisional();
        return null;
    }

    /** Ends the channel; what is not final stays in its store. */
    async close(): Promise<void> {
        this.#outbox.close();
        await this.#parts.link.close();
        await this.#outbox.below(Number.POSITIVE_INFINITY);
        await this.#parts.store.close();
    }

    /** A new session key is on disk before the meter may use it. */
    async #takeHandshake(message: Uint8Array): Promise<ErrorCode | null> {
        const { answer, lightKey, refusal } = await this.#handshake.take(message);
        if (lightKey !== null) {
            this.#receiver.renew(lightKey);
            await this.#keep([]);
        }
        if (answer !== null) this.#send(LORA_PORT.handshake, answer);
        return refusal;
    }

    /** Puts records and state on disk, and then sends. */
    async #keep(records: readonly LoraRecord[]): Promise<void> {
        const { store } = this.#parts;
        if (records.length === 0) await store.append(encodeLoraState(this.#receiver.state), null);
        for (const { record, state } of records) {
            const { chainEpoch, message, seq } = record;
            const entry = { chainEpoch, seq, hash: message.hash, bytes: message.bytes };
            await store.append(encodeLoraState(state), entry);
            this.#records++;
            this.#outbox.add(entry);
        }
    }

    /** The meter has no receipt for what is final, or soon will be: it hears the last one again. */
    async #repeatReceipt(): Promise<void> {
        const { final } = await this.#parts.store.receipts();
        const { chainEpoch, nextSeq } = this.#receiver.state;
        if (this.#outbox.size > 0) this.#wanted ??= { chainEpoch, seq: nextSeq - 1 };
        else if (final !== null) this.#sendReceipt(final);
    }

    /** Passes on a final receipt that the meter waits for. */
    #hear(message: Uint8Array): void {
        const receipt = parseReceipt(message);
        const wanted = this.#wanted;
        if (!receipt.ok || wanted === null) return;
        const { chainEpoch, level, message: signed, seq, subject } = receipt.value;
        const { collectorKey, subject: own } = this.#parts.meter.device.profile;
        const isFinal = level === RECEIPT_LEVEL.final && bytesEqual(subject, own);
        const covers =
            chainEpoch > wanted.chainEpoch ||
            (chainEpoch === wanted.chainEpoch && seq >= wanted.seq);
        if (!isFinal || !covers || !verifySign1(signed, collectorKey)) return;
        this.#wanted = null;
        this.#sendReceipt(message);
    }

    #sendReceipt(message: Uint8Array): void {
        this.#say(LORA_PORT.checkpoint, unwrap(compactReceipt(message)));
    }

    /** Says something to the meter, unless it was said a moment ago. */
    #say(port: number, content: Uint8Array): void {
        const last = this.#said.get(port);
        const isSame = last !== undefined && bytesEqual(last.content, content);
        if (isSame && this.#frames < last.frame + AGAIN_FRAMES) return;
        this.#said.set(port, { content, frame: this.#frames });
        this.#send(port, content);
    }

    /** Leaves a frame for the meter, in parts where it is longer than its data rate carries. */
    #send(port: number, content: Uint8Array): void {
        const { log, meter, send } = this.#parts;
        const isWhole = content.length <= this.#frameBytes;
        this.#transfer = (this.#transfer + 1) & 0xff;
        const frames = isWhole
            ? [{ port, content }]
            : unwrap(fragmentsOf({ port, content }, this.#transfer, this.#frameBytes)).map(
                  (part) => ({ port: LORA_PORT.fragment, content: part }),
              );
        const isSent = frames.every((frame) => send(meter.devEui, frame));
        if (isSent) return;
        const subject = toHex(meter.device.profile.subject);
        log.warn("no room for a frame to a device", { subject });
    }

    #sayProvisional(): void {
        this.#parts.onProvisional(this.#receiver.provisional);
    }
}

/** Air time goes to what a person waits for: warnings, and checkpoints (design). */
function isToBeAnswered({ isCheckpoint, record }: LoraRecord): boolean {
    return isCheckpoint || record.recordClass === RECORD_CLASS.warning;
}
