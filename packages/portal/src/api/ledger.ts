import { bytesEqual, error, fromBase64, toHex, unwrap } from "@meterseal/core";
import { type Genesis, verifyEntryProof } from "@meterseal/ledger";
import { kidOf, type Party, parseParty, verifySign1 } from "@meterseal/record";
import { fetchBytes, fetchJson } from "./client.ts";

/** What answers of the server are held against: known beforehand, or checked against what is. */
export type LedgerTrust = {
    /** 32 bytes. */
    readonly networkId: Uint8Array;
    readonly genesis: Genesis;
};

/** A message that stands in the ledger, and where. */
export type ProvenMessage = { readonly bytes: Uint8Array; readonly leafIndex: number };

/**
 * A party as the operator signed it.
 * @param idHex - 16 bytes.
 * @param kidHex - of a key that the party had before, 8 bytes; absent for its present one.
 * @throws ApiError; MetersealError MS_PARTY where the operator did not sign what the server says.
 */
export async function fetchParty(
    trust: LedgerTrust,
    idHex: string,
    kidHex?: string,
): Promise<Party> {
    const query = kidHex === undefined ? "" : `?kid=${kidHex}`;
    const { message } = await fetchJson<{ message: string }>(`/api/v1/parties/${idHex}${query}`);
    const party = unwrap(parseParty(fromBase64(message)));
    const isAdmitted =
        bytesEqual(party.network, trust.networkId) &&
        toHex(party.id) === idHex &&
        (kidHex === undefined || toHex(kidOf(party.key)) === kidHex) &&
        verifySign1(party.message, trust.genesis.operator);
    if (!isAdmitted) throw error("MS_PARTY", { where: `party ${idHex}` });
    return party;
}

/**
 * A notice or tariff with the proof that it stands in the ledger; its signature is for the caller to check.
 * @param hashHex - of its message, 32 bytes.
 * @throws ApiError; MetersealError where the proof does not hold.
 */
export async function fetchProven(trust: LedgerTrust, hashHex: string): Promise<ProvenMessage> {
    const bytes = await fetchBytes(`/api/v1/notices/${hashHex}/proof`);
    const { genesis, networkId } = trust;
    const proof = new TextDecoder().decode(bytes);
    const proven = unwrap(verifyEntryProof(proof, { networkId, logKey: genesis.logKey }));
    return { bytes: proven.entry.item, leafIndex: proven.index };
}
