import {
    bytesEqual,
    concatBytes,
    error,
    type MetersealError,
    sha256,
    u64be,
    utf8,
} from "@meterseal/core";
import { type BlockHead, type LedgerState, type MerkleLog, stateRoot } from "@meterseal/ledger";
import { decodeEngineState } from "./engine-state.ts";
import { ValidatorSet } from "./validators.ts";

const PREFIX = utf8("meterseal/app/v2");

/**
 * What validators agree on after a block, 32 bytes: SHA-256 of "meterseal/app/v2", the size of the log
 * (8 bytes), its root, the state root and the root of the validators.
 */
export function appHashOf(
    state: LedgerState,
    log: MerkleLog,
    validators: ValidatorSet,
): Uint8Array {
    return sha256(
        concatBytes(
            PREFIX,
            u64be(BigInt(log.size)),
            log.root(),
            stateRoot(state),
            validators.root(),
        ),
    );
}

/**
 * Checks that log and state are those that the validators agreed on with a store's last block.
 * @returns null where they are, MS_CHECKPOINT otherwise, MS_MALFORMED for a row that is none.
 */
export function checkBlockHead(
    head: BlockHead,
    state: LedgerState,
    log: MerkleLog,
): MetersealError | null {
    const kept = decodeEngineState(head.engineState);
    if (!kept.ok) return kept.error;
    const agreed = appHashOf(state, log, new ValidatorSet(kept.value.validators));
    if (bytesEqual(agreed, head.appHash)) return null;
    return error("MS_CHECKPOINT", {
        where: `block ${head.height}`,
        expected: "the state that the validators agreed on",
        todo: "The store is damaged: put a backup back, or join again by state sync.",
    });
}
