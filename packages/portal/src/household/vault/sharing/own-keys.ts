import { bytesEqual, type PublicKey, toHex } from "@meterseal/core";
import { kidOf, type Party, type Sign1, verifySign1 } from "@meterseal/record";
import { fetchParty } from "../../../api/ledger.ts";
import type { Caller } from "./server.ts";

/**
 * Keys of one household: the present one, and those that it gave up, as the operator signed them. The
 * ledger takes nothing that a key says after it was given up, so what stands there was said in time.
 */
export class OwnKeys {
    readonly #caller: Caller;
    readonly #earlier = new Map<string, Promise<Party>>();

    constructor(caller: Caller) {
        this.#caller = caller;
    }

    /** Whether a key of this household signed a message, the present one or an earlier one. */
    async signed(message: Sign1): Promise<boolean> {
        const key = await this.#keyOf(message.kid).catch(() => null);
        return key !== null && verifySign1(message, key);
    }

    /** Whether the present key signed a message. */
    isPresent({ kid }: Sign1): boolean {
        return bytesEqual(kid, kidOf(this.#caller.signer.publicKey));
    }

    async #keyOf(kid: Uint8Array): Promise<PublicKey> {
        const { party, signer } = this.#caller;
        if (bytesEqual(kid, kidOf(signer.publicKey))) return signer.publicKey;
        const name = toHex(kid);
        const asked = this.#earlier.get(name) ?? fetchParty(this.#caller, toHex(party), name);
        this.#earlier.set(name, asked);
        return (await asked).key;
    }
}
