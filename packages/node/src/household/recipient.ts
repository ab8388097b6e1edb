import { existsSync } from "node:fs";
import { bytesEqual, error, toHex, unwrap } from "@meterseal/core";
import { decodeGenesis, networkIdOf } from "@meterseal/ledger";
import { PARTY_ROLE, type Party, parseParty, verifySign1 } from "@meterseal/record";
import { readBounded } from "../files.ts";
import { parsePartyAnswer } from "../party/exchange.ts";
import type { FindParty } from "../party/known-parties.ts";
import type { ServerApi } from "../party/server-api.ts";

const ANSWER_BYTES = 65_536;
const PARTY_ID = /^[0-9a-f]{32}$/;

/** A server to ask for parties, and how what it says is checked. */
export type PartySource = { readonly api: ServerApi; readonly partyOf: FindParty };

/**
 * The provider that a grant is to be made out to: a file with the operator's answer, a party id, or
 * the name of a party on the server. The operator's signature is checked.
 * @param network - that of the household.
 * @throws MetersealError MS_NETWORK, MS_SIGNATURE_BAD where the operator did not sign the party,
 * MS_NOT_FOUND, MS_USAGE for a name that several have, MS_NOT_ALLOWED for another role.
 */
export async function findRecipient(
    to: string,
    network: Uint8Array,
    source: PartySource | null,
): Promise<Party> {
    const found = existsSync(to) ? partyOfFile(to, network) : await partyOfServer(to, source);
    if (found.role === PARTY_ROLE.provider) return found;
    const where = `party ${toHex(found.id)}`;
    const todo = "Monitors get sums of cohorts only.";
    throw error("MS_NOT_ALLOWED", { where, expected: "a provider", todo });
}

function partyOfFile(path: string, network: Uint8Array): Party {
    const answer = unwrap(parsePartyAnswer(readBounded(path, ANSWER_BYTES).toString("utf8")));
    const party = unwrap(parseParty(answer.party));
    const isOfNetwork =
        bytesEqual(networkIdOf(answer.genesis), network) && bytesEqual(party.network, network);
    if (!isOfNetwork) {
        throw error("MS_NETWORK", { where: path, expected: `network ${toHex(network)}` });
    }
    if (verifySign1(party.message, unwrap(decodeGenesis(answer.genesis)).operator)) return party;
    throw error("MS_SIGNATURE_BAD", { where: path, expected: "the network's operator" });
}

async function partyOfServer(to: string, source: PartySource | null): Promise<Party> {
    if (source === null) {
        const expected = "--to FILE, or --url with a party's id or name";
        throw error("MS_USAGE", { expected, got: to });
    }
    const ids = PARTY_ID.test(to) ? [to] : await source.api.partyIds("provider");
    const parties: Party[] = [];
    for (const id of ids) {
        const party = await source.partyOf(id);
        if (party !== null && (id === to || party.name === to)) parties.push(party);
    }
    const [first, second] = parties;
    if (first === undefined) throw error("MS_NOT_FOUND", { where: `party ${to}` });
    if (second === undefined) return first;
    const got = parties.map(({ id }) => toHex(id)).join(", ");
    throw error("MS_USAGE", { expected: `the id of one party named ${to}`, got });
}
