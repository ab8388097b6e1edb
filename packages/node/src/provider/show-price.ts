import { formatInstant, toHex } from "@meterseal/core";
import type { WeightedReading } from "@meterseal/provider";
import { GROUP } from "@meterseal/record";
import type { Grant } from "@meterseal/seal";
import { energyMoney, exactMoney, type PublishedTariff } from "@meterseal/tariff";
import { out, say } from "../console.ts";
import { amountsByText } from "./show.ts";

/** The one sum of a W grant as JSON; money as exact decimal text. */
export function priceJson(
    grant: Grant,
    { body, hash }: PublishedTariff,
    { amounts, amountsBy, checkpoint, verdicts }: WeightedReading,
): unknown {
    return {
        grant: toHex(grant.message.hash),
        meter: toHex(grant.subject),
        stream: toHex(grant.streamId),
        from: formatInstant(grant.fromUnix, grant.zone),
        to: formatInstant(grant.toUnix, grant.zone),
        tariff: toHex(hash),
        currency: body.currency,
        prices: amounts.map((each) => ({
            group: each.group,
            price: priceText(each.amounts, grant, body.decimals),
        })),
        proof: {
            holds: true,
            signatures: verdicts.signature.checked,
            chainAndLog: verdicts.continuity.checked,
            storeSums: verdicts.sums?.checked ?? null,
            amountsBy,
            checkpoint:
                checkpoint === null
                    ? null
                    : { size: checkpoint.size, root: toHex(checkpoint.root) },
        },
    };
}

/** The one sum of a W grant for a person. */
export function printPrice(
    grant: Grant,
    { body }: PublishedTariff,
    { amounts, amountsBy, verdicts }: WeightedReading,
): void {
    const [from, to] = [grant.fromUnix, grant.toUnix].map((unix) =>
        formatInstant(unix, grant.zone),
    );
    for (const each of amounts) {
        const price = priceText(each.amounts, grant, body.decimals);
        const name = each.group === GROUP.export ? "export" : "import";
        out(`${from} to ${to}  ${name} ${price} ${body.currency} under "${body.name}"`);
    }
    const { continuity, signature, sums } = verdicts;
    const store =
        sums === null ? "the store's own sum was not asked for" : "the sum is as the store says";
    say(
        `Proven: ${signature.checked} signatures, ${continuity.checked} links of chain and log, ` +
            `${store}; the household's notice and the tariff are on the ledger. ${amountsByText(amountsBy)}`,
    );
}

/** Exact price of a group's registers together, which are weighted by one price. */
function priceText(amounts: readonly bigint[], { scale }: Grant, decimals: number): string {
    const energy = amounts.reduce((a, b) => a + b, 0n);
    return exactMoney(energyMoney({ energy, scale }), decimals);
}
