import { compareBytes, concatBytes, sha256, toHex, u64be } from "@meterseal/core";
import { leafHash, MerkleLog } from "@meterseal/ledger";

/** A validator: Ed25519 key of 32 bytes, and its voting power. */
export type Validator = { readonly publicKey: Uint8Array; readonly power: bigint };

const ADDRESS_BYTES = 20;

/** The validators as the application knows them, by address in hexadecimal. */
export class ValidatorSet {
    readonly #byAddress = new Map<string, Validator>();

    constructor(validators: readonly Validator[]) {
        for (const validator of validators) this.set(validator);
    }

    /** Adds a validator or changes its power; power 0 removes it. */
    set(validator: Validator): void {
        const address = addressOf(validator.publicKey);
        if (validator.power === 0n) this.#byAddress.delete(address);
        else this.#byAddress.set(address, validator);
    }

    /** Validator with an address of 20 bytes. */
    find(address: Uint8Array): Validator | undefined {
        return this.#byAddress.get(toHex(address));
    }

    /** All of them, by key. */
    list(): Validator[] {
        return [...this.#byAddress.values()].sort((a, b) => compareBytes(a.publicKey, b.publicKey));
    }

    /** RFC 9162 root over key ‖ power (8 bytes, big-endian), ascending by key. */
    root(): Uint8Array {
        const leaves = this.list().map(({ power, publicKey }) =>
            leafHash(concatBytes(publicKey, u64be(power))),
        );
        return MerkleLog.of(leaves).root();
    }
}

/** Address of an Ed25519 key: the first 20 bytes of its SHA-256 (CometBFT, crypto/ed25519). */
function addressOf(publicKey: Uint8Array): string {
    return toHex(sha256(publicKey).subarray(0, ADDRESS_BYTES));
}
