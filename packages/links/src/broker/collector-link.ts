import {
    assert,
    type CollectorLink,
    error,
    LIMITS,
    type LinkHandler,
    type Log,
    MetersealError,
} from "@meterseal/core";
import { reconnectDelayMs, systemRandom } from "../backoff.ts";
import { Intake } from "../intake.ts";
import { isSubjectHex } from "../meter-options.ts";
import { deliveryRefusal } from "../send-refusal.ts";
import { SessionTable } from "../session-table.ts";
import { withTimeLimit } from "../time-limit.ts";
import { decodeFrame, encodeFrame, FRAME, type Frame } from "./frames.ts";
import { type BrokerPort, failureOf, type OpenPort } from "./port.ts";
import { BrokerSession } from "./session.ts";

/** Bounds and waits of a collector behind a broker; each can be set per link. */
const DEFAULT_BROKER_COLLECTOR = {
    /** Sessions at one time; one more is refused. */
    maxSessions: 1_000,
    /** Messages of all meters under way to the handler. */
    maxRequests: LIMITS.ingestMessages,
    /** Messages of one session under way to the handler. */
    maxSessionRequests: LIMITS.outboxInFlight,
    /** Time for the connection to the broker, and for the check of a token. */
    connectTimeoutMs: 5_000,
    /** Time for `receive` to settle; after it the message counts as not taken. */
    receiveTimeoutMs: 10_000,
    /** Longest silence granted to a meter, in seconds. */
    maxKeepaliveSeconds: 600,
    /** Time that `close` leaves to messages under way. */
    closeTimeoutMs: 500,
} as const;

/** Options of a collector behind a broker. */
export interface BrokerCollectorOptions
    extends Partial<Record<keyof typeof DEFAULT_BROKER_COLLECTOR, number>> {
    readonly log: Log;
}

type Settings = BrokerCollectorOptions & Record<keyof typeof DEFAULT_BROKER_COLLECTOR, number>;

/**
 * Collector that is itself a client of a broker, as its meters are. The broker acknowledges what no
 * collector has: so meters wait for the collector's own word, which comes back the same way.
 */
export class BrokerCollectorLink implements CollectorLink {
    readonly #protocol: string;
    readonly #address: () => string;
    readonly #settings: Settings;
    readonly #open: OpenPort;
    readonly #sessions = new SessionTable<BrokerSession>();
    #intake: Intake | null = null;
    #port: BrokerPort | null = null;
    #failures = 0;
    #retry: NodeJS.Timeout | null = null;
    /** Ends the wait for a connection that is being made. */
    #giveUp: (cause: Error) => void = () => {};
    #closing: Promise<void> | null = null;

    /**
     * @param protocol for the log.
     * @param address that meters use, from `up` on.
     */
    constructor(
        protocol: string,
        address: () => string,
        options: BrokerCollectorOptions,
        open: OpenPort,
    ) {
        this.#protocol = protocol;
        this.#address = address;
        this.#settings = { ...DEFAULT_BROKER_COLLECTOR, ...options };
        this.#open = open;
    }

