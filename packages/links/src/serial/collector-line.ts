import type { Duplex } from "node:stream";
import { type Log, MetersealError } from "@meterseal/core";
import { reconnectDelayMs, systemRandom } from "../backoff.ts";
import { lineMs, type SerialPlace, serialUrlOf } from "./address.ts";
import { LineConnection } from "./connection.ts";
import type { OpenDevice } from "./device.ts";
import { LinePort } from "./line-port.ts";
import type { Segment } from "./segments.ts";

/** What a {@link CollectorLine} works with. */
type CollectorLineOptions = {
    readonly place: SerialPlace;
    readonly openDevice: OpenDevice;
    readonly log: Log;
    /** Time for what was sent last. */
    readonly goodbyeMs: number;
    /** A meter has begun a connection. */
    readonly take: (stream: Duplex) => void;
};

/**
 * A device with a meter at its other end, opened again whenever it goes. It has one connection: a new
 * one of the meter takes the place of the one before.
 */
export class CollectorLine {
    readonly #options: CollectorLineOptions;
    #port: LinePort | null = null;
    #connection: LineConnection | null = null;
    /** Name of the connection before, copies of whose segments begin nothing. */
    #lastName = -1;
    #failures = 0;
    /** Why the device is not open, as the log has it; a reason that stays is said once. */
    #saidReason = "";
    #retry: NodeJS.Timeout | null = null;
    #isClosed = false;

    constructor(options: CollectorLineOptions) {
        this.#options = options;
    }

    /**
     * Opens the device now, or, where it is not there, after a pause.
     * @throws MetersealError MS_USAGE for what is no serial device, or a speed that it has not.
     */
    begin(): void {
        try {
            this.#open();
        } catch (cause) {
            if (cause instanceof MetersealError && cause.code === "MS_USAGE") throw cause;
            this.#closed(cause instanceof Error ? cause.message : String(cause));
        }
    }

    #open(): void {
        const { log, openDevice, place } = this.#options;
        const device = openDevice(place);
        this.#port = new LinePort(device, "collector", {
            segment: (segment) => this.#take(segment),
            closed: (reason) => this.#closed(reason),
        });
        this.#saidReason = "";
        log.info("a serial line is open", { line: serialUrlOf(place) });
    }

    #openAgain(): void {
        this.#retry = null;
        try {
            this.#open();
        } catch (cause) {
            this.#closed(cause instanceof Error ? cause.message : String(cause));
        }
    }

    /** Closes the device when what was said last is out; opens it no more. */
    async close(): Promise<void> {
        this.#isClosed = true;
        if (this.#retry !== null) clearTimeout(this.#retry);
        const connection = this.#connection;
        if (connection !== null) {
            const late = setTimeout(() => connection.destroy(), this.#options.goodbyeMs);
            await new Promise((resolve) => connection.once("close", resolve));
            clearTimeout(late);
        }
        await this.#port?.close();
    }

    #closed(reason: string): void {
        this.#port = null;
        this.#connection?.destroy(new Error(reason));
        if (this.#isClosed) return;
        const { log, place } = this.#options;
        if (reason !== this.#saidReason)
            log.warn("a serial line is closed: it is tried again", {
                line: serialUrlOf(place),
                reason,
            });
        this.#saidReason = reason;
        const delayMs = reconnectDelayMs(this.#failures++, systemRandom);
        this.#retry = setTimeout(() => this.#openAgain(), delayMs);
    }

    #take(segment: Segment): void {
        this.#failures = 0;
        const { connection: name, kind } = segment;
        if (kind === "open" && name !== this.#connection?.name && name !== this.#lastName)
            this.#connect(name);
        if (this.#connection?.name === name) this.#connection.hear(segment);
        else if (kind !== "reset")
            this.#port?.send({ side: "collector", connection: name, kind: "reset" });
    }

    #connect(name: number): void {
        const { place, take } = this.#options;
        if (this.#isClosed) return;
        this.#connection?.destroy(new Error("the meter began another connection"));
        const connection = new LineConnection({
            side: "collector",
            connection: name,
            frameBytes: place.mtu,
            frameMs: lineMs(place.mtu, place),
            send: (segment) => this.#port?.send(segment),
            nowMs: () => performance.now(),
        });
        connection.once("close", () => {
            if (this.#connection !== connection) return;
            this.#lastName = name;
            this.#connection = null;
        });
        this.#connection = connection;
        take(connection);
    }
}
