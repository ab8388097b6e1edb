import { bytesEqual, error, fail, ok, type Result, toHex } from "@meterseal/core";
import { decodeGenesis, type Genesis, networkIdOf } from "@meterseal/ledger";
import { encodeCoseKey, type Party, parseParty, verifySign1 } from "@meterseal/record";
import type { PartyAnswer, PartyRequest } from "./exchange.ts";

/** What a checked answer proves. */
export type AdmittedParty = {
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    readonly genesis: Genesis;
    readonly party: Party;
};

/**
 * Checks the operator's answer offline: the genesis has the hash that is the network's id, and the
 * operator whom it names signed the party, for that network and as it was asked for.
 * @param pinned network id that the party keeps to; null takes whatever network it is.
 * @returns MS_GENESIS where the network is another one, MS_SIGNATURE_BAD, MS_PARTY where something
 * else was admitted than asked for, MS_MALFORMED.
 */
export function checkPartyAnswer(
    answer: PartyAnswer,
    asked: PartyRequest,
    pinned: Uint8Array | null,
): Result<AdmittedParty> {
    const network = networkIdOf(answer.genesis);
    const genesis = decodeGenesis(answer.genesis);
    if (!genesis.ok) return genesis;
    const expectedNetwork = pinned ?? answer.network;
    if (!bytesEqual(network, answer.network) || !bytesEqual(network, expectedNetwork)) {
        const expected = `network ${toHex(expectedNetwork)}`;
        return fail(error("MS_GENESIS", { expected, got: toHex(network) }));
    }
    const party = parseParty(answer.party);
    if (!party.ok) return party;
    const where = `party ${toHex(party.value.id)}`;
    if (!verifySign1(party.value.message, genesis.value.operator)) {
        const expected = "the operator whom the genesis names";
        return fail(error("MS_SIGNATURE_BAD", { where, expected }));
    }
    const different = differenceOf(party.value, asked, network);
    if (different === null) return ok({ network, genesis: genesis.value, party: party.value });
    return fail(error("MS_PARTY", { where, expected: `the ${different} of the request` }));
}

/** What was admitted otherwise than asked for; null where all is the same. */
function differenceOf(party: Party, asked: PartyRequest, network: Uint8Array): string | null {
    const texts = (list: readonly Uint8Array[]): string => list.map(toHex).join();
    const recipients = (from: PartyRequest): string =>
        from.recipients.map(({ suite, bytes }) => `${suite} ${toHex(bytes)}`).join();
    const same: readonly (readonly [string, boolean])[] = [
        ["network", bytesEqual(party.network, network)],
        ["role", party.role === asked.role],
        ["id", bytesEqual(party.id, asked.id)],
        ["key", bytesEqual(encodeCoseKey(party.key), encodeCoseKey(asked.key))],
        ["key epoch", party.keyEpoch === asked.keyEpoch],
        ["streams", texts(party.streams) === texts(asked.streams)],
        ["recipient keys", recipients(party) === recipients(asked)],
        ["name", party.name === asked.name],
    ];
    return same.find(([, isSame]) => !isSame)?.[0] ?? null;
}
