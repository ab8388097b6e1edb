import { bytesEqual, error, toHex } from "@meterseal/core";
import type { Genesis } from "@meterseal/ledger";
import { type Party, verifySign1 } from "@meterseal/record";
import type { ServerApi } from "./server-api.ts";

/** Party of an id in hex; null where there is none. */
export type FindParty = (id: string) => Promise<Party | null>;

/**
 * Parties as a server says them and the network's operator signed them; each is asked for once.
 * @param network - id, 32 bytes, and genesis that has it.
 */
export function knownParties(
    api: ServerApi,
    network: Uint8Array,
    { operator }: Pick<Genesis, "operator">,
): FindParty {
    const known = new Map<string, Promise<Party | null>>();
    const find = async (id: string): Promise<Party | null> => {
        const party = await api.party(id);
        if (party === null) return null;
        const isRight = toHex(party.id) === id && bytesEqual(party.network, network);
        if (isRight && verifySign1(party.message, operator)) return party;
        throw error("MS_SIGNATURE_BAD", {
            where: `party ${id}`,
            expected: "the network's operator",
        });
    };
    return (id) => {
        const asked = known.get(id) ?? find(id);
        known.set(id, asked);
        return asked;
    };
}
