import { formatNumber, type Row } from "./report.ts";
import { INTERVALS, loadName, loads, NAMES, PLANNED, SHAPES, shapeName } from "./stages-rows.ts";

type Results = readonly Pick<Row, "what" | "ours">[];

const STAGES = [
    ["at the gateway", "seal"],
    ["", "hash"],
    ["", "encrypt"],
    ["", "keep"],
    ["", "keep, by the clock"],
    ["at the server", "decrypt"],
    ["", "parse"],
    ["", "rules"],
    ["", "vertex"],
    ["", "store"],
    ["bytes", "frame"],
] as const;

/** The tables of the page, made of saved results. */
export function stagesTables(results: Results): string {
    const value = (what: string): string => {
        const found = results.find((row) => row.what === what);
        if (found === undefined) throw new Error(`${what} in the results`);
        const { value } = found.ours;
        return Number.isInteger(value) ? wholeNumber(value) : formatNumber(value);
    };
    return [
        table(
            ["", "µs a record", ...SHAPES.map(shapeName)],
            STAGES.map(([where, stage]) => [
                where,
                stage,
                ...SHAPES.map((shape) => value(`${stage}: ${shapeName(shape)}`)),
            ]),
        ),
        table(
            ["", "sign, µs", "verify, µs", "made, µs: 1; 96", "taken, µs: 1; 96", "bytes: 1; 96"],
            Object.values(NAMES).map((name) => [
                name,
                value(`sign: ${name}`),
                value(`verify: ${name}`),
                ...["made", "taken"].map(
                    (what) =>
                        `${value(`record ${what}: ${name}, 1`)}; ${value(`record ${what}: ${name}, 96`)}`,
                ),
                `${value(`size: ${name}, 1 reading, 1 register`)}; ${value(`size: ${name}, 96 readings, 1 register`)}`,
            ]),
        ),
        table(
            [
                "a device is read",
                ...PLANNED.flatMap((each) =>
                    ["a gateway", "a server", "gateways a server"].map(
                        (what) => `${what}, ${NAMES[each]}`,
                    ),
                ),
                "on an HC-12",
            ],
            loads().map((load) => [
                loadName(load),
                ...PLANNED.flatMap((each) =>
                    ["devices a gateway", "devices a server", "full gateways a server"].map(
                        (what) => value(`${what}: ${NAMES[each]}, ${loadName(load)}`),
                    ),
                ),
                value(`devices on HC-12 at 9,600 baud: ES256, ${loadName(load)}`),
            ]),
        ),
        table(
            [
                "",
                "on air, s",
                ...INTERVALS.slice(1).map((interval) => `devices a channel, each ${interval} s`),
            ],
            results
                .filter(({ what }) => what.endsWith(": on air"))
                .map(({ what }) => what.slice(0, -": on air".length))
                .map((name) => [
                    name,
                    value(`${name}: on air`),
                    ...INTERVALS.slice(1).map((interval) =>
                        value(`${name}: devices a channel, each ${interval} s`),
                    ),
                ]),
        ),
    ].join("\n\n");
}

function wholeNumber(value: number): string {
    return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
    const rule = head.map(() => "---");
    return [head, rule, ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
