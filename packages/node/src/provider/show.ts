import { formatInstant, toHex } from "@meterseal/core";
import type { Fault, Verdict } from "@meterseal/ledger";
import type { AmountsBy, GrantedSum } from "@meterseal/provider";
import { channelsOfGroup, GROUP, type MediumUnit, unitOfMedium } from "@meterseal/record";
import type { Grant } from "@meterseal/seal";
import { out, say } from "../console.ts";
import type { WholeReading } from "./read-grant.ts";

/** How amounts of a reading are counted and called; `shift` is the power of ten of a base unit. */
type Unit = MediumUnit & { readonly shift: number };

function unitOf({ scale }: Grant, { medium }: WholeReading): Unit {
    const unit = unitOfMedium(medium);
    return { ...unit, shift: scale - unit.baseScale };
}

/** Amount in base units of units of 10^shift of them, exact: whole, or with as many decimals as that has. */
function baseText(units: bigint, scale: number): string {
    if (scale >= 0) return String(units * 10n ** BigInt(scale));
    const digits = String(units).padStart(1 - scale, "0");
    return `${digits.slice(0, scale)}.${digits.slice(scale)}`;
}

/** The reading as JSON: whole Wh or litres, or text where a stream counts in less. */
export function toJson(grant: Grant, reading: WholeReading): unknown {
    const { zone } = grant;
    const unit = unitOf(grant, reading);
    const { checkpoint, lastUnix, sums, verdicts, window } = reading;
    const instant = (unix: number): string => formatInstant(unix, zone);
    return {
        grant: toHex(grant.message.hash),
        meter: toHex(grant.subject),
        stream: toHex(grant.streamId),
        ...(reading.medium === undefined ? {} : { medium: unit.name }),
        zone,
        window,
        windows: sums.map((sum) => ({
            from: instant(sum.fromUnix),
            to: instant(sum.toUnix),
            ...amountsOf(sum, unit),
            quality: sum.quality,
            marks: sum.marks,
            slots: sum.slots,
            measured: sum.measured,
            estimated: sum.estimated,
            ...(isMoved(sum) && sum.answered !== null
                ? {
                      answered: {
                          from: instant(sum.answered.fromUnix),
                          to: instant(sum.answered.toUnix),
                      },
                  }
                : {}),
            ...(sum.refusal === null ? {} : { refused: sum.refusal.code }),
            records: sum.parts.flatMap(({ from, to }) => [from.record, to.record]),
        })),
        ...totalsOf(sums, grant, unit),
        coverage: coverageOf(sums),
        lastReading: lastUnix === null ? null : instant(lastUnix),
        proof: {
            holds: faultsOf(reading).length === 0,
            signatures: verdicts.signature.checked,
            chainAndLog: verdicts.continuity.checked,
            storeSums: verdicts.sums?.checked ?? null,
            amountsBy: reading.amountsBy,
            checkpoint:
                checkpoint === null
                    ? null
                    : { size: checkpoint.size, root: toHex(checkpoint.root) },
        },
    };
}

/** The reading as CSV: a header, and a line for each window. */
export function toCsv(grant: Grant, reading: WholeReading): string {
    const { sums } = reading;
    const { base, shift } = unitOf(grant, reading);
    const names = grant.groups.map(nameOfGroup);
    const lines = sums.map((sum) => {
        const amounts = grant.groups.map((group) => {
            const own = sum.amounts?.find((each) => each.group === group);
            return own === undefined ? "" : own.amounts.map((n) => baseText(n, shift)).join(" ");
        });
        const span = [sum.fromUnix, sum.toUnix].map((unix) => formatInstant(unix, grant.zone));
        const { measured, quality, slots } = sum;
        return [...span, ...amounts, quality, measured, slots, sum.marks.join(" ")].join();
    });
    const head = ["from", "to", ...names.map((name) => `${name}_${base.toLowerCase()}`)];
    return [[...head, "quality", "measured", "slots", "marks"].join(), ...lines].join("\n");
}

/** The reading as a table for a person, with what was verified. */
export function printReading(grant: Grant, reading: WholeReading): void {
    const { sums } = reading;
    const unit = unitOf(grant, reading);
    for (const sum of sums) {
        const amounts = grant.groups.map((group) => amountText(sum, group, unit));
        const notes = notesOf(sum, grant.zone);
        const note = notes.length === 0 ? "" : `  (${notes.join(", ")})`;
        out(`${formatInstant(sum.fromUnix, grant.zone)}  ${amounts.join("  ")}${note}`);
    }
    const totals = grant.groups.map((group) => groupText(totalOf(sums, group), group, unit));
    out(
        `total ${totals.join(", ")}, ${(coverageOf(sums) * 100).toFixed(1)} % of the slots measured`,
    );
    say(proofText(reading));
}

/** All that does not hold. */
export function faultsOf({ verdicts }: WholeReading): Fault[] {
    const { continuity, signature, sums } = verdicts;
    return [signature, continuity, sums].flatMap((verdict: Verdict | null) => [
        ...(verdict?.faults ?? []),
    ]);
}

