import type { ErrorCode, Log } from "@meterseal/core";
import type { LoraUplink } from "@meterseal/links/lorawan";
import { type Decoded, decodeMilesight, type Telegram } from "@meterseal/telegram";
import type { CollectorAddress } from "../../device/link.ts";
import { openObservedDevice } from "../observed.ts";
import { type Gateway, openGateway } from "../open-gateway.ts";
import type { LoraDeviceEntry } from "./devices.ts";

/** What makers' payloads are, by the name in the list of devices. */
const PAYLOADS = { milesight: decodeMilesight } as const satisfies Readonly<
    Record<string, (payload: Uint8Array) => Decoded<Telegram>>
>;

/** How a channel works. */
export type ObservedOptions = {
    readonly target: CollectorAddress;
    readonly sendEverySeconds: number;
    readonly log: Log;
};

/** One LoRaWAN meter that cannot sign: the bridge seals and signs what it says, as a gateway. */
export class ObservedChannel {
    readonly #gateway: Gateway;
    readonly #decode: (payload: Uint8Array) => Decoded<Telegram>;

    private constructor(gateway: Gateway, decode: (payload: Uint8Array) => Decoded<Telegram>) {
        this.#gateway = gateway;
        this.#decode = decode;
    }

    /** Opens a channel where it left off, and connects it. */
    static async open(
        { directory, payload }: Extract<LoraDeviceEntry, { kind: "observed" }>,
        options: ObservedOptions,
    ): Promise<ObservedChannel> {
        const device = openObservedDevice(directory);
        const gateway = await openGateway(directory, device, {
            ...options,
            channel: 0,
            counter: { value: -1 },
            isFinite: false,
            byMeterClock: false,
            // Devices report at times of their own: the nearest report stands for a boundary.
            alignSeconds: device.profile.stream.slotSeconds,
        });
        return new ObservedChannel(gateway, PAYLOADS[payload]);
    }

    /** Records written so far. */
    get recordCount(): number {
        return this.#gateway.agent.recordCount;
    }

    /** Records that are not final. */
    get openRecords(): number {
        return this.#gateway.agent.openRecords;
    }

    /** Receipt code by which the collector refused a record for good; null while it takes them. */
    get refusal(): number | null {
        return this.#gateway.agent.refusal?.code ?? null;
    }

    /** Nothing here is without a signature. */
    get provisionalCount(): number {
        return 0;
    }

    /**
     * Takes a report; dated by the network where that says when it came.
     * @returns null: what is not taken is counted and said by the bridge.
     */
    async take({ content, receivedUnix }: LoraUplink): Promise<ErrorCode | null> {
        const decoded = this.#decode(content);
        const dated = decoded.ok
            ? { ...decoded, value: { ...decoded.value, atUnix: receivedUnix } }
            : decoded;
        await this.#gateway.bridge.take([dated]);
        return null;
    }

    /** Seals boundaries whose wait is over. */
    async advance(): Promise<void> {
        await this.#gateway.bridge.advance();
    }

    /** Puts what was measured into a record, and ends the channel. */
    async close(): Promise<void> {
        try {
            await this.#gateway.bridge.finish();
        } finally {
            await this.#gateway.close();
        }
    }
}
