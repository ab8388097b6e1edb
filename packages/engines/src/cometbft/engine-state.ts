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
    return encodeCbor([listOfValidators(validators), finalSize]);
}

/** Inverse of {@link encodeEngineState}; MS_MALFORMED for anything else. */
export function decodeEngineState(bytes: Uint8Array): Result<EngineState> {
    return attempt(() => {
        const [list, finalSize, ...more] = toArray(decodeCbor(bytes), "engine state", 2);
        if (more.length > 0) malformed("engine state", "validators and size");
        return {
            validators: toValidators(list),
            finalSize: toInteger(finalSize, "final size", 0, Number.MAX_SAFE_INTEGER),
        };
    });
}

/** CBOR items of validators: key and power as 8 bytes. */
export function listOfValidators(validators: readonly Validator[]): unknown[] {
    return validators.map(({ power, publicKey }) => [publicKey, u64be(power)]);
}

/** Inverse of {@link listOfValidators}; throws MS_MALFORMED, for use inside `attempt`. */
export function toValidators(value: unknown): Validator[] {
    return toArray(value, "validators", VALIDATORS_MAX).map(decodeValidator);
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
