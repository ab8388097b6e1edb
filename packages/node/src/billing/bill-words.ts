import { formatInstant, toHex, unixOfSlot } from "@meterseal/core";
import {
    type Bill,
    type CheckedBill,
    energyMoney,
    exactMoney,
    type Gap,
    type Money,
    roundedMoney,
    type TariffBody,
    totalMoney,
} from "@meterseal/tariff";

/** A bill that was checked, with what it was checked against. */
export type BillReport = {
    readonly bill: Bill;
    readonly checked: CheckedBill;
    readonly tariff: TariffBody;
    /** Party that published the tariff, 16 bytes. */
    readonly provider: Uint8Array;
    readonly slotSeconds: number;
};

/** What a gap means for the amount. */
const MEANING: Readonly<Record<Gap, string>> = {
    missing: "what flowed is in the next measured interval, at its price",
    "power off": "nothing flowed",
    "clock adjusted": "measured, around a change of the meter's clock",
    late: "measured, sent late",
    estimated: "estimated by the meter",
    "not recorded": "what flowed is in the next recorded interval, at its price",
    "not in the bill": "between two devices or before the first reading: not in the amount",
};

/** A bill in lines for a person: amount, period, tariff and coverage; no sum of any band. */
export function describeBill({ bill, checked, slotSeconds, tariff }: BillReport): string[] {
    const { charges, coverage } = checked;
    const { currency, decimals, zone } = tariff;
    const exact = (money: Money): string => `${exactMoney(money, decimals)} ${currency}`;
    const total = totalMoney(checked);
    const share = ((100 * coverage.measured) / coverage.slots).toFixed(1);
    return [
        `meter     ${toHex(bill.meter)}`,
        `period    ${formatInstant(bill.fromUnix, zone)} to ${formatInstant(bill.toUnix, zone)}`,
        `tariff    ${tariff.name} (${toHex(bill.tariff)})`,
        `energy    ${exact(energyMoney(checked))}`,
        ...charges.map(
            ({ amountMicro, count, name }) =>
                `charge    ${exact({ value: amountMicro, digits: 6 })}, ${name}, ${count} times`,
        ),
        `to pay    ${roundedMoney(total, decimals)} ${currency}, rounded from ${exact(total)}`,
        `coverage  ${share} % of ${coverage.slots} intervals measured`,
        ...coverage.runs.map(({ fromSlot, gap, toSlot }) => {
            const instant = (slot: number): string =>
                formatInstant(unixOfSlot(slot, slotSeconds), zone);
            return `          ${instant(fromSlot)} to ${instant(toSlot)} ${gap}: ${MEANING[gap]}`;
        }),
    ];
}

/** A bill for programs: amounts as decimal text. */
export function billJson({
    bill,
    checked,
    provider,
    slotSeconds,
    tariff,
}: BillReport): Record<string, unknown> {
    const { charges, coverage } = checked;
    const { currency, decimals, zone } = tariff;
    const instant = (unix: number): string => formatInstant(unix, zone);
    const slot = (of: number): string => instant(unixOfSlot(of, slotSeconds));
    return {
        network: toHex(bill.network),
        meter: toHex(bill.meter),
        stream: toHex(bill.stream),
        tariff: { hash: toHex(bill.tariff), name: tariff.name, provider: toHex(provider) },
        from: instant(bill.fromUnix),
        to: instant(bill.toUnix),
        currency,
        energy: exactMoney(energyMoney(checked), decimals),
        charges: charges.map(({ amountMicro, count, name }) => ({
            name,
            count,
            amount: exactMoney({ value: amountMicro, digits: 6 }, decimals),
        })),
        toPay: roundedMoney(totalMoney(checked), decimals),
        coverage: {
            intervals: coverage.slots,
            measured: coverage.measured,
            gaps: coverage.runs.map(({ fromSlot, gap, toSlot }) => ({
                from: slot(fromSlot),
                to: slot(toSlot),
                gap,
            })),
        },
    };
}
