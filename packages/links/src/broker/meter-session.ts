import { randomBytes } from "node:crypto";
import { error, LIMITS, type Log, type MetersealError } from "@meterseal/core";
import { requireSubjectHex } from "../meter-options.ts";
import type { MeterSession, MeterSessionEvents } from "../meter-session.ts";
import { decodeFrame, encodeFrame, FRAME, type Frame } from "./frames.ts";
import type { BrokerPort, OpenPort } from "./port.ts";

/** Bounds and waits of a meter behind a broker; each can be set per link. */
const DEFAULT_BROKER_METER = {
    /** Silence in seconds that the other side may be given up after, half as long again. */
    keepaliveSeconds: 30,
    /** Time for the connection to the broker and the session. */
    connectTimeoutMs: 10_000,
    /** Time without any message taken, while some are due, after which the session is dropped. */
    ackTimeoutMs: 30_000,
    /** Messages under way; beyond it {@link MeterLink.send} rejects with MS_BUSY. */
    maxInFlight: LIMITS.outboxInFlight,
} as const;

/** Options of a meter behind a broker. */
export interface BrokerMeterOptions
    extends Partial<Record<keyof typeof DEFAULT_BROKER_METER, number>> {
    /** Subject: 32 lower-case hexadecimal characters. */
    readonly subjectHex: string;
    /** Makes a link token; called for every attempt to connect. */
    readonly token: () => Promise<Uint8Array>;
    /** Source of jitter in [0, 1). */
    readonly random?: () => number;
    readonly log?: Log;
}

/** Options with every default filled in. */
export type BrokerMeterSettings = BrokerMeterOptions &
    Record<keyof typeof DEFAULT_BROKER_METER, number>;

/**
 * Fills in the defaults and checks the rest.
 * @throws MetersealError MS_USAGE for a bad subject.
 */
export function brokerMeterSettings<T extends BrokerMeterOptions>(
    options: T,
): T & BrokerMeterSettings {
    requireSubjectHex(options.subjectHex);
    return { ...DEFAULT_BROKER_METER, ...options };
}

/** Silence of the collector, in probes, after which it counts as gone. */
const MISSED_PROBES = 1.5;
const SESSION_BYTES = 8;
/** Receipt code of a collector that has no room now. */
const BUSY = 12;
const TRY_AGAIN_MS = 1_000;
/** Time after which a collector that does not answer is asked again: it may have come later. */
const ASK_AGAIN_MS = 500;
const NOTHING = new Uint8Array();

type Pending = {
    readonly resolve: () => void;
    readonly reject: (failure: MetersealError) => void;
};

/** One session of a meter, on a connection of its own to the broker. */
export class BrokerMeterSession implements MeterSession {
    readonly #settings: BrokerMeterSettings;
    readonly #events: MeterSessionEvents;
    readonly #id = randomBytes(SESSION_BYTES).toString("hex");
    readonly #port: BrokerPort;
    /** Messages that are not taken yet, the oldest first. */
    readonly #pending: Pending[] = [];
    #silence: NodeJS.Timeout;
    /** Asks for the session until it stands, then for signs of life. */
    #probe: NodeJS.Timeout | null = null;
    #answers: NodeJS.Timeout | null = null;
    #sent = 0;
    #taken = 0;
    #isUp = false;
    #ended = false;
    #closed: Promise<void> | null = null;

    constructor(
        settings: BrokerMeterSettings,
        token: Uint8Array,
        events: MeterSessionEvents,
        open: OpenPort,
    ) {
        this.#settings = settings;
        this.#events = events;
        this.#silence = setTimeout(() => this.#fail("no session"), settings.connectTimeoutMs);
        this.#port = open({
            up: () => {
                const ask = (): boolean => this.#send(FRAME.open, settings.keepaliveSeconds, token);
                ask();
                this.#probe = setInterval(ask, ASK_AGAIN_MS);
            },
            down: (reason) => this.#fail(reason),
            frame: (_subject, bytes) => {
                const frame = decodeFrame(bytes);
                if (frame?.session === this.#id) this.#take(frame);
            },
        });
    }

    get underWay(): number {
        return this.#pending.length;
    }

    post(message: Uint8Array): Promise<void> {
        return new Promise((resolve, reject) => {
            this.#pending.push({ resolve, reject });
            this.#answers ??= this.#watch();
            if (!this.#send(FRAME.up, this.#sent++, message))
                this.#fail("the broker does not read");
        });
    }

    async end(reason: string): Promise<void> {
        if (this.#isUp && !this.#ended) this.#send(FRAME.end);
        this.#fail(reason);
        await this.#closed;
    }

    #take({ body, kind, number }: Frame): void {
        if (this.#ended) return;
        if (kind === FRAME.end) {
            const reason = number === 0 ? "ended by the collector" : `receipt ${number}`;
            this.#fail(reason, number === BUSY ? TRY_AGAIN_MS : 0);
            return;
        }
        if (kind === FRAME.opened && !this.#isUp) this.#begin();
        if (!this.#isUp) return;
        this.#silence.refresh();
        if (kind === FRAME.down) this.#events.message(body);
        else if (kind === FRAME.taken) this.#progress(number);
    }

    #begin(): void {
        this.#isUp = true;
        const keepaliveMs = this.#settings.keepaliveSeconds * 1_000;
        clearTimeout(this.#silence);
        this.#silence = setTimeout(() => this.#fail("silence"), keepaliveMs * MISSED_PROBES);
        if (this.#probe !== null) clearInterval(this.#probe);
        this.#probe = setInterval(() => this.#send(FRAME.probe), keepaliveMs / 2);
        this.#events.up();
    }

    #progress(taken: number): void {
        if (taken > this.#sent) {
            this.#fail("a count of messages that were not sent");
            return;
        }
        for (; this.#taken < taken; this.#taken++) this.#pending.shift()?.resolve();
        if (this.#answers !== null) clearTimeout(this.#answers);
        this.#answers = this.#pending.length === 0 ? null : this.#watch();
    }

    #watch(): NodeJS.Timeout {
        return setTimeout(() => this.#fail("no acknowledgement"), this.#settings.ackTimeoutMs);
    }

    #send(kind: Frame["kind"], number = 0, body: Uint8Array = NOTHING): boolean {
        const frame = encodeFrame({ kind, session: this.#id, number, body });
        return this.#port.send(this.#settings.subjectHex, frame);
    }

    #fail(reason: string, waitMs = 0): void {
        if (this.#ended) return;
        this.#ended = true;
        clearTimeout(this.#silence);
        if (this.#probe !== null) clearInterval(this.#probe);
        if (this.#answers !== null) clearTimeout(this.#answers);
        const failure = error("MS_LINK", { got: reason });
        for (const { reject } of this.#pending.splice(0)) reject(failure);
        // a port may tell that it is down while it is being made
        this.#closed = Promise.resolve().then(() => this.#port.close());
        this.#events.ended(reason, waitMs);
    }
}
