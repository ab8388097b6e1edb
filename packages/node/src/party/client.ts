import { error, fromHex, type PublicKey, type Signer, toHex, unwrap } from "@meterseal/core";
import {
    decodeGenesis,
    messageOf,
    networkIdOf,
    parseItem,
    verifyEntryProof,
} from "@meterseal/ledger";
import { headerOf } from "../authorization.ts";
import { systemClock } from "../clocks.ts";
import { askApi } from "../http-client.ts";

/** Who asks a server, and which. */
export type PartyAccess = {
    /** Address of the server's API. */
    readonly url: string;
    readonly signer: Signer;
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    /** Id of the party, 16 bytes. */
    readonly party: Uint8Array;
};

/** Where a statement stands, as the server says; its proof tells whoever has the genesis. */
export type PlacedNotice = {
    readonly hash: string;
    readonly leafIndex: number;
    readonly proof: string;
};

const COSE = { "content-type": "application/cose" };

/** Header by which a party says who it is: a link token of now, signed by its key. */
export async function partyHeaders(
    access: Omit<PartyAccess, "url">,
): Promise<{ readonly authorization: string }> {
    const { network, party: subject, signer } = access;
    return { authorization: await headerOf({ signer, network, subject }, systemClock) };
}

/** A server and the network that it is believed in. */
type Ledger = Pick<PartyAccess, "url" | "network">;

/** Puts a notice or tariff on the ledger of a server; resolves once that says that it is final. */
export async function postNotice(url: string, message: Uint8Array): Promise<PlacedNotice> {
    const request = { method: "POST", headers: COSE, body: message } as const;
    return (await (await askApi(url, "/api/v1/notices", request)).json()) as PlacedNotice;
}

/**
 * Puts a notice or tariff on the ledger of a server; resolves once it is final, and the server has
 * proven that by the network's log key: what it merely says is not taken for it.
 * @throws MetersealError what the server refused; MS_GENESIS for another network, MS_PROOF or
 * MS_CHECKPOINT where the proof does not hold, or is of another message.
 */
export async function postProven(ledger: Ledger, message: Uint8Array): Promise<PlacedNotice> {
    const placed = await postNotice(ledger.url, message);
    const networkId = ledger.network;
    const proven = verifyEntryProof(placed.proof, { networkId, logKey: await logKeyOf(ledger) });
    // The log keeps the bytes that came first: the same statement may have been signed twice.
    const hashOf = (bytes: Uint8Array): string => toHex(messageOf(unwrap(parseItem(bytes))).hash);
    if (hashOf(unwrap(proven).entry.item) === hashOf(message)) return placed;
    throw error("MS_PROOF", {
        where: ledger.url,
        expected: "a proof of the message that was sent",
    });
}

const logKeys = new Map<string, PublicKey>();

/** Key of the network's log; the server names the genesis, whose hash is the network's id. */
async function logKeyOf({ network, url }: Ledger): Promise<PublicKey> {
    const name = toHex(network);
    const known = logKeys.get(name);
    if (known !== undefined) return known;
    const fields = (await (await askApi(url, "/api/v1/network")).json()) as { genesis?: unknown };
    const genesis = fromHex(String(fields.genesis));
    const got = toHex(networkIdOf(genesis));
    if (got !== name) throw error("MS_GENESIS", { where: url, expected: `network ${name}`, got });
    const { logKey } = unwrap(decodeGenesis(genesis));
    logKeys.set(name, logKey);
    return logKey;
}

/** Puts a grant or policy into the grant box; resolves once it is durable. Its notice comes first. */
export async function postToBox(
    url: string,
    box: "grants" | "policies",
    message: Uint8Array,
): Promise<void> {
    await askApi(url, `/api/v1/${box}`, { method: "POST", headers: COSE, body: message });
}

/** JSON of a private route, asked for as a party. */
export async function getAsParty(access: PartyAccess, path: string): Promise<unknown> {
    return await (await askApi(access.url, path, { headers: await partyHeaders(access) })).json();
}

/** A grant or policy of the box, by its hash (hexadecimal); the household sees who took it, and why. */
export async function takeFromBox(
    access: PartyAccess,
    box: "grants" | "policies",
    hash: string,
    purpose = "",
): Promise<Uint8Array> {
    const path = `/api/v1/${box}/${hash}?purpose=${encodeURIComponent(purpose)}`;
    const answer = await askApi(access.url, path, { headers: await partyHeaders(access) });
    return await answer.bytes();
}
