import { formatNumber, type Row } from "./report.ts";

/** Rows of a link in the results of the suite `links`, by what stands behind its name. */
const COLUMNS = [
    "acknowledged",
    "to the receipt, p50",
    "to the receipt, p99",
    "bytes both ways, one reading",
    "bytes both ways, 96 readings",
    "bytes to begin",
] as const;

/** The results of the suite `links` as the lines of a table in Markdown, a link a line. */
export function linksTable(rows: readonly Row[]): string[] {
    const names = rows.flatMap(({ what }) =>
        what.endsWith(`: ${COLUMNS[0]}`) ? [what.slice(0, -COLUMNS[0].length - 2)] : [],
    );
    return names.map((name) => {
        const cells = COLUMNS.map((column) => {
            const found = rows.find(({ what }) => what === `${name}: ${column}`);
            return found === undefined ? "–" : formatNumber(found.ours.value);
        });
        return `| ${[name, ...cells].join(" | ")} |`;
    });
}
