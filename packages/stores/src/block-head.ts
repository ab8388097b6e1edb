import { unwrap } from "@meterseal/core";
import type { BlockHead } from "@meterseal/ledger";
import { attempt, decodeCbor, encodeCbor, toArray, toBytes, toInteger } from "@meterseal/record";

const ENGINE_STATE_BYTES = 65_536;

/** Row of what a consensus engine has agreed on: CBOR [height, app hash, engine state]. */
export function encodeBlockHead({ appHash, engineState, height }: BlockHead): Uint8Array {
    return encodeCbor([height, appHash, engineState]);
}

/** @throws MetersealError MS_MALFORMED where the row is not one of ours. */
export function decodeBlockHead(bytes: Uint8Array): BlockHead {
    return unwrap(
        attempt(() => {
            const [height, appHash, engineState] = toArray(decodeCbor(bytes), "block head", 3);
            return {
                height: toInteger(height, "height", 0, Number.MAX_SAFE_INTEGER),
                appHash: toBytes(appHash, "app hash", 32),
                engineState: toBytes(engineState, "engine state", 0, ENGINE_STATE_BYTES),
            };
        }),
    );
}