    /**
     * Connects, and from then on again whenever the broker has gone.
     * @throws MetersealError MS_LINK where the broker cannot be reached or entered at once, MS_NOT_FOUND
     * for a package that is not installed.
     */
    async listen(handler: LinkHandler): Promise<string> {
        assert(this.#intake === null, "a link listens once");
        this.#intake = new Intake(this.#settings, handler);
        try {
            await this.#connect();
        } catch (cause) {
            await this.close();
            if (cause instanceof MetersealError) throw cause;
            const [got] = failureOf(cause);
            throw error("MS_LINK", { where: this.#address(), got, cause });
        }
        return this.#address();
    }

    async deliver(subjectHex: string, message: Uint8Array): Promise<boolean> {
        const tooLarge = deliveryRefusal(message);
        if (tooLarge !== null) throw tooLarge;
        return await Promise.resolve(this.#sessions.deliver(subjectHex, message));
    }

    close(): Promise<void> {
        this.#closing ??= this.#shutDown();
        return this.#closing;
    }

    async #shutDown(): Promise<void> {
        if (this.#retry !== null) clearTimeout(this.#retry);
        await this.#intake?.close();
        this.#sessions.endAll();
        await this.#port?.close();
        this.#port = null;
        this.#giveUp(new Error("the link closes"));
    }

    /** Begins a connection, and resolves when it stands. One that takes too long is let go of. */
    async #connect(): Promise<void> {
        const { promise, reject, resolve } = Promise.withResolvers<void>();
        this.#giveUp = reject;
        let isUp = false;
        const port = this.#open({
            up: () => {
                isUp = true;
                this.#failures = 0;
                resolve();
            },
            down: (reason, cause) => {
                reject(cause ?? new Error(reason));
                if (isUp && this.#port === port) this.#lost(reason);
            },
            frame: (subjectHex, bytes) => this.#take(subjectHex, bytes),
        });
        this.#port = port;
        const { connectTimeoutMs } = this.#settings;
        try {
            await withTimeLimit(promise, connectTimeoutMs, "connecting to the broker");
        } catch (cause) {
            await port.close();
            throw cause;
        }
    }

    async #reconnect(): Promise<void> {
        try {
            await this.#connect();
        } catch (cause) {
            this.#lost(failureOf(cause)[0]);
            return;
        }
        this.#settings.log.info(`${this.#protocol}: the broker is back`);
    }

    #lost(reason: string): void {
        this.#port = null;
        this.#sessions.endAll();
        if (this.#closing !== null) return;
        this.#settings.log.warn(`${this.#protocol}: the broker is gone`, { reason });
        const delayMs = reconnectDelayMs(this.#failures++, systemRandom);
        this.#retry = setTimeout(() => void this.#reconnect(), delayMs);
    }

    #take(subjectHex: string, bytes: Uint8Array): void {
        const frame = isSubjectHex(subjectHex) ? decodeFrame(bytes) : null;
        if (frame === null || this.#intake === null) return;
        if (frame.kind === FRAME.open) {
            void this.#begin(subjectHex, frame, this.#intake);
            return;
        }
        const session = this.#sessions.get(subjectHex);
        if (session?.id === frame.session) session.take(frame);
        else if (frame.kind !== FRAME.end) this.#end(subjectHex, frame.session, 0);
    }

    async #begin(subjectHex: string, frame: Frame, intake: Intake): Promise<void> {
        const { maxKeepaliveSeconds, maxSessionRequests, maxSessions } = this.#settings;
        const { body, number: seconds, session: id } = frame;
        const known = this.#sessions.get(subjectHex);
        if (known?.id === id) return known.begin(); // it asks until it is told
        const isNew = known === undefined;
        const isFull = isNew && this.#sessions.size >= maxSessions;
        const isSound = seconds >= 1 && seconds <= maxKeepaliveSeconds;
        if (isFull || !isSound) return this.#end(subjectHex, id, isFull ? 12 : 1);
        if (!(await intake.authenticate(subjectHex, body)) || intake.isClosing) {
            return this.#end(subjectHex, id, 3);
        }
        if (this.#sessions.get(subjectHex)?.id === id) return;
        const session = new BrokerSession({
            ...{ id, intake, subjectHex, maxRequests: maxSessionRequests },
            keepaliveMs: seconds * 1_000,
            send: (bytes) => this.#port?.send(subjectHex, bytes) ?? false,
            onEnd: () => this.#sessions.leave(subjectHex, session),
        });
        this.#sessions.enter(subjectHex, session);
        session.begin();
        intake.connected(subjectHex);
    }

    #end(subjectHex: string, session: string, code: number): void {
        const frame = { kind: FRAME.end, session, number: code, body: new Uint8Array() };
        this.#port?.send(subjectHex, encodeFrame(frame));
    }
}
