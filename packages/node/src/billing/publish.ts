import { bytesEqual, error, fromHex, toHex, unwrap } from "@meterseal/core";
import { createTariff, PARTY_ROLE, parseTariff } from "@meterseal/record";
import { encodeTariff, indexSeries, type TariffBody } from "@meterseal/tariff";
import { askApi } from "../http-client.ts";
import { postProven } from "../party/client.ts";
import type { OwnParty } from "../party/party.ts";
import { fetchTariff } from "./bill-evidence.ts";

/** A tariff on a ledger. */
export type PublishedPlace = {
    /** Hash of its message in hex: its name. */
    readonly hash: string;
    readonly leafIndex: number;
};

/**
 * Signs a tariff as its provider and puts it on a server's ledger; final when this returns.
 * @throws MetersealError MS_NOT_ALLOWED where the party is no provider, MS_GENESIS where the server is
 * of another network, MS_NOT_FOUND where the series of an index is not on the ledger, MS_TARIFF where it is
 * no series or in another currency, MS_LINK, and what the server refuses.
 */
export async function publishTariff(
    url: string,
    provider: OwnParty,
    tariff: TariffBody,
): Promise<PublishedPlace> {
    if (provider.party.role !== PARTY_ROLE.provider) {
        throw error("MS_NOT_ALLOWED", { expected: "the directory of a provider" });
    }
    // An index is worth nothing without its series.
    for (const plan of [tariff.imports, tariff.exports]) {
        if (plan?.kind !== "index") continue;
        const series = await fetchTariff(url, toHex(plan.series), provider.network);
        unwrap(indexSeries(tariff, plan, series));
    }
    const bytes = await sign(url, provider, tariff);
    const hash = toHex(unwrap(parseTariff(bytes)).message.hash);
    const { leafIndex } = await postProven({ url, network: provider.network }, bytes);
    return { hash, leafIndex };
}

/** Signs by the server's clock, which may be a replay's. */
async function sign(url: string, provider: OwnParty, tariff: TariffBody): Promise<Uint8Array> {
    const answer = await (await askApi(url, "/api/v1/network")).json();
    const { clock, networkId } = answer as { clock: { nowMs: number }; networkId: string };
    const { network, party, signer } = provider;
    if (!bytesEqual(network, fromHex(networkId))) {
        const expected = `the provider's network ${toHex(network)}`;
        throw error("MS_GENESIS", { where: url, expected, got: networkId });
    }
    const timeUnix = Math.floor(clock.nowMs / 1000);
    const body = encodeTariff(tariff);
    return await createTariff(signer, { network, party: party.id, timeUnix, body });
}
