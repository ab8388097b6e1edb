import { type PublicKey, type SignatureJob, toHex } from "@meterseal/core";
import type { Entry, LedgerState } from "@meterseal/ledger";
import type { Sign1 } from "@meterseal/record";

/** Checks signatures away from the main thread: one verdict each, in order. */
export type VerifySignatures = (jobs: readonly SignatureJob[]) => Promise<readonly boolean[]>;

/** The check that a message asks for under a key. */
export function jobOf(message: Sign1, key: PublicKey): SignatureJob {
    const { algorithm, signature, toBeSigned } = message;
    return { key, algorithm, message: toBeSigned, signature };
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