/** By whose word amounts are what they are, as a sentence. */
export function amountsByText(amountsBy: AmountsBy): string {
    return amountsBy === "commitments"
        ? "The amounts are those that the meter committed to."
        : "The amounts themselves are the household's word: no commitment of the meter is opened by this grant.";
}

function proofText({ amountsBy, checkpoint, verdicts }: WholeReading): string {
    const store =
        verdicts.sums === null
            ? "the store's own sums were not asked for"
            : `${verdicts.sums.checked} sums are as the store says`;
    return (
        `Proven: ${verdicts.signature.checked} signatures, ${verdicts.continuity.checked} links of chain ` +
        `and log, ${store}; the household's notice is on the ledger. Checkpoint: size ` +
        `${checkpoint?.size ?? 0}, root ${checkpoint === null ? "none" : toHex(checkpoint.root)}. ` +
        amountsByText(amountsBy)
    );
}

function isMoved({ answered, fromUnix, toUnix }: GrantedSum): boolean {
    return answered !== null && (answered.fromUnix !== fromUnix || answered.toUnix !== toUnix);
}

function notesOf(sum: GrantedSum, zone: string): string[] {
    const { answered, quality, refusal } = sum;
    if (refusal !== null) return [`not granted: ${refusal.code}`];
    const words = { measured: [], estimated: ["estimated"], partial: ["partly measured"] };
    const known =
        quality === "missing" ? (answered === null ? [] : ["not measured"]) : words[quality];
    const moved =
        isMoved(sum) && answered !== null
            ? [
                  `from ${formatInstant(answered.fromUnix, zone)} to ${formatInstant(answered.toUnix, zone)}: no boundary where asked`,
              ]
            : [];
    return [...known, ...sum.marks, ...moved];
}

function amountText(sum: GrantedSum, group: number, unit: Unit): string {
    const own = sum.amounts?.find((each) => each.group === group);
    const text = own === undefined ? "no reading" : groupText(own.amounts, group, unit);
    return text.padStart(14);
}

/** What the registers of a group moved by; of adjustments what was added and what was taken away. */
function groupText(amounts: readonly bigint[], group: number, unit: Unit): string {
    // Thousandths of the unit, exact; squares have no unit that people know.
    const texts = amounts.map((units) => baseText(units, unit.shift - 3));
    if (group === GROUP.adjustments) return `+${texts[0]} -${texts[1]} ${unit.label} corrected`;
    const of = group === GROUP.import ? "" : ` ${nameOfGroup(group)}`;
    return `${texts.join(" ")} ${unit.label}${of}`;
}

function nameOfGroup(group: number): string {
    if (group === GROUP.import) return "import";
    if (group === GROUP.adjustments) return "adjustments";
    return group === GROUP.export ? "export" : `group_${group}`;
}

function amountsOf({ amounts }: Pick<GrantedSum, "amounts">, unit: Unit): object {
    const fields: Record<string, unknown> = {};
    for (const { amounts: values, group } of amounts ?? []) {
        fields[`${nameOfGroup(group)}${unit.base}`] = jsonNumbers(values, unit.shift);
    }
    return fields;
}

function totalsOf(sums: readonly GrantedSum[], grant: Grant, unit: Unit): object {
    return Object.fromEntries(
        grant.groups.map((group) => {
            const name = nameOfGroup(group);
            const total = jsonNumbers(totalOf(sums, group), unit.shift);
            return [`total${name.charAt(0).toUpperCase()}${name.slice(1)}${unit.base}`, total];
        }),
    );
}

/** A number, or of adjustments two: added and taken away. */
function jsonNumbers(amounts: readonly bigint[], shift: number): unknown {
    const numbers = amounts.map((units) => jsonNumber(baseText(units, shift)));
    return numbers.length === 1 ? numbers[0] : numbers;
}

/** A whole number that JSON holds exactly; any other stays the text that it is. */
function jsonNumber(text: string): number | string {
    const number = Number(text);
    return Number.isSafeInteger(number) && String(number) === text ? number : text;
}

/** Sum of each register of a group. */
function totalOf(sums: readonly GrantedSum[], group: number): readonly bigint[] {
    const totals: bigint[] = new Array(channelsOfGroup(group)).fill(0n);
    for (const { amounts, group: own } of sums.flatMap((sum) => sum.amounts ?? [])) {
        if (own !== group) continue;
        for (const [channel, amount] of amounts.entries()) {
            totals[channel] = (totals[channel] ?? 0n) + amount;
        }
    }
    return totals;
}

/** Measured slots of those that were asked for, 0 … 1. */
function coverageOf(sums: readonly GrantedSum[]): number {
    const [measured, slots] = [
        sums.reduce((n, sum) => n + sum.measured, 0),
        sums.reduce((n, sum) => n + sum.slots, 0),
    ];
    return slots === 0 ? 0 : Number((measured / slots).toFixed(6));
}
