import { randomBytes } from "node:crypto";
import {
    assert,
    bytesEqual,
    LIMITS,
    type MeterLink,
    type MeterLinkHandler,
    type PublicKey,
    unwrap,
} from "@meterseal/core";
import { type Credential, Initiator, METHOD, type OwnCredential } from "@meterseal/links/edhoc";
import {
    type MeterRecord,
    parseRecord,
    RECORD_CLASS,
    splitSequence,
    usageOf,
} from "@meterseal/record";
import {
    checkpointOf,
    compactRecord,
    decodeAsk,
    FragmentJoiner,
    fragmentsOf,
    LORA_PORT,
    type LoraProfile,
    lightOf,
    type PortContent,
    rebuildReceipt,
    sealLight,
} from "@meterseal/record/lora";
import type { LoraRadio } from "./lora-gateway.ts";

/** Label of light keys in the exporter. */
const LIGHT_LABEL = 32_770;
/** An empty byte string: nothing to say but to hear. */
const WINDOW: Uint8Array = Uint8Array.of(0x40);
const WINDOW_MS = 50;

/** How a meter speaks. */
export type LoraMeterOptions = {
    readonly radio: Pick<LoraRadio, "frame" | "receive" | "send">;
    readonly profile: LoraProfile;
    readonly collectorKey: PublicKey;
    readonly lightKey: Uint8Array;
    /** What the meter shows in a handshake, and whom it takes for the bridge. */
    readonly own?: OwnCredential;
    readonly bridge?: Credential;
    /** Sends usage as light readings and a checkpoint; whole records otherwise. */
    readonly isLight: boolean;
    /** Such as SF12BW125, and how many bytes of content it carries. */
    readonly dataRate: string;
    readonly frameBytes: number;
    /** Whether a frame gets lost on air, by its number from 0 on. */
    readonly isLost?: (frame: number, port: number) => boolean;
};

/** A meter's side of the LoRa profile: takes its signed records to a bridge, and receipts back. */
export class LoraMeterLink implements MeterLink {
    readonly #options: LoraMeterOptions;
    readonly #joiner = new FragmentJoiner();
    /** Records that were sent, by chain epoch and sequence number. */
    readonly #records = new Map<string, MeterRecord>();
    #handler: MeterLinkHandler | null = null;
    #turn: Promise<void> = Promise.resolve();
    #counter = 0;
    #transfer = 0;
    #frames = 0;
    #lightKey: Uint8Array;
    #heard: ((message: Uint8Array) => void) | null = null;

    constructor(options: LoraMeterOptions) {
        this.#options = options;
        this.#lightKey = options.lightKey;
    }

    /** Agrees on a new session key with the bridge; rejects with its refusal. */
    handshake(): Promise<void> {
        const { bridge, own } = this.#options;
        assert(own !== undefined && bridge !== undefined, "credentials for a handshake");
        const initiator = new Initiator({
            ...{ own, method: METHOD.signatures, suites: [2], connection: new Uint8Array() },
            find: (id) => (bytesEqual(id, bridge.id) ? bridge : null),
            random: { bytes: (length) => new Uint8Array(randomBytes(length)) },
        });
        return this.#inTurn(async () => {
            const message2 = await this.#exchange(initiator.message1);
            const message3 = unwrap(await initiator.takeMessage2(message2));
            unwrap(initiator.takeMessage4(await this.#exchange(message3)));
            const { session } = initiator;
            assert(session !== null, "a session behind its last message");
            this.#lightKey = session.exportKey(LIGHT_LABEL, new Uint8Array(), 16);
            this.#counter = 0;
        });
    }

