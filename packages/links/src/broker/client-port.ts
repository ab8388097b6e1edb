import { LIMITS, type MetersealError } from "@meterseal/core";
import { withTimeLimit } from "../time-limit.ts";
import type { BrokerAddress } from "./address.ts";
import { type BrokerEvents, type BrokerPort, failureOf } from "./port.ts";

/** Frames that may wait for the other side's word, or the socket; beyond it nothing is sent. */
const MAX_WAITING = 4 * LIMITS.outboxInFlight;
/** Time for a goodbye, in milliseconds. */
const GOODBYE_MS = 300;

/**
 * A connection to a broker with a library that is loaded for it: what all of them do alike. It ends
 * once, for whatever reason, and takes its connection along.
 */
export abstract class ClientPort<C> implements BrokerPort {
    protected readonly address: BrokerAddress;
    /** The meter's own; `+` for a collector, which hears all of them. */
    protected readonly subjectHex: string;
    protected readonly events: BrokerEvents;
    protected connection: C | null = null;
    protected isDown = false;
    #waiting = 0;
    #closed: Promise<void> | null = null;

    constructor(address: BrokerAddress, subjectHex: string, events: BrokerEvents) {
        this.address = address;
        this.subjectHex = subjectHex;
        this.events = events;
    }

    /** Begins to connect; a failure is told as the end of the connection. */
    begin(): this {
        this.connect().catch((cause: unknown) => this.down(...failureOf(cause)));
        return this;
    }

    abstract send(subjectHex: string, bytes: Uint8Array): boolean;

    close(): Promise<void> {
        this.#closed ??= this.#end();
        return this.#closed;
    }

    async #end(): Promise<void> {
        this.isDown = true;
        const { connection } = this;
        this.connection = null;
        if (connection !== null) {
            // one that has gone already says so by an error, one that is silent says nothing
            await withTimeLimit(this.goodbye(connection), GOODBYE_MS, "a goodbye").catch(() => {});
        }
        this.discard(connection);
    }

    protected abstract connect(): Promise<void>;
    /** Says goodbye; resolves when the other side has heard it. */
    protected abstract goodbye(connection: C): Promise<unknown>;
    /** Lets go of what a goodbye may have left behind, or of a connection that is being made. */
    protected abstract discard(connection: C | null): void;

    protected get isCollector(): boolean {
        return this.subjectHex === "+";
    }

    /** Takes a place among the frames that wait; false where there is none, or no connection. */
    protected takePlace(): boolean {
        if (this.isDown || this.#waiting >= MAX_WAITING) return false;
        this.#waiting++;
        return true;
    }

    protected givePlaceBack(): void {
        this.#waiting--;
    }

    /** Tells once that the connection is over. */
    protected down(reason: string, cause?: MetersealError): void {
        if (this.isDown) return;
        void this.close();
        this.events.down(reason, cause);
    }
}
