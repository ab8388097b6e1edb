import { concatBytes, sha256, u64be, utf8 } from "@meterseal/core";
import { type LedgerState, type MerkleLog, stateRoot } from "@meterseal/ledger";
import type { ValidatorSet } from "./validators.ts";

const PREFIX = utf8("meterseal/app/v1");

/**
 * What validators agree on after a block, 32 bytes: SHA-256 of "meterseal/app/v1", the size of the log
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
