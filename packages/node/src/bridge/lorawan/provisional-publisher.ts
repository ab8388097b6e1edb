import type { Log } from "@meterseal/core";
import { encodeProvisional, type LightReading } from "@meterseal/record/lora";
import { tokenHeader } from "../../authorization.ts";
import { askApi, provisionalPath } from "../../http-client.ts";

/** How often what is known goes again: a server keeps it in memory alone. */
const AGAIN_MS = 300_000;

/** A meter whose provisional readings are shown, and the token that it signed. */
export type PublishedMeter = { readonly subject: Uint8Array; readonly token: Uint8Array };

/** Tells a server's API what is provisional of one meter, the latest alone and one request at a time. */
export class ProvisionalPublisher {
    readonly #url: string;
    readonly #meter: PublishedMeter;
    readonly #log: Log;
    #readings: readonly LightReading[] = [];
    #isNew = false;
    #saidMs = Number.NEGATIVE_INFINITY;
    #work: Promise<void> | null = null;
    #failures = 0;

    /** @param url - of the API, such as http://127.0.0.1:8480. */
    constructor(url: string, meter: PublishedMeter, log: Log) {
        this.#url = url;
        this.#meter = meter;
        this.#log = log;
    }

    /** Takes what is provisional now. */
    say(readings: readonly LightReading[]): void {
        const isSame =
            readings.length === this.#readings.length &&
            readings.every((each, i) => each.firstSlot === this.#readings[i]?.firstSlot);
        if (isSame && this.#saidMs > 0) return;
        this.#readings = readings;
        this.#isNew = true;
    }

    /** Sends what is new, and from time to time what is not. What failed goes at the next call. */
    advance(nowMs: number): void {
        const isDue =
            this.#isNew || (this.#readings.length > 0 && nowMs - this.#saidMs >= AGAIN_MS);
        if (!isDue || this.#work !== null) return;
        this.#isNew = false;
        this.#work = this.#send(nowMs).finally(() => {
            this.#work = null;
        });
    }

    /** Resolves when nothing is under way. */
    async done(): Promise<void> {
        await this.#work;
    }

    async #send(nowMs: number): Promise<void> {
        const headers = {
            authorization: tokenHeader(this.#meter.token),
            "content-type": "application/cbor",
        };
        const body = encodeProvisional(this.#readings);
        const path = provisionalPath(this.#meter.subject);
        try {
            await askApi(this.#url, path, { method: "PUT", headers, body });
            this.#saidMs = nowMs;
            this.#failures = 0;
        } catch (cause) {
            this.#isNew = true;
            this.#failures++;
            if (this.#failures > 1) return; // said once
            this.#log.warn("provisional readings are not shown", { cause: String(cause) });
        }
    }
}
