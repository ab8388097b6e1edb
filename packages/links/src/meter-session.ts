import { assert, type MeterLink, type MeterLinkHandler } from "@meterseal/core";
import { Reconnector, type ReconnectorOptions } from "./reconnector.ts";
import { sendRefusal } from "./send-refusal.ts";

/** What a {@link MeterSession} tells its link. */
export type MeterSessionEvents = {
    readonly up: () => void;
    readonly message: (message: Uint8Array) => void;
    /** Called once; `waitMs` is what the collector asks for before the next attempt. */
    readonly ended: (reason: string, waitMs?: number) => void;
};

/** One session of a meter, from its first attempt to connect to its end. */
export interface MeterSession {
    /** Messages that wait for their acknowledgement. */
    readonly underWay: number;
    /**
     * Sends one message; resolves when the collector took it.
     * @throws MetersealError MS_LINK; the session has ended then.
     */
    post(message: Uint8Array): Promise<void>;
    /** Ends the session, rejects what is under way, and resolves when nothing of it is left. */
    end(reason: string): Promise<void> | void;
}

/** What every meter link needs to know. */
type MeterLinkSettings = ReconnectorOptions & { readonly maxInFlight: number };

/**
 * Meter side of any transport that has sessions. Each starts from nothing: what was not acknowledged
 * is rejected with MS_LINK, kept by nobody here, and sent again by the caller from its outbox.
 */
export class SessionMeterLink implements MeterLink {
    readonly #settings: MeterLinkSettings;
    readonly #protocol: string;
    readonly #reconnector: Reconnector;
    #handler: MeterLinkHandler | null = null;
    #session: MeterSession | null = null;
    #up = false;

    /**
     * @param protocol for the log.
     * @param begin makes a session with a link token.
     */
    constructor(
        protocol: string,
        settings: MeterLinkSettings,
        begin: (token: Uint8Array, events: MeterSessionEvents) => MeterSession,
    ) {
        this.#protocol = protocol;
        this.#settings = settings;
        this.#reconnector = new Reconnector(protocol, settings, (token) => {
            this.#session = begin(token, {
                up: () => {
                    this.#up = true;
                    this.#reconnector.up();
                    this.#handler?.up();
                },
                message: (message) => this.#handler?.message(message),
                ended: (reason, waitMs) => this.#ended(reason, waitMs),
            });
        });
    }

    async open(handler: MeterLinkHandler): Promise<void> {
        assert(this.#handler === null, "a meter link is opened once");
        this.#handler = handler;
        await this.#reconnector.connect();
    }

    send(message: Uint8Array): Promise<void> {
        const session = this.#up ? this.#session : null;
        const underWay = session?.underWay ?? null;
        const refusal = sendRefusal(message, underWay, this.#settings.maxInFlight);
        if (session === null || refusal !== null) return Promise.reject(refusal);
        return session.post(message);
    }

    async close(): Promise<void> {
        this.#reconnector.close();
        await this.#session?.end("link closed");
    }

    #ended(reason: string, waitMs = 0): void {
        const wasUp = this.#up;
        this.#session = null;
        this.#up = false;
        if (this.#reconnector.closed) return;
        this.#settings.log?.warn(`${this.#protocol}: connection failed`, { reason });
        if (wasUp) this.#handler?.down();
        this.#reconnector.again(waitMs);
    }
}
