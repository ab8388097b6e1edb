import { bytesEqual, error, type PublicKey, toHex, unwrap } from "@meterseal/core";
import { decodeGenesis, networkIdOf, parseItem, verifyEntryProof } from "@meterseal/ledger";
import { kidOf, PARTY_ROLE, type Party, type TariffMessage, verifySign1 } from "@meterseal/record";
import { decodeTariff, type PublishedTariff, type SeriesTariff } from "@meterseal/tariff";
import type { OptionSpec } from "../cli/arguments.ts";

/** What a reader takes for granted about a network: its id, and the two keys of its genesis. */
export type NetworkTrust = {
    /** 32 bytes. */
    readonly networkId: Uint8Array;
    readonly operator: PublicKey;
    readonly logKey: PublicKey;
};

/** A tariff that the ledger proves, and who published it and its series. */
export type LedgerTariff = PublishedTariff & {
    /** Party, 16 bytes. */
    readonly provider: Uint8Array;
    /** Name that the provider is admitted under; empty where it has none. */
    readonly providerName: string;
    /** Party that published the series of an index; null where there is none. */
    readonly market: Uint8Array | null;
};

/**
 * Trust in the network of a genesis.
 * @throws MetersealError MS_GENESIS where it is another network than the one asked for.
 */
export function trustIn(genesis: Uint8Array, networkId: Uint8Array): NetworkTrust {
    const found = networkIdOf(genesis);
    if (!bytesEqual(found, networkId)) {
        throw error("MS_GENESIS", { expected: toHex(networkId), got: toHex(found) });
    }
    const { logKey, operator } = unwrap(decodeGenesis(genesis));
    return { networkId, operator, logKey };
}

/** What proofs say, each held against the log key of the network. */
export type ProvenItems = {
    readonly parties: readonly Party[];
    readonly tariffs: readonly TariffMessage[];
};

/**
 * Reads proofs that parties and tariffs stand in the ledger.
 * @throws MetersealError MS_PROOF, MS_CHECKPOINT, MS_LOG_LEAF, or what the parsers say.
 */
export function readProofs(proofs: readonly string[], trust: NetworkTrust): ProvenItems {
    const parties: Party[] = [];
    const tariffs: TariffMessage[] = [];
    for (const proof of proofs) {
        const item = unwrap(parseItem(unwrap(verifyEntryProof(proof, trust)).entry.item));
        if (item.kind === "party") parties.push(item.party);
        else if (item.kind === "tariff") tariffs.push(item.tariff);
    }
    return { parties, tariffs };
}

/**
 * A tariff by its hash: in the ledger, signed by a provider whom the operator admitted, with the
 * series that its index names.
 * @throws MetersealError MS_TARIFF where it is not among the proven ones, MS_SIGNATURE_BAD,
 * MS_KEY_UNKNOWN, MS_NOT_ALLOWED.
 */
export function ledgerTariff(
    hash: Uint8Array,
    proven: ProvenItems,
    trust: NetworkTrust,
): LedgerTariff {
    const { body, party } = readTariff(hash, proven, trust);
    const plans = [body.imports, body.exports];
    const index = plans.find((plan) => plan?.kind === "index");
    const found = index?.kind === "index" ? readTariff(index.series, proven, trust) : null;
    const series: SeriesTariff | null =
        found === null || index?.kind !== "index" ? null : { hash: index.series, body: found.body };
    return {
        hash,
        body,
        series,
        provider: party.id,
        providerName: party.name,
        market: found?.party.id ?? null,
    };
}

/** Option by which a household names a market that it believes to be independent. */
export const MARKET_OPTION: OptionSpec = {
    kind: "value",
    value: "PARTY",
    help: "publisher of price series that you believe to be an independent market",
};

/**
 * Whether the household named the publisher of a tariff's series as a market, and that is neither who
 * published the tariff nor who gets the sum.
 */
export function isIndependent(
    named: Uint8Array | null,
    { market, provider }: LedgerTariff,
    recipient: Uint8Array,
): boolean {
    if (named === null || market === null || !bytesEqual(named, market)) return false;
    return !bytesEqual(market, provider) && !bytesEqual(market, recipient);
}

function readTariff(hash: Uint8Array, { parties, tariffs }: ProvenItems, trust: NetworkTrust) {
    const where = `tariff ${toHex(hash)}`;
    const tariff = tariffs.find(({ message }) => bytesEqual(message.hash, hash));
    if (tariff === undefined) throw error("MS_TARIFF", { where, expected: "it on the ledger" });
    const { kid } = tariff.message;
    const party = parties.find(({ key }) => bytesEqual(kidOf(key), kid));
    if (party === undefined) throw error("MS_KEY_UNKNOWN", { where, got: toHex(kid) });
    const isSigned =
        verifySign1(party.message, trust.operator) && verifySign1(tariff.message, party.key);
    if (!isSigned) throw error("MS_SIGNATURE_BAD", { where });
    const isAllowed = party.role === PARTY_ROLE.provider && bytesEqual(party.id, tariff.party);
    if (!isAllowed) throw error("MS_NOT_ALLOWED", { where, expected: "a tariff of a provider" });
    return { party, body: unwrap(decodeTariff(tariff.body)) };
}
