import {
    type StreamCollectorOptions,
    type StreamCollectorSettings,
    streamCollectorSettings,
} from "../stream/collector-options.ts";
import type { SerialPlace } from "./address.ts";
import { serialWaits } from "./waits.ts";

/** Options of `createSerialCollectorLink`. */
export interface SerialCollectorOptions extends StreamCollectorOptions {
    /** Lines of the link: each is a device with one meter at its other end. */
    readonly lines: readonly SerialPlace[];
}

/** Options with every default filled in. */
export type SerialCollectorSettings = SerialCollectorOptions & StreamCollectorSettings;

/** Fills in the defaults: waits are those of the slowest line. */
export function serialCollectorSettings(options: SerialCollectorOptions): SerialCollectorSettings {
    const slowest = options.lines.toSorted((a, b) => a.baud - b.baud)[0];
    if (slowest === undefined) return streamCollectorSettings(options);
    const { connectTimeoutMs, drainTimeoutMs, goodbyeMs } = serialWaits(slowest);
    return streamCollectorSettings({ connectTimeoutMs, drainTimeoutMs, goodbyeMs, ...options });
}
