import {
    assert,
    error,
    type MeterLink,
    type MeterLinkHandler,
    type MetersealError,
} from "@meterseal/core";
import { reconnectDelayMs } from "../backoff.ts";
import { sendRefusal } from "../send-refusal.ts";
import type { Connection, MemoryHub } from "./memory-hub.ts";

type Pending = (failure: MetersealError | null) => void;

/** Meter end: connects to whatever collector listens at the hub, and again after each cut. */
export class MemoryMeterLink implements MeterLink {
    readonly #hub: MemoryHub;
    readonly #subjectHex: string;
    readonly #token: () => Promise<Uint8Array>;
    readonly #pending = new Set<Pending>();
    #handler: MeterLinkHandler | null = null;
    #connection: Connection | null = null;
    #tail: Promise<boolean> = Promise.resolve(true);
    #closed = false;
    #failures = 0;
    #cancelRetry: (() => void) | null = null;

    constructor(hub: MemoryHub, subjectHex: string, token: () => Promise<Uint8Array>) {
        this.#hub = hub;
        this.#subjectHex = subjectHex;
        this.#token = token;
    }

    async open(handler: MeterLinkHandler): Promise<void> {
        assert(this.#handler === null, "a meter link is opened once");
        this.#handler = handler;
        await Promise.resolve();
        this.#cancelRetry = this.#hub.settings.timers.after(0, () => void this.#connect());
    }

    send(message: Uint8Array): Promise<void> {
        const connection = this.#connection;
        const { maxInFlight, timers, ackTimeoutMs } = this.#hub.settings;
        const underWay = connection === null ? null : this.#pending.size;
        const refusal = sendRefusal(message, underWay, maxInFlight);
        if (connection === null || refusal !== null) return Promise.reject(refusal);
        const copy = message.slice();
        return new Promise((resolve, reject) => {
            const cancel = timers.after(ackTimeoutMs, () => {
                pending(error("MS_LINK", { got: "no acknowledgement" }));
            });
            const pending: Pending = (failure) => {
                if (!this.#pending.delete(pending)) return;
                cancel();
                if (failure === null) resolve();
                else reject(failure);
            };
            this.#pending.add(pending);
            this.#hub.carry(() => this.#arrive(connection, copy, pending));
        });
    }

    async close(): Promise<void> {
        if (this.#closed) return;
        this.#closed = true;
        this.#cancelRetry?.();
        const connection = this.#connection;
        this.#connection = null;
        if (connection !== null) this.#hub.drop(connection);
        this.#fail("link closed");
        await Promise.resolve();
    }

    /** The message reached the collector; the acknowledgement goes back in order of arrival. */
    #arrive(connection: Connection, message: Uint8Array, pending: Pending): void {
        const collector = this.#hub.collector;
        if (collector === null || !this.#hub.isAlive(connection)) return;
        const taken = this.#limited(() => collector.receive(this.#subjectHex, message.slice()));
        const before = this.#tail;
        this.#tail = Promise.all([before, taken]).then(([earlier, own]) => {
            const ok = earlier && own;
            if (!ok) this.#hub.drop(connection);
            else if (this.#hub.isAlive(connection)) this.#hub.carry(() => pending(null));
            return ok;
        });
    }

    #limited(receive: () => Promise<void>): Promise<boolean> {
        const { timers, receiveTimeoutMs } = this.#hub.settings;
        return new Promise((resolve) => {
            const cancel = timers.after(receiveTimeoutMs, () => resolve(false));
            const settle = (ok: boolean): void => {
                cancel();
                resolve(ok);
            };
            Promise.resolve()
                .then(receive)
                .then(
                    () => settle(true),
                    () => settle(false),
                );
        });
    }

    async #connect(): Promise<void> {
        this.#cancelRetry = null;
        const collector = this.#hub.collector;
        const handler = this.#handler;
        const allowed = await this.#allowed();
        if (this.#closed || handler === null) return;
        if (!allowed || collector === null || collector !== this.#hub.collector) {
            this.#again();
            return;
        }
        const connection: Connection = {
            subjectHex: this.#subjectHex,
            meter: handler,
            end: () => this.#lost(connection),
        };
        this.#connection = connection;
        this.#tail = Promise.resolve(true);
        this.#failures = 0;
        this.#hub.establish(connection);
        handler.up();
        if (this.#hub.isAlive(connection)) collector.connected(this.#subjectHex);
    }

    async #allowed(): Promise<boolean> {
        const collector = this.#hub.collector;
        if (collector === null) return false;
        try {
            return await collector.authenticate(this.#subjectHex, await this.#token());
        } catch {
            return false;
        }
    }

    #lost(connection: Connection): void {
        if (this.#connection !== connection) return;
        this.#connection = null;
        this.#fail("connection lost");
        if (this.#closed) return;
        this.#handler?.down();
        this.#again();
    }

    #again(): void {
        const { timers, random } = this.#hub.settings;
        const delayMs = reconnectDelayMs(this.#failures++, random);
        this.#cancelRetry = timers.after(delayMs, () => void this.#connect());
    }

    #fail(got: string): void {
        for (const pending of [...this.#pending]) pending(error("MS_LINK", { got }));
    }
}
