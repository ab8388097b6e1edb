import { error, fromHex, LIMITS, type Result, toHex, unwrap } from "@meterseal/core";
import {
    decodeEntry,
    decodeEvidence,
    type Evidence,
    type LogItem,
    parseItem,
    parseTlogProof,
} from "@meterseal/ledger";
import { attempt, decodeCbor, encodeCbor, MapReader, malformed } from "@meterseal/record";
import { decodeTariff } from "@meterseal/tariff";
import { askApi, fetchEvidence } from "../http-client.ts";
import { type LedgerTariff, ledgerTariff, readProofs, trustIn } from "./ledger-tariff.ts";

/** What a bill is checked against, in one file: nothing in it is secret, and nothing has to be trusted. */
export type BillEvidence = {
    /** Records of the meter with their proofs, as the server gives them. */
    readonly evidence: Uint8Array;
    /** Proofs that tariffs and their publishers stand in the ledger. */
    readonly proofs: readonly string[];
};

/** A tariff and its series, each with its publisher. */
const PROOFS_MAX = 4;
const PROOF_CHARACTERS = 131_072;

/** CBOR of the evidence of a bill. */
export function encodeBillEvidence({ evidence, proofs }: BillEvidence): Uint8Array {
    return encodeCbor(
        new Map<number, unknown>([
            [0, evidence],
            [1, proofs],
        ]),
    );
}

/** Inverse of {@link encodeBillEvidence}; MS_MALFORMED. It says nothing yet on whether anything holds. */
export function decodeBillEvidence(bytes: Uint8Array): Result<BillEvidence> {
    return attempt(() => {
        const map = new MapReader(decodeCbor(bytes), "bill evidence");
        const proofs = map.array(1, PROOFS_MAX).map((proof) => {
            if (typeof proof === "string" && proof.length <= PROOF_CHARACTERS) return proof;
            return malformed(map.at(1), "proofs as text");
        });
        const evidence = { evidence: map.bytes(0, 1, LIMITS.billEvidenceBytes), proofs };
        map.end();
        return evidence;
    });
}

/** The records of a meter and their proofs. */
export function recordsOf(evidence: BillEvidence): Evidence {
    return unwrap(decodeEvidence(evidence.evidence));
}

/**
 * Fetches what a bill of a meter under a tariff is checked against.
 * @param meter - subject in hex.
 * @param tariff - hash of the tariff in hex.
 * @throws MetersealError MS_LINK, MS_NOT_FOUND, MS_MALFORMED.
 */
export async function fetchBillEvidence(
    url: string,
    meter: string,
    tariff: string,
): Promise<BillEvidence> {
    const evidence = await fetchEvidence(url, fromHex(meter));
    return { evidence, proofs: await fetchTariffProofs(url, tariff) };
}

/**
 * A tariff of a server's ledger by its hash in hex, with the series that its index names, proven.
 * @param networkId - 32 bytes; null takes the network that the server says it is of.
 * @throws MetersealError MS_LINK, MS_NOT_FOUND, MS_GENESIS for another network, and as
 * {@link ledgerTariff}.
 */
export async function fetchTariff(
    url: string,
    hash: string,
    networkId: Uint8Array | null,
): Promise<LedgerTariff> {
    const answer = await (await askApi(url, "/api/v1/network")).json();
    const network = answer as { genesis: string; networkId: string };
    const trust = trustIn(fromHex(network.genesis), networkId ?? fromHex(network.networkId));
    const proofs = await fetchTariffProofs(url, hash);
    return ledgerTariff(fromHex(hash), readProofs(proofs, trust), trust);
}

/** Fetches the proofs of a tariff, its publisher, and the same of the series that it names. */
export async function fetchTariffProofs(url: string, hash: string): Promise<string[]> {
    const proof = await fetchProof(url, hash);
    const item = itemOf(proof);
    if (item.kind !== "tariff") throw error("MS_TARIFF", { where: hash, got: item.kind });
    const { body, message, party } = item.tariff;
    const publisher = await fetchPublisher(url, toHex(party), toHex(message.kid));
    const { exports, imports } = unwrap(decodeTariff(body));
    const index = [imports, exports].find((plan) => plan?.kind === "index");
    if (index?.kind !== "index") return [proof, publisher];
    const series = await fetchProof(url, toHex(index.series));
    const seriesItem = itemOf(series);
    if (seriesItem.kind !== "tariff") throw error("MS_TARIFF", { where: toHex(index.series) });
    const { message: inner, party: market } = seriesItem.tariff;
    return [proof, publisher, series, await fetchPublisher(url, toHex(market), toHex(inner.kid))];
}

async function fetchProof(url: string, hash: string): Promise<string> {
    return await (await askApi(url, `/api/v1/notices/${hash}/proof`)).text();
}

/** Proof of the message that gave a party the key with which it signed. */
async function fetchPublisher(url: string, party: string, kid: string): Promise<string> {
    const answer = await askApi(url, `/api/v1/parties/${party}?kid=${kid}`);
    const { hash } = (await answer.json()) as { hash?: unknown };
    if (typeof hash !== "string") throw error("MS_MALFORMED", { where: `party ${party}` });
    return await fetchProof(url, hash);
}

/** Message in a proof that is not checked yet. */
function itemOf(proof: string): LogItem {
    const { extra } = unwrap(parseTlogProof(proof));
    if (extra === undefined) throw error("MS_LOG_LEAF", { where: "proof" });
    return unwrap(parseItem(unwrap(decodeEntry(extra)).item));
}
