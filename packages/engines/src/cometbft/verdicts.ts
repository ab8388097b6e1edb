import { type PublicKey, sha256, toHex } from "@meterseal/core";
import type { Entry, LedgerState, SignatureCheck } from "@meterseal/ledger";
import { type Sign1, verifySign1 } from "@meterseal/record";

/** Messages that are remembered as well signed: some blocks' worth. */
const REMEMBERED = 65_536;

/**
 * Remembers which messages are well signed, so that a signature is checked once and not at every step
 * from the mempool to the block. A message names its key, and two keys never share a name.
 */
export class SignatureVerdicts {
    /** Hashes of whole messages, hexadecimal, oldest first. */
    readonly #good = new Set<string>();
    /** The same by the messages themselves, while a transaction stays parsed: costs no hash. */
    readonly #known = new WeakSet<Sign1>();
    readonly #verify: SignatureCheck;

    constructor(verify: SignatureCheck = verifySign1) {
        this.#verify = verify;
    }

    /** Checks a message, or remembers it. */
    readonly check: SignatureCheck = (message, key) => {
        if (this.#known.has(message)) return true;
        const name = toHex(sha256(message.bytes));
        const isKnown = this.#good.has(name);
        if (!isKnown && !this.#verify(message, key)) return false;
        this.#known.add(message);
        if (!isKnown) this.#remember(name);
        return true;
    };

    #remember(name: string): void {
        this.#good.add(name);
        if (this.#good.size <= REMEMBERED) return;
        const [oldest] = this.#good;
        if (oldest !== undefined) this.#good.delete(oldest);
    }
}

/** A signed message of an entry, and the key that should have signed it, where the ledger knows it. */
export type Signed = { readonly message: Sign1; readonly key: PublicKey | undefined };

/** The signed messages of an entry, its own first, with their keys as a state knows them. */
export function signaturesOf(state: LedgerState, entry: Entry): Signed[] {
    const { operator } = state.genesis;
    const partyKey = (message: Sign1): PublicKey | undefined =>
        state.partyKeys.get(toHex(message.kid))?.key;
    switch (entry.kind) {
        case "enrolment":
            return [{ message: entry.enrolment.message, key: operator }];
        case "revocation":
            return [{ message: entry.revocation.message, key: operator }];
        case "pruning":
            return [{ message: entry.pruning.message, key: operator }];
        case "party":
            return [{ message: entry.party.message, key: operator }];
        case "notice":
            return [{ message: entry.notice.message, key: partyKey(entry.notice.message) }];
        case "tariff":
            return [{ message: entry.tariff.message, key: partyKey(entry.tariff.message) }];
        case "vertex": {
            const { message } = entry.vertex;
            const author = state.authors.get(toHex(entry.vertex.author));
            return [
                { message, key: author?.enrolment.key },
                ...entry.records.map((record) => ({
                    message: record.message,
                    key: state.keys.get(toHex(record.message.kid))?.key,
                })),
            ];
        }
    }
}
