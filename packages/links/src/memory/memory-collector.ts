import { type CollectorLink, error, type LinkHandler } from "@meterseal/core";
import { deliveryRefusal } from "../send-refusal.ts";
import type { MemoryHub } from "./memory-hub.ts";

/** Collector end; may listen again after it was closed, as a collector that starts again does. */
export class MemoryCollectorLink implements CollectorLink {
    readonly #hub: MemoryHub;

    constructor(hub: MemoryHub) {
        this.#hub = hub;
    }

    async listen(handler: LinkHandler): Promise<string> {
        if (this.#hub.collector !== null) {
            throw error("MS_PORT_IN_USE", { where: "memory:", got: "a collector that listens" });
        }
        this.#hub.collector = handler;
        return await Promise.resolve("memory:");
    }

    async deliver(subjectHex: string, message: Uint8Array): Promise<boolean> {
        const tooLarge = deliveryRefusal(message);
        if (tooLarge !== null) throw tooLarge;
        const connection = this.#hub.connections.get(subjectHex);
        if (connection === undefined) return false;
        const copy = message.slice();
        this.#hub.carry(() => {
            if (this.#hub.isAlive(connection)) connection.meter.message(copy.slice());
        });
        return await Promise.resolve(true);
    }

    async close(): Promise<void> {
        this.#hub.collector = null;
        this.#hub.cut();
        await Promise.resolve();
    }
}
