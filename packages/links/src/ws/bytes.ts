import type { RawData } from "ws";

/** Bytes of a frame, in memory of their own. */
export function bytesOf(data: RawData): Uint8Array {
    if (Array.isArray(data)) return new Uint8Array(Buffer.concat(data));
    return data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(data).slice();
}
