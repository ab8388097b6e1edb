import { createSocket, type Socket } from "node:dgram";
import { error, LIMITS, type Log, toHex } from "@meterseal/core";
import { bindOn, datagramFamily, requireLoopback, urlHost } from "../listen-address.ts";
import {
    acknowledge,
    type GatewayDatagram,
    type HeardFrame,
    parseDatagram,
    pullResponse,
} from "./forwarder-datagram.ts";
import {
    counterAfter,
    createDownlink,
    type DataFrame,
    type LoraSession,
    openUplink,
    parseUplink,
} from "./mac-frame.ts";
import {
    type FrameCounters,
    frameBytesAt,
    type LoraHandler,
    type LoraNetwork,
    Refusals,
} from "./network.ts";

/** A device that a bridge has the session of. */
export type ForwardedDevice = LoraSession & { readonly devEui: string };

/** Options of {@link createForwarderNetwork}. */
export type ForwarderOptions = {
    readonly host: string;
    /** 0 takes any free one; gateways ask for 1700 by default. */
    readonly port: number;
    /** Allows a host beyond the loopback: the protocol itself knows neither keys nor passwords. */
    readonly insecure?: boolean;
    readonly devices: readonly ForwardedDevice[];
    readonly counters: FrameCounters;
    readonly log: Log;
};

/** From the end of an uplink to the first receive window of the device (RECEIVE_DELAY1). */
const RECEIVE_DELAY_US = 1_000_000;
/** Power of a downlink, as every band of EU868 allows it. */
const POWER_DBM = 14;
/** Downlinks that wait for what the gateway says of them; beyond it the oldest counts as sent. */
const UNSETTLED = 64;
/** How often a confirmed frame that comes again is answered: more is no device but somebody's record of it. */
const COPIES = 8;

type Frame = { readonly port: number; readonly content: Uint8Array };
type Place = { readonly address: string; readonly port: number };
type Heard = HeardFrame & { readonly gateway: string };

/** What went down behind a frame of a device. */
type Answer = {
    readonly bytes: Uint8Array;
    /** Null for an acknowledgement alone. */
    readonly frame: Frame | null;
};

/** The last frame of a device that counted. */
type LastFrame = {
    /** EUI of the gateway that brought it. */
    readonly gateway: string;
    answer: Answer | null;
    /** How often it came again. */
    copies: number;
};

/**
 * Network server for devices of class A whose sessions were made by hand, behind gateways that speak the
 * packet forwarder's protocol over UDP. A frame counts once, whichever gateways heard it, and only with
 * its check and a counter above the last. A frame for a device goes through the gateway that heard it.
 * @throws MetersealError MS_LISTEN_ADDRESS for a host beyond the loopback.
 */
export function createForwarderNetwork(options: ForwarderOptions): LoraNetwork {
    requireLoopback(options, "The packet forwarder's protocol");
    return new ForwarderNetwork(options);
}

class ForwarderNetwork implements LoraNetwork {
    readonly #options: ForwarderOptions;
    readonly #socket: Socket;
    readonly #refusals: Refusals;
    /** Where gateways fetch frames, by EUI. */
    readonly #gateways = new Map<string, Place>();
    /** By device, since the start. */
    readonly #lasts = new Map<string, LastFrame>();
    readonly #waiting = new Map<string, Frame[]>();
    /** Downlinks by token, until the gateway says what became of them. */
    readonly #unsettled = new Map<string, { readonly devEui: string; readonly frame: Frame }>();
    readonly #turns = new Map<string, Promise<void>>();
    #inFlight = 0;
    #token = 0;
    #handler: LoraHandler | null = null;

