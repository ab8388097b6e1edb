import { toHex } from "@meterseal/core";
import { PARTY_ROLE, type Party } from "@meterseal/record";
import type { IssuedGrant } from "@meterseal/wallet";
import { fetchParty } from "../../../api/ledger.ts";
import { shortHex } from "../../../format.ts";
import { recipientName } from "../../../sharing/words.ts";
import { type Caller, cutWords, type Listed } from "./server.ts";

/** Somebody who can be given something, or was. */
export type Recipient = {
    /** 16 bytes, hexadecimal. */
    readonly idHex: string;
    /** As the operator signed it; null where the server tells nothing of it that holds. */
    readonly party: Party | null;
};

/** Recipients, and sentences about what the server does not tell of them. */
export type Recipients = {
    readonly recipients: readonly Recipient[];
    readonly faults: readonly string[];
};

/**
 * All whom the server lists, and besides them all who hold a grant: a list proves nothing by what it
 * leaves out, the home's own grants prove who has them.
 * @param listed - what {@link fetchRecipients} got.
 */
export async function readRecipients(
    caller: Caller,
    listed: Listed<Party>,
    issued: readonly IssuedGrant[],
): Promise<Recipients> {
    const recipients: Recipient[] = listed.rows.map((party) => ({ idHex: toHex(party.id), party }));
    const faults = cutWords("parties", listed);
    const known = new Set(recipients.map(({ idHex }) => idHex));
    const unlisted = new Set(issued.map(({ recipient }) => recipient)).difference(known);
    for (const idHex of unlisted) {
        try {
            const party = await fetchParty(caller, idHex);
            recipients.push({ idHex, party });
            if (party.role !== PARTY_ROLE.household && !listed.isCut) {
                const name = recipientName({ idHex, name: party.name });
                faults.push(
                    `The server leaves ${name}, which holds something of your home, out of its list.`,
                );
            }
        } catch (cause) {
            recipients.push({ idHex, party: null });
            const why = cause instanceof Error ? cause.message : String(cause);
            faults.push(
                `The server does not show who ${shortHex(idHex)} is, which holds something of your home: ${why}`,
            );
        }
    }
    return { recipients, faults };
}
