import type { Curve } from "./curve.ts";
import type { Machine } from "./machine.ts";

/** A measured number with its unit, and what it is where the column does not say. */
export type Quantity = { readonly value: number; readonly unit: string; readonly of?: string };

/** Bound that a row is held to. */
export type Target = {
    /** Which of the two numbers is bound. */
    readonly on: "ratio" | "ours";
    readonly atLeast?: number;
    readonly atMost?: number;
};

/** One line of the result table. */
export type Row = {
    readonly what: string;
    readonly ours: Quantity;
    readonly against: Quantity | null;
    /** Ours ÷ against, or against ÷ ours where less is better: larger is always better. */
    readonly ratio: number | null;
    readonly target: Target | null;
};

/** What one suite found. */
export type SuiteResult = {
    readonly rows: readonly Row[];
    /** Conditions and side results, one line each. */
    readonly facts: readonly string[];
    /** What is drawn of it. */
    readonly curves?: readonly Curve[];
};

/** A suite that `main.ts` can run. */
export type Suite = {
    readonly name: string;
    readonly title: string;
    run(options: SuiteOptions): Promise<SuiteResult>;
};

/** How a suite is to run. */
export type SuiteOptions = {
    /** One round of smaller work: shows that the suite runs, its numbers mean little. */
    readonly quick: boolean;
    /** Directory that processes write their CPU profiles to; null = none. */
    readonly profileDir: string | null;
};

/** Whether a row meets its target; null without one. */
export function isMet({ ours, ratio, target }: Row): boolean | null {
    if (target === null) return null;
    const value = target.on === "ratio" ? ratio : ours.value;
    if (value === null) return null;
    return value >= (target.atLeast ?? -Infinity) && value <= (target.atMost ?? Infinity);
}

/** A number with three significant digits, thousands apart. */
export function formatNumber(value: number): string {
    if (!Number.isFinite(value)) return String(value);
    const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
    const [whole, part] = value.toFixed(digits).split(".");
    const grouped = (whole ?? "").replace(/\B(?=(\d{3})+$)/g, ",");
    return part === undefined ? grouped : `${grouped}.${part}`;
}

/** Rows as a table for a terminal or a Markdown page. */
export function formatTable(rows: readonly Row[]): string {
    const head = ["what", "ours", "against", "ratio", "target", "met"];
    const lines = rows.map((row) => {
        const met = isMet(row);
        return [
            row.what,
            quantity(row.ours),
            row.against === null ? "–" : quantity(row.against),
            row.ratio === null ? "–" : percentOrTimes(row.ratio),
            targetText(row),
            met === null ? "–" : met ? "yes" : "NO",
        ];
    });
    const widths = head.map((name, i) =>
        Math.max(name.length, ...lines.map((line) => (line[i] ?? "").length)),
    );
    const pad = (line: readonly string[]): string =>
        `| ${line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
    const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
    return [pad(head), rule, ...lines.map(pad)].join("\n");
}

function quantity({ of, unit, value }: Quantity): string {
    return `${formatNumber(value)} ${unit}${of === undefined ? "" : ` (${of})`}`;
}

function percentOrTimes(ratio: number): string {
    return ratio < 10 ? `${formatNumber(ratio * 100)} %` : `${formatNumber(ratio)} ×`;
}

function targetText({ ours, target }: Row): string {
    if (target === null) return "–";
    const [sign, bound] =
        target.atLeast !== undefined ? ["≥", target.atLeast] : ["≤", target.atMost ?? 0];
    return target.on === "ratio"
        ? `${sign} ${formatNumber(bound * 100)} %`
        : `${sign} ${formatNumber(bound)} ${ours.unit}`;
}

/** What one suite measured, where and when, for programs. */
export type Measured = {
    readonly name: string;
    readonly title: string;
    /** Day of the run, ISO 8601. */
    readonly date: string;
    readonly machine: Machine;
    readonly rows: readonly (Row & { readonly met: boolean | null })[];
    readonly facts: readonly string[];
    readonly curves?: readonly Curve[];
};

/** Joins a suite's result with its place and day. */
export function measured(suite: Suite, result: SuiteResult, machine: Machine): Measured {
    return {
        name: suite.name,
        title: suite.title,
        date: new Date().toISOString().slice(0, 10),
        machine,
        rows: result.rows.map((row) => ({ ...row, met: isMet(row) })),
        facts: result.facts,
        ...(result.curves === undefined ? {} : { curves: result.curves }),
    };
}
