import { type Result, u64be } from "@meterseal/core";
import {
    attempt,
    decodeCbor,
    encodeCbor,
    malformed,
    toArray,
    toBytes,
    toInteger,
} from "@meterseal/record";
import type { Validator } from "./validators.ts";

/** What the application keeps beside its ledger. */
export type EngineState = {
    readonly validators: readonly Validator[];
    /** Size of the log before the last block. */
    readonly finalSize: number;
};

const VALIDATORS_MAX = 1_000;

/** CBOR [[[key, power as 8 bytes], …], final size]. */
export function encodeEngineState({ finalSize, validators }: EngineState): Uint8Array {
    const list = validators.map(({ power, publicKey }) => [publicKey, u64be(power)]);
    return encodeCbor([list, finalSize]);
}

/** Inverse of {@link encodeEngineState}; MS_MALFORMED for anything else. */
export function decodeEngineState(bytes: Uint8Array): Result<EngineState> {
    return attempt(() => {
        const [list, finalSize, ...more] = toArray(decodeCbor(bytes), "engine state", 2);
        if (more.length > 0) malformed("engine state", "validators and size");
        return {
            validators: toArray(list, "validators", VALIDATORS_MAX).map(decodeValidator),
            finalSize: toInteger(finalSize, "final size", 0, Number.MAX_SAFE_INTEGER),
        };
    });
}

function decodeValidator(value: unknown): Validator {
    const [publicKey, power, ...more] = toArray(value, "validator", 2);
    if (more.length > 0) malformed("validator", "key and power");
    const power8 = toBytes(power, "power", 8);
    return {
        publicKey: toBytes(publicKey, "validator key", 32),
        power: new DataView(power8.buffer, power8.byteOffset).getBigUint64(0),
    };
}
