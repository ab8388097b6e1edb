/** What a device said, as its network hands it over: decrypted, and its check fits. */
export type LoraUplink = {
    /** EUI of the device, 16 hexadecimal digits in small letters. */
    readonly devEui: string;
    /** FPort, 1 … 223. */
    readonly port: number;
    readonly content: Uint8Array;
    /** Frame counter, 32 bits. */
    readonly counter: number;
    /** When it was received, seconds since 1970; null where the network does not say. */
    readonly receivedUnix: number | null;
    /** Largest content of a frame at the device's present data rate, in bytes. */
    readonly frameBytes: number;
};

/** What a bridge does with what devices say. */
export interface LoraHandler {
    /** Takes an uplink; answers that are sent before this resolves go in its receive window. */
    uplink(uplink: LoraUplink): Promise<void>;
}

/** A way to devices: a packet forwarder, or a network server. */
export interface LoraNetwork {
    /** Begins, and goes on by itself until {@link close}; resolves with the address. */
    open(handler: LoraHandler): Promise<string>;
    /**
     * Leaves a frame for a device, which gets it after one of its next uplinks.
     * @returns false where no more of them can wait.
     */
    send(devEui: string, frame: { readonly port: number; readonly content: Uint8Array }): boolean;
    /** What was not taken, by reason. */
    readonly refused: Readonly<Record<string, number>>;
    /** Ends for good. */
    close(): Promise<void>;
}

/**
 * Highest frame counter of each device and direction, or session; durable, or old frames could be played
 * again.
 */
export interface FrameCounters {
    /** The last one that was kept; −1 before the first. */
    last(name: string): number;
    /** Keeps one, durably, before its frame has any effect. */
    keep(name: string, counter: number): void;
}

/** Largest content of a frame by spreading factor (EU868, LoRaWAN regional parameters). */
const FRAME_BYTES: ReadonlyMap<number, number> = new Map([
    [12, 51],
    [11, 51],
    [10, 51],
    [9, 115],
    [8, 222],
    [7, 222],
]);

/** Largest content of a frame at a spreading factor; the least where that is none that is known. */
export function frameBytesAt(spreadingFactor: number): number {
    return FRAME_BYTES.get(spreadingFactor) ?? 51;
}

/** Counts refusals and says each reason at its first, tenth, hundredth … time: noise must not fill a log. */
export class Refusals {
    readonly counts: Record<string, number> = {};
    readonly #warn: (reason: string, count: number) => void;

    constructor(warn: (reason: string, count: number) => void) {
        this.#warn = warn;
    }

    /** Counts one. */
    add(reason: string): void {
        const count = (this.counts[reason] ?? 0) + 1;
        this.counts[reason] = count;
        if (/^10*$/.test(`${count}`)) this.#warn(reason, count);
    }
}