    constructor(options: ForwarderOptions) {
        this.#options = options;
        this.#socket = createSocket({ type: datagramFamily(options.host) });
        this.#refusals = new Refusals((reason, count) =>
            options.log.warn("a LoRaWAN frame was not taken", { reason, count }),
        );
    }

    get refused(): Readonly<Record<string, number>> {
        return this.#refusals.counts;
    }

    async open(handler: LoraHandler): Promise<string> {
        const { host, log, port } = this.#options;
        this.#handler = handler;
        const bound = await bindOn(this.#socket, host, port);
        this.#socket.on("error", (cause) =>
            log.warn("packet forwarder", { reason: cause.message }),
        );
        this.#socket.on("message", (bytes, { address, port: from }) => {
            const datagram = parseDatagram(new Uint8Array(bytes));
            if (datagram === null) this.#refusals.add("no datagram of a packet forwarder");
            else this.#take(datagram, { address, port: from });
        });
        return `udp://${urlHost(host)}:${bound}`;
    }

    send(devEui: string, frame: Frame): boolean {
        const waiting = this.#waiting.get(devEui) ?? [];
        if (waiting.length >= LIMITS.loraDownlinks) return false;
        this.#waiting.set(devEui, [...waiting, frame]);
        return true;
    }

    async close(): Promise<void> {
        this.#handler = null;
        await Promise.all(this.#turns.values());
        await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
    }

    #take(datagram: GatewayDatagram, place: Place): void {
        if (datagram.kind === "txAck") {
            this.#settle(datagram.token, datagram.fault);
            return;
        }
        this.#reply(acknowledge(datagram), place);
        if (datagram.kind === "pull") this.#know(datagram.gateway, place);
        else
            for (const heard of datagram.heard) this.#hear({ ...heard, gateway: datagram.gateway });
    }

    #know(gateway: string, place: Place): void {
        const isRoom = this.#gateways.has(gateway) || this.#gateways.size < LIMITS.loraGateways;
        if (isRoom) this.#gateways.set(gateway, place);
        else this.#refusals.add("more gateways than there is room for");
    }

    #hear(heard: Heard): void {
        const frame = parseUplink(heard.frame);
        const devAddr = frame.ok ? frame.value.devAddr : -1;
        const devices = this.#options.devices.filter((each) => each.devAddr === devAddr);
        const isBusy = this.#inFlight >= LIMITS.loraUplinks;
        if (!frame.ok) this.#refusals.add("no data frame of a device");
        // Networks of others share the air: their frames are no fault.
        else if (devices.length === 0) this.#refusals.add("a device that is not known");
        else if (isBusy) this.#refusals.add("too many frames at once");
        else this.#queue(heard, frame.value, devices);
    }

    /** Frames of one address in turn: their counters follow one another. */
    #queue(heard: Heard, frame: DataFrame, devices: readonly ForwardedDevice[]): void {
        this.#inFlight++;
        const name = `${frame.devAddr}`;
        const before = this.#turns.get(name) ?? Promise.resolve();
        const turn = before
            .then(() => this.#takeFrame(heard, frame, devices))
            .catch((cause: unknown) => {
                this.#options.log.warn("a LoRaWAN frame failed", { cause: String(cause) });
            })
            .finally(() => {
                this.#inFlight--;
                if (this.#turns.get(name) === turn) this.#turns.delete(name);
            });
        this.#turns.set(name, turn);
    }

    async #takeFrame(
        heard: Heard,
        frame: DataFrame,
        devices: readonly ForwardedDevice[],
    ): Promise<void> {
        const opened = this.#open(heard, frame, devices);
        if (opened === null) return;
        const { content, counter, device, isRepeated } = opened;
        if (!isRepeated) {
            this.#options.counters.keep(`${device.devEui} up`, counter);
            // Until it is taken a copy is not answered either, nor with the answer of the frame before.
            this.#lasts.delete(device.devEui);
            if (frame.port !== null && frame.port !== 0)
                await this.#handler?.uplink({
                    devEui: device.devEui,
                    port: frame.port,
                    content,
                    counter,
                    receivedUnix: null,
                    frameBytes: frameBytesAt(spreadingFactorOf(heard.dataRate)),
                });
            const { gateway } = heard;
            this.#lasts.set(device.devEui, { gateway, answer: null, copies: 0 });
        }
        this.#answer(device, heard, frame.isConfirmed);
    }

    /** The frame under the session whose check fits; null, and counted, where none does. */
    #open({ gateway }: Heard, frame: DataFrame, devices: readonly ForwardedDevice[]) {
        for (const device of devices) {
            const last = this.#options.counters.last(`${device.devEui} up`);
            const isRepeated = last >= 0 && frame.counterLow === (last & 0xffff);
            const counter = isRepeated ? last : counterAfter(last, frame.counterLow);
            if (counter === null) continue;
            const content = openUplink(frame, device, counter);
            if (content === null) continue;
            if (!isRepeated) return { content, counter, device, isRepeated };
            // A device that hears no acknowledgement says the same again.
            const before = this.#lasts.get(device.devEui);
            const isOwnCopy = before?.gateway === gateway;
            if (frame.isConfirmed && isOwnCopy && before.copies++ < COPIES)
                return { content, counter, device, isRepeated };
            this.#refusals.add(isOwnCopy ? "a counter again" : "heard by another gateway too");
            return null;
        }
        const [only] = devices;
        const last = only === undefined ? -1 : this.#options.counters.last(`${only.devEui} up`);
        const isOld = devices.length === 1 && counterAfter(last, frame.counterLow) === null;
        this.#refusals.add(isOld ? "a counter out of reach" : "the check (MIC) does not fit");
        return null;
    }

    /** Sends what waits for the device, or at least that a confirmed frame came. */
    #answer(device: ForwardedDevice, heard: Heard, acknowledges: boolean): void {
        const place = this.#gateways.get(heard.gateway);
        if (place === undefined) return;
        const last = this.#lasts.get(device.devEui);
        // The same bytes to the same frame: a record of it, sent again and again, uses up no counters.
        const answer = last?.answer ?? this.#newAnswer(device, acknowledges);
        if (answer === null) return;
        if (last !== undefined) last.answer = answer;
        const token = this.#nextToken();
        if (answer.frame !== null) this.#watch(token, device.devEui, answer.frame);
        const { codingRate, dataRate, frequencyMhz, timestampUs } = heard;
        const transmission = {
            ...{ codingRate, dataRate, frequencyMhz, frame: answer.bytes, powerDbm: POWER_DBM },
            timestampUs: (timestampUs + RECEIVE_DELAY_US) % 2 ** 32,
        };
        this.#reply(pullResponse(token, transmission), place);
    }

    /** A frame under the next counter of the device; null where there is nothing to say. */
    #newAnswer(device: ForwardedDevice, acknowledges: boolean): Answer | null {
        const [frame, ...rest] = this.#waiting.get(device.devEui) ?? [];
        if (frame === undefined && !acknowledges) return null;
        this.#waiting.set(device.devEui, rest);
        const name = `${device.devEui} down`;
        const counter = this.#options.counters.last(name) + 1;
        this.#options.counters.keep(name, counter);
        const downlink = { counter, ...frame, acknowledges, hasMore: rest.length > 0 };
        return { bytes: createDownlink(downlink, device), frame: frame ?? null };
    }

    #nextToken(): Uint8Array {
        this.#token = (this.#token + 1) % 0x1_0000;
        return Uint8Array.of(this.#token >> 8, this.#token & 0xff);
    }

    #watch(token: Uint8Array, devEui: string, frame: Frame): void {
        const [oldest] = this.#unsettled.keys();
        if (this.#unsettled.size >= UNSETTLED && oldest !== undefined)
            this.#unsettled.delete(oldest);
        this.#unsettled.set(toHex(token), { devEui, frame });
    }

    /** A gateway says what became of a downlink: what it did not send waits for the next window. */
    #settle(token: Uint8Array, fault: string | null): void {
        const name = toHex(token);
        const downlink = this.#unsettled.get(name);
        this.#unsettled.delete(name);
        if (fault === null || downlink === undefined) return;
        this.#options.log.warn("a gateway did not send a frame", { reason: fault });
        const { devEui, frame } = downlink;
        const last = this.#lasts.get(devEui);
        if (last?.answer?.frame === frame) last.answer = null;
        const waiting = this.#waiting.get(devEui) ?? [];
        if (waiting.length < LIMITS.loraDownlinks) this.#waiting.set(devEui, [frame, ...waiting]);
    }

    /** What cannot be sent is lost, as any datagram may be. */
    #reply(datagram: Uint8Array, { address, port }: Place): void {
        this.#socket.send(datagram, port, address, () => {});
    }
}

function spreadingFactorOf(dataRate: string): number {
    const match = /^SF(\d{1,2})/.exec(dataRate);
    if (match === null) throw error("MS_MALFORMED", { where: "data rate", got: dataRate });
    return Number(match[1]);
}
