import { bytesEqual, LIMITS, type PublicKey, sha256, toHex } from "@meterseal/core";
import type { Entry, LedgerState, SignatureCheck } from "@meterseal/ledger";
import { kidOf, type Sign1, verifySign1 } from "@meterseal/record";
import { jobOf, type Signed, signaturesOf, type VerifySignatures } from "../signature-jobs.ts";

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
    readonly #threads: VerifySignatures | null;

    /**
     * @param verify - checks here, on the main thread.
     * @param threads - checks many elsewhere; null = all are checked here.
     */
    constructor(verify: SignatureCheck = verifySign1, threads: VerifySignatures | null = null) {
        this.#verify = verify;
        this.#threads = threads;
    }

    /** Checks a message, or remembers it. */
    readonly check: SignatureCheck = (message, key) => {
        if (!bytesEqual(message.kid, kidOf(key))) return false;
        if (this.#known.has(message)) return true;
        const name = nameOf(message);
        const isKnown = this.#good.has(name);
        if (!isKnown && !this.#verify(message, key)) return false;
        this.#known.add(message);
        if (!isKnown) this.#remember(name);
        return true;
    };

    /** Remembers a message that was checked already: the collector's own, under the key of its kid. */
    note(message: Sign1): void {
        this.#remember(nameOf(message));
    }

    /**
     * Checks in threads what entries hold, so that {@link check} finds it known. Records are checked for
     * an entry that is itself well signed alone: whoever is no member costs one check. What is badly
     * signed is not remembered, and `check` says so.
     */
    async learn(state: LedgerState, entries: readonly Entry[]): Promise<void> {
        if (this.#threads === null) return;
        const unknown = entries.flatMap((entry) => this.#unknownOf(signaturesOf(state, entry)));
        const jobs = unknown.map(({ key, message }) => jobOf(message, key));
        const verdicts = await this.#threads(jobs);
        for (const [i, { message, name }] of unknown.entries()) {
            if (verdicts[i] !== true) continue;
            this.#known.add(message);
            this.#remember(name);
        }
    }

    /** What is left to check of a signed entry, beside its own signature, which is checked here. */
    #unknownOf([own, ...rest]: readonly Signed[]): Unknown[] {
        if (own?.key === undefined || rest.length === 0) return [];
        if (!this.check(own.message, own.key)) return [];
        const unknown: Unknown[] = [];
        for (const { key, message } of rest) {
            if (key === undefined || this.#known.has(message)) continue;
            const name = nameOf(message);
            if (this.#good.has(name)) this.#known.add(message);
            else if (bytesEqual(message.kid, kidOf(key))) unknown.push({ message, name, key });
        }
        return unknown;
    }

    #remember(name: string): void {
        this.#good.add(name);
        if (this.#good.size <= LIMITS.rememberedSignatures) return;
        const [oldest] = this.#good;
        if (oldest !== undefined) this.#good.delete(oldest);
    }
}

/** A message that is not remembered, with its name and the key that its kid names. */
type Unknown = { readonly message: Sign1; readonly name: string; readonly key: PublicKey };

/** Name of a whole message, signature included. */
function nameOf({ bytes }: Sign1): string {
    return toHex(sha256(bytes));
}
