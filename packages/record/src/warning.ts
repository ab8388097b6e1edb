import type { Result } from "@meterseal/core";
import { attempt, MapReader } from "./parse.ts";

/** What a meter's warning says of the slots of a seal epoch, from one on. */
export const WARNING_KIND = {
    /** The outbox was full: slots were left out, and their energy is in the next register. */
    thinned: 1,
    /** The registers are sums of intervals: the energy of a missing one is in no register. */
    lost: 2,
} as const;

/** Body of a class-5 record as meters of ours write it; bodies of that class are free. */
export type Warning = {
    /** Stream, 16 bytes. */
    readonly stream: Uint8Array;
    readonly sealEpoch: number;
    /** One of {@link WARNING_KIND}. */
    readonly kind: number;
    readonly fromSlot: number;
};

/** CBOR map of a warning; keys 0, 1 and 3 mean the same as in a usage body. */
export function encodeWarning(warning: Warning): Map<number, unknown> {
    const { fromSlot, kind, sealEpoch, stream } = warning;
    return new Map<number, unknown>([
        [0, stream],
        [1, sealEpoch],
        [2, kind],
        [3, fromSlot],
    ]);
}

/** Parses the body of a class-5 record; MS_MALFORMED for one that is no warning of ours. */
export function decodeWarning(value: unknown): Result<Warning> {
    return attempt(() => {
        const map = new MapReader(value, "warning");
        const warning = {
            stream: map.bytes(0, 16),
            sealEpoch: map.integer(1, 0, 0xffff_ffff),
            kind: map.integer(2, WARNING_KIND.thinned, WARNING_KIND.lost),
            fromSlot: map.integer(3, 0, Number.MAX_SAFE_INTEGER),
        };
        map.end();
        return warning;
    });
}
