import { assert, type MeterLink, type MeterLinkHandler } from "@meterseal/core";
import { Reconnector } from "../reconnector.ts";
import { sendRefusal } from "../send-refusal.ts";
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
    readonly #reconnector: Reconnector;
    #handler: MeterLinkHandler | null = null;
    #connection: MeterConnection | null = null;
    #up = false;

    constructor(settings: HttpMeterSettings) {
        this.#settings = settings;
        this.#reconnector = new Reconnector("http", settings, (token) => this.#begin(token));
    }

    async open(handler: MeterLinkHandler): Promise<void> {
        assert(this.#handler === null, "a meter link is opened once");
        this.#handler = handler;
        await this.#reconnector.connect();
    }

    send(message: Uint8Array): Promise<void> {
        const { maxInFlight } = this.#settings;
        const connection = this.#up ? this.#connection : null;
        const refusal = sendRefusal(message, connection?.underWay ?? null, maxInFlight);
        if (connection === null || refusal !== null) return Promise.reject(refusal);
        return connection.post(message);
    }

    close(): Promise<void> {
        this.#reconnector.close();
        this.#connection?.end("link closed");
        return Promise.resolve();
    }

    #begin(token: Uint8Array): void {
        this.#connection = new MeterConnection(this.#settings, token, {
            up: () => {
                this.#up = true;
                this.#reconnector.up();
                this.#handler?.up();
            },
            message: (message) => this.#handler?.message(message),
            ended: (reason, waitMs) => this.#ended(reason, waitMs),
        });
    }

    #ended(reason: string, waitMs: number): void {
        const wasUp = this.#up;
        this.#connection = null;
        this.#up = false;
        if (this.#reconnector.closed) return;
        this.#settings.log?.warn("http: connection failed", { reason });
        if (wasUp) this.#handler?.down();
        this.#reconnector.again(waitMs);
    }
}
