import { basename } from "node:path";
import type { ErrorCode, Log } from "@meterseal/core";
import type { LoraUplink } from "@meterseal/links/lorawan";
import type { MeterAgent } from "@meterseal/meter";
import { type Decoded, decodeMilesight, type Telegram } from "@meterseal/telegram";
import { systemClock } from "../../clocks.ts";
import { openAgent, settleNetwork } from "../../device/agent.ts";
import { provideKeyFile } from "../../device/device.ts";
import type { CollectorAddress } from "../../device/link.ts";
import { BoundaryJournal } from "../boundary-journal.ts";
import { Bridge } from "../bridge.ts";
import { openObservedDevice } from "../observed.ts";
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
    readonly #agent: MeterAgent;
    readonly #bridge: Bridge;
    readonly #journal: BoundaryJournal;
    readonly #decode: (payload: Uint8Array) => Decoded<Telegram>;

    private constructor(
        parts: { readonly agent: MeterAgent; readonly bridge: Bridge },
        journal: BoundaryJournal,
        decode: (payload: Uint8Array) => Decoded<Telegram>,
    ) {
        this.#agent = parts.agent;
        this.#bridge = parts.bridge;
        this.#journal = journal;
        this.#decode = decode;
    }

    /** Opens a channel where it left off, and connects it. */
    static async open(
        { directory, payload }: Extract<LoraDeviceEntry, { kind: "observed" }>,
        { log, sendEverySeconds, target }: ObservedOptions,
    ): Promise<ObservedChannel> {
        const device = openObservedDevice(directory);
        settleNetwork(directory, device);
        provideKeyFile(directory, basename(directory), device);
        const agent = await openAgent(directory, device, target, "registers");
        let journal: BoundaryJournal | null = null;
        try {
            journal = new BoundaryJournal(directory);
            const { medium, stream } = device.profile;
            const bridge = await Bridge.open({
                ...{ agent, journal, medium, stream, log, sendEverySeconds, clock: systemClock },
                channel: 0,
                counter: { value: journal.counter },
                isFinite: false,
                byMeterClock: false,
                // Devices report at times of their own: the nearest report stands for a boundary.
                alignSeconds: stream.slotSeconds,
            });
            await agent.connect();
            return new ObservedChannel({ agent, bridge }, journal, PAYLOADS[payload]);
        } catch (cause) {
            await agent.close();
            journal?.close();
            throw cause;
        }
    }

    /** Records written so far. */
    get recordCount(): number {
        return this.#agent.recordCount;
    }

    /** Records that are not final. */
    get openRecords(): number {
        return this.#agent.openRecords;
    }

    /** Receipt code by which the collector refused a record for good; null while it takes them. */
    get refusal(): number | null {
        return this.#agent.refusal?.code ?? null;
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
        await this.#bridge.take([dated]);
        return null;
    }

    /** Seals boundaries whose wait is over. */
    async advance(): Promise<void> {
        await this.#bridge.advance();
    }

    /** Puts what was measured into a record, and ends the channel. */
    async close(): Promise<void> {
        try {
            await this.#bridge.finish();
        } finally {
            await this.#agent.close();
            this.#journal.close();
        }
    }
}
