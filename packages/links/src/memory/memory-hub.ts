import {
    assert,
    LIMITS,
    type LinkHandler,
    type MeterLinkHandler,
    type Timers,
} from "@meterseal/core";

/** Faults of the in-process link; all absent unless given. */
export interface MemoryLinkOptions {
    /** Seeded source of all decisions, in [0, 1). Needed for any fault. */
    readonly random?: () => number;
    /** Share of messages and of acknowledgements that vanish, 0 … 1. */
    readonly lossRate?: number;
    /** Share of messages that arrive twice, 0 … 1. */
    readonly duplicateRate?: number;
    /** Range of the time under way in milliseconds; different times reorder messages. */
    readonly delayMs?: { readonly from: number; readonly to: number };
    /** Time source of delays, retries and limits; real time unless given. */
    readonly timers?: Timers;
    /** Time after which a message without acknowledgement is given up, in milliseconds. */
    readonly ackTimeoutMs?: number;
    /** Time for `receive` to settle before the connection is cut, in milliseconds. */
    readonly receiveTimeoutMs?: number;
    /** Messages of one meter under way; beyond it `send` rejects with MS_BUSY. */
    readonly maxInFlight?: number;
}

/** {@link MemoryLinkOptions} with every default filled in. */
export type MemorySettings = Required<MemoryLinkOptions>;

/** Fills in the defaults: no faults, real time, the limits of the MQTT link. */
export function memorySettings(options: MemoryLinkOptions): MemorySettings {
    const faulty = [options.lossRate, options.duplicateRate, options.delayMs].some(Boolean);
    assert(!faulty || options.random !== undefined, "faults of a link need a seeded random");
    return {
        random: () => 0.5,
        lossRate: 0,
        duplicateRate: 0,
        delayMs: { from: 0, to: 0 },
        timers: realTimers,
        ackTimeoutMs: 30_000,
        receiveTimeoutMs: 10_000,
        maxInFlight: LIMITS.outboxInFlight,
        ...options,
    };
}

const realTimers: Timers = {
    after(delayMs, callback) {
        const timer = setTimeout(callback, delayMs);
        return () => clearTimeout(timer);
    },
};

/** One established connection; dead after `end`. */
export interface Connection {
    readonly subjectHex: string;
    readonly meter: MeterLinkHandler;
    /** Tells the meter side that the connection is gone; does nothing the second time. */
    end(): void;
}

/** What both ends share: the collector that listens, the connections, and the faulty way between. */
export class MemoryHub {
    readonly settings: MemorySettings;
    readonly connections = new Map<string, Connection>();
    collector: LinkHandler | null = null;

    constructor(settings: MemorySettings) {
        this.settings = settings;
    }

    /** Carries something over the way: never, once or twice, each at its own time. */
    carry(arrive: () => void): void {
        const { random, lossRate, duplicateRate } = this.settings;
        if (lossRate > 0 && random() < lossRate) return;
        this.#later(arrive);
        if (duplicateRate > 0 && random() < duplicateRate) this.#later(arrive);
    }

    /** Ends the connections of one meter, or all, without a goodbye. */
    cut(subjectHex?: string): void {
        for (const [subject, connection] of [...this.connections]) {
            if (subjectHex === undefined || subject === subjectHex) this.drop(connection);
        }
    }

    /** Takes a connection as established; an older one of the same subject ends. */
    establish(connection: Connection): void {
        const older = this.connections.get(connection.subjectHex);
        this.connections.set(connection.subjectHex, connection);
        older?.end();
    }

    /** Ends one connection. */
    drop(connection: Connection): void {
        if (this.isAlive(connection)) this.connections.delete(connection.subjectHex);
        connection.end();
    }

    /** Whether this very connection is the present one of its subject. */
    isAlive(connection: Connection): boolean {
        return this.connections.get(connection.subjectHex) === connection;
    }

    #later(arrive: () => void): void {
        const { from, to } = this.settings.delayMs;
        if (to <= 0) queueMicrotask(arrive);
        else this.settings.timers.after(from + (to - from) * this.settings.random(), arrive);
    }
}
