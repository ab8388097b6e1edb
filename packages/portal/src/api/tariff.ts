import { bytesEqual, error, fromHex, toHex, unwrap } from "@meterseal/core";
import { PARTY_ROLE, parseTariff, verifySign1 } from "@meterseal/record";
import { decodeTariff, type PricePlan, type PublishedTariff } from "@meterseal/tariff";
import { fetchParty, fetchProven, type LedgerTrust } from "./ledger.ts";

/** A tariff that stands in the ledger, signed by a provider whom the operator admitted. */
export type ProvenTariff = {
    /** With the series that its prices follow, proven alike. */
    readonly tariff: PublishedTariff;
    readonly providerName: string;
    readonly leafIndex: number;
};

/**
 * A tariff with everything that its prices come from.
 * @param hashHex - of its message, 32 bytes.
 * @throws ApiError; MetersealError where a proof or a signature does not hold.
 */
export async function fetchTariff(trust: LedgerTrust, hashHex: string): Promise<ProvenTariff> {
    const { tariff, ...place } = await fetchOne(trust, hashHex);
    const seriesHash = seriesOf(tariff.body.imports) ?? seriesOf(tariff.body.exports);
    const series = seriesHash === null ? null : (await fetchOne(trust, toHex(seriesHash))).tariff;
    return { tariff: { ...tariff, series }, ...place };
}

async function fetchOne(trust: LedgerTrust, hashHex: string) {
    const { bytes, leafIndex } = await fetchProven(trust, hashHex);
    const published = unwrap(parseTariff(bytes));
    // The key that it was signed with, which its provider may have replaced since.
    const kid = toHex(published.message.kid);
    const provider = await fetchParty(trust, toHex(published.party), kid);
    const isPublished =
        toHex(published.message.hash) === hashHex &&
        bytesEqual(published.network, trust.networkId) &&
        provider.role === PARTY_ROLE.provider &&
        verifySign1(published.message, provider.key);
    if (!isPublished) throw error("MS_SIGNATURE_BAD", { where: `tariff ${hashHex}` });
    const body = unwrap(decodeTariff(published.body));
    return { tariff: { hash: fromHex(hashHex), body }, providerName: provider.name, leafIndex };
}

/** Hash of the price series that a plan follows; null for a plan of its own prices. */
function seriesOf(plan: PricePlan | null): Uint8Array | null {
    return plan?.kind === "index" ? plan.series : null;
}
