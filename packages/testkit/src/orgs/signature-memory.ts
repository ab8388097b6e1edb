import { type PublicKey, type SignatureJob, sha256, toHex, verifySignature } from "@meterseal/core";
import type { SignatureCheck } from "@meterseal/ledger";
import { verifySign1 } from "@meterseal/record";

/**
 * Checks each signature once: whoever asks again about the same bytes, signature and key gets the same
 * answer. A simulation of twelve nodes would spend its time on the same checks otherwise.
 */
export class SignatureMemory {
    readonly #verdicts: Map<string, boolean>;

    /** @param before remembers what was checked before, such as enrolments. */
    constructor(before: SignatureMemory | null = null) {
        this.#verdicts = new Map(before === null ? [] : before.#verdicts);
    }

    /** Checks a message under a key. */
    readonly check: SignatureCheck = (message, key) =>
        this.#answer(message.hash, message.signature, key, () => verifySign1(message, key));

    /** Checks what a collector gives its threads. */
    verify({ algorithm, key, message, signature }: SignatureJob): boolean {
        return this.#answer(sha256(message), signature, key, () =>
            verifySignature(key, algorithm, message, signature),
        );
    }

    #answer(
        hash: Uint8Array,
        signature: Uint8Array,
        key: PublicKey,
        verify: () => boolean,
    ): boolean {
        const point = key.algorithm === -37 ? key.n : key.x;
        const name = toHex(hash) + toHex(signature) + toHex(point);
        const known = this.#verdicts.get(name);
        if (known !== undefined) return known;
        const isGood = verify();
        this.#verdicts.set(name, isGood);
        return isGood;
    }
}
