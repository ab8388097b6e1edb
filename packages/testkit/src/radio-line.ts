import { Duplex } from "node:stream";
import type { SeededRandom } from "./random.ts";

/** End of a line. */
export type LineEnd = "meter" | "collector";

/** What a radio does to what is sent through it. */
export type RadioFaults = {
    readonly random: SeededRandom;
    /** Bytes that are in the air together, and are lost together. */
    readonly packetBytes: number;
    /** Shares of packets that are lost, come twice, or have a byte changed; 0 … 1. */
    readonly lossRate: number;
    readonly duplicateRate: number;
    readonly garbleRate: number;
    /** Time in the air, in milliseconds; the order stays. */
    readonly delayMs: number;
    /** Speed in bits per second, ten for a byte, where packets wait for one another; else as they come. */
    readonly baud?: number;
};

/** A pair of radios that pass for a serial line: what one end is given comes out of the other. */
export class Radio {
    readonly #faults: RadioFaults;
    readonly #freeAtMs: Record<LineEnd, number> = { meter: 0, collector: 0 };
    /** Takes what comes out at an end; null where nobody listens. */
    readonly outlets: Record<LineEnd, ((bytes: Uint8Array) => void) | null> = {
        meter: null,
        collector: null,
    };
    /** Whether all that is sent is lost. */
    isSilent = false;
    /** Bytes that were sent into the air. */
    sentBytes = 0;

    constructor(faults: RadioFaults) {
        this.#faults = faults;
    }

    /** Sends bytes from an end. */
    send(from: LineEnd, bytes: Uint8Array): void {
        const { duplicateRate, garbleRate, lossRate, packetBytes, random } = this.#faults;
        for (let at = 0; at < bytes.length; at += packetBytes) {
            const packet = bytes.slice(at, at + packetBytes);
            this.sentBytes += packet.length;
            if (this.isSilent || random.chance(lossRate)) continue;
            if (random.chance(garbleRate)) {
                const place = random.below(packet.length);
                packet[place] = (packet[place] ?? 0) ^ (1 + random.below(255));
            }
            const copies = random.chance(duplicateRate) ? 2 : 1;
            for (let copy = 0; copy < copies; copy++) this.#carry(from, packet);
        }
    }

    #carry(from: LineEnd, packet: Uint8Array): void {
        const { baud, delayMs } = this.#faults;
        const now = performance.now();
        const airMs = baud === undefined ? 0 : (packet.length * 10_000) / baud;
        const freeAtMs = Math.max(now, this.#freeAtMs[from]) + airMs;
        this.#freeAtMs[from] = freeAtMs;
        const to = from === "meter" ? "collector" : "meter";
        setTimeout(() => this.outlets[to]?.(packet), Math.ceil(freeAtMs - now + delayMs));
    }
}

/** A line over a pair of radios, whose ends are opened like devices. */
export class RadioLine {
    readonly radio: Radio;
    readonly #open = new Set<Duplex>();

    constructor(faults: RadioFaults) {
        this.radio = new Radio(faults);
    }

    /** Opens an end: it has one user at a time, the last. */
    open(end: LineEnd): Duplex {
        const { radio } = this;
        const device = new Duplex({
            read: () => {},
            write: (chunk: Uint8Array, _encoding, written) => {
                radio.send(end, chunk);
                written();
            },
        });
        radio.outlets[end] = (bytes) => device.push(bytes);
        this.#open.add(device);
        device.once("close", () => this.#open.delete(device));
        return device;
    }

    /** Takes the devices at both ends away. */
    unplug(): void {
        for (const device of this.#open) device.destroy();
    }
}
