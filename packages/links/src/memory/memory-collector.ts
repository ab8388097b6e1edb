import { type CollectorLink, error, LIMITS, type LinkHandler } from "@meterseal/core";
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
        if (message.length > LIMITS.messageBytes) {
            throw error("MS_TOO_LARGE", {
                where: "a message to a meter",
                expected: `at most ${LIMITS.messageBytes} bytes`,
                got: `${message.length}`,
            });
        }
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
