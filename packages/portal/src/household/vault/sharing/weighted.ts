import { error, toHex, unwrap } from "@meterseal/core";
import { GROUP } from "@meterseal/record";
import {
    energyMoney,
    exactMoney,
    periodOf,
    pricesOf,
    readStream,
    roundedMoney,
    weigh,
} from "@meterseal/tariff";
import { planWeighted, type WeightedPlan } from "@meterseal/wallet";
import { fetchJson } from "../../../api/client.ts";
import type { LedgerTrust } from "../../../api/ledger.ts";
import { fetchTariff, type ProvenTariff } from "../../../api/tariff.ts";
import type { AmountView, TariffSum, TariffView } from "../sharing-messages.ts";
import type { SharingHome } from "./session.ts";

/** Tariffs that are looked at, the newest first. */
const TARIFFS_MAX = 30;
const LISTED_MAX = 500;

/**
 * Tariffs on the ledger, the newest first; a list of prices that others follow is none to choose.
 * @throws ApiError; one that does not hold is left out.
 */
export async function listTariffs(trust: LedgerTrust): Promise<TariffView[]> {
    type Answer = { readonly tariffs: readonly { readonly hash: string }[] };
    const { tariffs } = await fetchJson<Answer>(`/api/v1/tariffs?limit=${LISTED_MAX}`);
    const newest = tariffs.slice(-TARIFFS_MAX).reverse();
    const read = await Promise.all(
        newest.map(({ hash }) => fetchTariff(trust, hash).catch(() => null)),
    );
    return read.flatMap((proven) => (proven === null ? [] : [viewOf(proven)]));
}

function viewOf({ providerName, tariff: { body, hash } }: ProvenTariff): TariffView {
    const { currency, exports, name } = body;
    return {
        hashHex: toHex(hash),
        ...{ name, providerName, currency },
        hasImport: true,
        hasExport: exports !== null,
    };
}

/**
 * Plans a weighted sum over a time that was read whole: later records would change what it weighs.
 * @throws ApiError; MetersealError MS_TARIFF for prices that could single out readings, MS_USAGE for a
 * time without readings.
 */
export async function planSum(home: SharingHome, sum: TariffSum): Promise<WeightedPlan> {
    requireRead(home, sum);
    const { tariff } = await fetchTariff(trustOf(home), sum.tariffHex);
    const { fromUnix, group, toUnix } = sum;
    const recorded = unwrap(readStream(home.records, home.key.stream.streamId));
    const ask = { group, fromUnix, toUnix, tariff, isMarketSeries: false };
    return unwrap(planWeighted(home.key, recorded, ask));
}

function requireRead({ series }: SharingHome, { fromUnix, toUnix }: TariffSum): void {
    const [first, last] = [series[0], series.at(-1)];
    if (first === undefined || last === undefined || fromUnix < first.unix || toUnix > last.unix) {
        throw error("MS_USAGE", { where: "time", expected: "a time of which there are readings" });
    }
}

/** The one number that a weighted sum tells its recipient, from the home's own registers. */
export async function amountOf(home: SharingHome, sum: TariffSum): Promise<AmountView> {
    requireRead(home, sum);
    const { providerName, tariff } = await fetchTariff(trustOf(home), sum.tariffHex);
    const { body, series: prices } = tariff;
    const plan = sum.group === GROUP.export ? body.exports : body.imports;
    if (plan === null) throw error("MS_TARIFF", { expected: "a price for the register" });
    const { slotSeconds, streamId } = home.key.stream;
    const period = unwrap(periodOf(sum.fromUnix, sum.toUnix, slotSeconds));
    const ofSlots = unwrap(pricesOf(body, plan, period, prices));
    const recorded = unwrap(readStream(home.records, streamId));
    const registers = new Map(home.series.map((boundary) => [boundary.unix, boundary]));
    let energy = 0n;
    for (const { terms } of unwrap(weigh(recorded.epochs, period, ofSlots))) {
        for (const { boundary, weight } of terms) {
            const at = registers.get(boundary.atUnix);
            const register = sum.group === GROUP.export ? at?.exportWh : at?.importWh;
            if (register == null) throw error("MS_USAGE", { where: "time", expected: "readings" });
            energy += weight * register;
        }
    }
    const money = energyMoney({ energy, scale: 0 });
    // A register in finer units than watt-hours is shown in whole ones.
    const isExact = home.key.scale >= 0;
    const amount = isExact ? exactMoney(money, body.decimals) : roundedMoney(money, body.decimals);
    return { tariffName: body.name, providerName, amount, currency: body.currency };
}

function trustOf({ genesis, key }: SharingHome): LedgerTrust {
    return { genesis, networkId: key.network };
}
