import { bytesEqual, MetersealError, type PublicKey, toHex } from "@meterseal/core";
import { kidOf, type Sign1, verifySign1 } from "@meterseal/record";

/**
 * Keys of one household: the present one, and those that it gave up, as the operator signed them. The
 * ledger takes nothing that a key says after it was given up, so what stands there was said in time.
 */
export class OwnKeys {
    readonly #present: PublicKey;
    readonly #earlier: (kid: Uint8Array) => Promise<PublicKey>;
    readonly #asked = new Map<string, Promise<PublicKey>>();

    /**
     * @param present - of the wallet at hand.
     * @param earlier - looks a key that was given up up by its id (8 bytes), and throws unless the
     * operator signed that this household had it.
     */
    constructor(present: PublicKey, earlier: (kid: Uint8Array) => Promise<PublicKey>) {
        this.#present = present;
        this.#earlier = earlier;
    }

    /**
     * Whether a key of this household signed a message, the present one or an earlier one.
     * @throws MetersealError MS_LINK, MS_BUSY where nobody answered: that says nothing.
     */
    async signed(message: Sign1): Promise<boolean> {
        const key = await this.#keyOf(message.kid).catch((cause: unknown) => {
            if (isAway(cause)) throw cause;
            return null;
        });
        return key !== null && verifySign1(message, key);
    }

    /** Whether the present key signed a message. */
    isPresent({ kid }: Sign1): boolean {
        return bytesEqual(kid, kidOf(this.#present));
    }

    async #keyOf(kid: Uint8Array): Promise<PublicKey> {
        if (bytesEqual(kid, kidOf(this.#present))) return this.#present;
        const name = toHex(kid);
        const asked = this.#asked.get(name) ?? this.#earlier(kid);
        this.#asked.set(name, asked);
        return await asked;
    }
}

/** Whether nobody answered: a look-up that failed so is tried again, and nothing follows from it. */
export function isAway(cause: unknown): boolean {
    return (
        cause instanceof MetersealError && (cause.code === "MS_LINK" || cause.code === "MS_BUSY")
    );
}
