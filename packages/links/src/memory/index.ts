/**
 * A link inside one process, for tests and the simulator: the same semantics as a real transport,
 * and on demand its faults, all drawn from one seeded source.
 *
 * @packageDocumentation
 */
import type { CollectorLink, MeterLink } from "@meterseal/core";
import { MemoryCollectorLink } from "./memory-collector.ts";
import { MemoryHub, type MemoryLinkOptions, memorySettings } from "./memory-hub.ts";
import { MemoryMeterLink } from "./memory-meter.ts";

export type { MemoryLinkOptions } from "./memory-hub.ts";

/** Both ends of an in-process link. */
export interface MemoryLink {
    /** Collector end; may listen again after `close`. */
    readonly collector: CollectorLink;
    /** A meter's end. The token may be bytes, or a function that is called for every attempt. */
    meter(subjectHex: string, token: Uint8Array | (() => Promise<Uint8Array>)): MeterLink;
    /** Ends the connection of one meter, or all, without a goodbye; they come up again. */
    cut(subjectHex?: string): void;
}

/**
 * Creates an in-process link. With a seeded `random`, equal timers and equal calls, equal faults.
 * @example `const link = createMemoryLink(); await link.collector.listen(handler);`
 */
export function createMemoryLink(options: MemoryLinkOptions = {}): MemoryLink {
    const hub = new MemoryHub(memorySettings(options));
    return {
        collector: new MemoryCollectorLink(hub),
        meter(subjectHex, token) {
            const fresh = token instanceof Uint8Array ? () => Promise.resolve(token) : token;
            return new MemoryMeterLink(hub, subjectHex, fresh);
        },
        cut: (subjectHex) => hub.cut(subjectHex),
    };
}
