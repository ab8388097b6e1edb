import { assert, error, LIMITS, type MeterLink, type MeterLinkHandler } from "@meterseal/core";
import { reconnectDelayMs, systemRandom } from "../backoff.ts";
import { MeterConnection } from "./meter-connection.ts";
import {
    type HttpMeterOptions,
    type HttpMeterSettings,
    httpMeterSettings,
} from "./meter-options.ts";

/**
 * Meter side of HTTP. Each session starts from nothing: what was not acknowledged is rejected with
 * MS_LINK, kept by nobody here, and sent again by the caller from its outbox.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function createHttpMeterLink(options: HttpMeterOptions): MeterLink {
    return new HttpMeterLink(httpMeterSettings(options));
}

class HttpMeterLink implements MeterLink {
    readonly #settings: HttpMeterSettings;
    readonly #random: () => number;
    #handler: MeterLinkHandler | null = null;
    #connection: MeterConnection | null = null;
    #up = false;
    #closed = false;
    #failures = 0;
    #retry: NodeJS.Timeout | null = null;

    constructor(settings: HttpMeterSettings) {
        this.#settings = settings;
        this.#random = settings.random ?? systemRandom;
    }

    async open(handler: MeterLinkHandler): Promise<void> {
        assert(this.#handler === null, "a meter link is opened once");
        this.#handler = handler;
        await this.#connect();
    }

    send(message: Uint8Array): Promise<void> {
        const { maxInFlight } = this.#settings;
        const connection = this.#connection;
        if (message.length > LIMITS.messageBytes) {
            const expected = `at most ${LIMITS.messageBytes} bytes`;
            return Promise.reject(error("MS_TOO_LARGE", { expected, got: `${message.length}` }));
        }
        if (connection === null || !this.#up) {
            return Promise.reject(error("MS_LINK", { got: "not connected" }));
        }
        if (connection.underWay >= maxInFlight) {
            const expected = `at most ${maxInFlight} messages under way`;
            return Promise.reject(error("MS_BUSY", { expected }));
        }
        return connection.post(message);
    }

    close(): Promise<void> {
        this.#closed = true;
        if (this.#retry !== null) clearTimeout(this.#retry);
        this.#connection?.end("link closed");
        return Promise.resolve();
    }

    async #connect(): Promise<void> {
        this.#retry = null;
        let token: Uint8Array;
        try {
            token = await this.#settings.token();
        } catch (cause) {
            this.#settings.log?.warn("http: no link token", { reason: String(cause) });
            this.#again(0);
            return;
        }
        if (this.#closed) return;
        const connection = new MeterConnection(this.#settings, token, {
            up: () => {
                this.#up = true;
                this.#failures = 0;
                this.#handler?.up();
            },
            message: (message) => this.#handler?.message(message),
            ended: (reason, waitMs) => this.#ended(reason, waitMs),
        });
        this.#connection = connection;
    }

    #ended(reason: string, waitMs: number): void {
        const wasUp = this.#up;
        this.#connection = null;
        this.#up = false;
        if (this.#closed) return;
        this.#settings.log?.warn("http: connection failed", { reason });
        if (wasUp) this.#handler?.down();
        this.#again(waitMs);
    }

    #again(waitMs: number): void {
        if (this.#closed) return;
        const delayMs = Math.max(waitMs, reconnectDelayMs(this.#failures++, this.#random));
        this.#retry = setTimeout(() => void this.#connect(), delayMs);
    }
}
