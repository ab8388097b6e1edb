import { bytesEqual, error, toHex, unwrap } from "@meterseal/core";
import { parseTariff, verifySign1 } from "@meterseal/record";
import { decodeTariff, type PublishedTariff, type TariffBody } from "@meterseal/tariff";
import type { PartySource } from "./recipient.ts";

/**
 * A tariff of the ledger by its hash in hexadecimal, with the price series that it indexes; each signed
 * by the party that published it.
 * @param network - that of the household.
 * @throws MetersealError MS_NOT_FOUND, MS_SIGNATURE_BAD, MS_NETWORK, MS_TARIFF.
 */
export async function findTariff(
    hash: string,
    network: Uint8Array,
    source: PartySource,
): Promise<PublishedTariff> {
    const own = await fetchTariff(hash, network, source);
    const index = [own.body.imports, own.body.exports].find((plan) => plan?.kind === "index");
    const series =
        index?.kind === "index" ? await fetchTariff(toHex(index.series), network, source) : null;
    return { ...own, series };
}

async function fetchTariff(
    hash: string,
    network: Uint8Array,
    source: PartySource,
): Promise<{ readonly hash: Uint8Array; readonly body: TariffBody }> {
    const tariff = unwrap(parseTariff(await source.api.notice(hash)));
    const where = `tariff ${hash}`;
    if (toHex(tariff.message.hash) !== hash) throw error("MS_PROOF", { where, got: "another one" });
    if (!bytesEqual(tariff.network, network)) throw error("MS_NETWORK", { where });
    const party = await source.partyOf(toHex(tariff.party));
    if (party === null || !verifySign1(tariff.message, party.key)) {
        throw error("MS_SIGNATURE_BAD", { where });
    }
    return { hash: tariff.message.hash, body: unwrap(decodeTariff(tariff.body)) };
}