    /** Sends a message of the handshake, and gives windows until the answer is there. */
    async #exchange(content: Uint8Array): Promise<Uint8Array> {
        const answer = new Promise<Uint8Array>((resolve) => {
            this.#heard = resolve;
        });
        let isHere = false;
        void answer.then(() => {
            isHere = true;
        });
        await this.#transmit({ port: LORA_PORT.handshake, content });
        while (!isHere) {
            await this.#frame({ port: LORA_PORT.handshake, content: WINDOW });
            await new Promise((resolve) => setTimeout(resolve, WINDOW_MS));
        }
        return await answer;
    }

    /** Frames that were sent, lost ones too. */
    get frames(): number {
        return this.#frames;
    }

    open(handler: MeterLinkHandler): Promise<void> {
        this.#handler = handler;
        void this.#listen();
        handler.up();
        return Promise.resolve();
    }

    send(message: Uint8Array): Promise<void> {
        const records = unwrap(splitSequence(message, LIMITS.messageRecords)).map((each) =>
            unwrap(parseRecord(each)),
        );
        return this.#inTurn(async () => {
            for (const record of records) await this.#say(record);
        });
    }

    /** Asks for what waits, as a device does from time to time. */
    poll(): Promise<void> {
        const last = [...this.#records.values()].at(-1);
        return this.#inTurn(async () => {
            if (last !== undefined) await this.#say(last);
        });
    }

    async close(): Promise<void> {
        this.#handler = null;
        await this.#turn;
    }

    /** A device sends one frame after another. */
    #inTurn(step: () => Promise<void>): Promise<void> {
        const turn = this.#turn.then(step);
        this.#turn = turn.catch(() => undefined);
        return turn;
    }

    async #say(record: MeterRecord): Promise<void> {
        const { isLight, profile } = this.#options;
        const name = nameOf(record.chainEpoch, record.seq);
        const isNew = !this.#records.has(name);
        this.#records.set(name, record);
        if (!isLight || record.recordClass !== RECORD_CLASS.usage) {
            const content = unwrap(compactRecord(record, profile));
            await this.#transmit({ port: LORA_PORT.compact, content });
            return;
        }
        const { count } = unwrap(usageOf(record));
        for (let offset = 0; isNew && offset < count; offset++)
            await this.#sayLight(record, offset);
        const content = unwrap(checkpointOf(record, profile));
        await this.#transmit({ port: LORA_PORT.checkpoint, content });
    }

    async #sayLight(record: MeterRecord, offset: number): Promise<void> {
        const reading = unwrap(lightOf(unwrap(usageOf(record)), offset));
        const secret = { counter: this.#counter++, key: this.#lightKey };
        await this.#frame({ port: LORA_PORT.light, content: unwrap(sealLight(reading, secret)) });
    }

    async #transmit(whole: PortContent): Promise<void> {
        const { frameBytes } = this.#options;
        const limit = whole.port === LORA_PORT.compact ? LIMITS.loraCompactBytes : frameBytes;
        if (whole.content.length <= Math.min(frameBytes, limit)) {
            await this.#frame(whole);
            return;
        }
        this.#transfer = (this.#transfer + 1) & 0xff;
        for (const content of unwrap(fragmentsOf(whole, this.#transfer, frameBytes)))
            await this.#frame({ port: LORA_PORT.fragment, content });
    }

    async #frame({ content, port }: PortContent): Promise<void> {
        const { dataRate, isLost, radio } = this.#options;
        if (isLost?.(this.#frames++, port) === true) radio.frame({ content, port });
        else await radio.send({ content, port, dataRate });
    }

    async #listen(): Promise<void> {
        while (this.#handler !== null) {
            const { content, port } = await this.#options.radio.receive();
            if (port === LORA_PORT.fragment) {
                const whole = unwrap(this.#joiner.take(content));
                if (whole !== null) this.#take(whole);
            } else if (port !== null) this.#take({ port, content });
        }
    }

    #take({ content, port }: PortContent): void {
        if (port === LORA_PORT.handshake) {
            this.#heard?.(content);
            return;
        }
        if (port === LORA_PORT.ask) {
            const ask = unwrap(decodeAsk(content));
            const record = this.#records.get(nameOf(ask.chainEpoch, ask.seq));
            if (record !== undefined) void this.#inTurn(() => this.#answer(record, ask.missing));
            return;
        }
        const { collectorKey, profile } = this.#options;
        const context = { collectorKey, subject: profile.subject };
        const hashOf = (chainEpoch: number, seq: number): Uint8Array | null =>
            this.#records.get(nameOf(chainEpoch, seq))?.message.hash ?? null;
        const receipt = unwrap(rebuildReceipt(content, context, hashOf));
        this.#handler?.message(receipt.message.bytes);
    }

    async #answer(
        record: MeterRecord,
        missing: readonly (readonly [number, number])[],
    ): Promise<void> {
        if (missing.length === 0) {
            await this.#say(record);
            return;
        }
        for (const [first, length] of missing)
            for (let offset = first; offset < first + length; offset++)
                await this.#sayLight(record, offset);
    }
}

function nameOf(chainEpoch: number, seq: number): string {
    return `${chainEpoch} ${seq}`;
}
