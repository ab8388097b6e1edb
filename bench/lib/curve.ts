import { formatNumber } from "./report.ts";

/** What one quantity does as another grows, drawn over logarithmic axes. */
export type Curve = {
    readonly title: string;
    /** Name of what grows. */
    readonly over: string;
    readonly unit: string;
    readonly lines: readonly {
        readonly name: string;
        /** Ascending by the first number; all above zero. */
        readonly points: readonly (readonly [number, number])[];
    }[];
};

const WIDTH = 520;
const HEIGHT = 300;
const MARGIN = { left: 70, right: 24, top: 40, bottom: 46 };
const COLOURS = [
    ...["#0b6e4f", "#c8553d", "#33658a", "#8a6d00"],
    ...["#6a1b9a", "#1b1b1b", "#d9730d", "#00838f"],
];
/** Names of so many lines stand above the picture; of more, at its right. */
const NAMES_ABOVE = 3;
const NAMES_WIDTH = 290;

/** The curve as a table for a terminal or a Markdown page: one row for each point. */
export function formatCurve({ lines, over, title, unit }: Curve): string {
    const xs = [...new Set(lines.flatMap(({ points }) => points.map(([x]) => x)))];
    const rows = xs.map((x) => {
        const values = lines.map(({ points }) => points.find(([at]) => at === x)?.[1]);
        return [x, ...values].map((each) => (each === undefined ? "–" : formatNumber(each)));
    });
    const head = [over, ...lines.map(({ name }) => `${name}, ${unit}`)];
    const bar = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
    return [`${title}`, "", bar(head), bar(head.map(() => "---")), ...rows.map(bar)].join("\n");
}

/** Curves as one picture (SVG), one below the other. */
export function drawCurves(curves: readonly Curve[]): string {
    const panels = curves.map((curve, i) => panel(curve, i * HEIGHT)).join("\n");
    const height = curves.length * HEIGHT;
    const isWide = curves.some(({ lines }) => lines.length > NAMES_ABOVE);
    const width = WIDTH + (isWide ? NAMES_WIDTH : 0);
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<title>${curves.map(({ over, title }) => `${title}, over ${over}`).join("; ")}</title>
<rect width="${width}" height="${height}" fill="#ffffff"/>
${panels}
</svg>
`;
}

function panel({ lines, over, title, unit }: Curve, top: number): string {
    const points = lines.flatMap((line) => line.points);
    const x = axis(
        points.map(([value]) => value),
        MARGIN.left,
        WIDTH - MARGIN.right,
    );
    const y = axis(
        points.map(([, value]) => value),
        HEIGHT - MARGIN.bottom,
        MARGIN.top,
    );
    const grid = y.ticks.map((tick) => {
        const at = y.place(tick);
        return `<path d="M${MARGIN.left} ${at}H${WIDTH - MARGIN.right}" stroke="#dddddd"/>
<text x="${MARGIN.left - 8}" y="${at + 4}" text-anchor="end">${formatNumber(tick)}</text>`;
    });
    const names = x.ticks.map(
        (tick) =>
            `<text x="${x.place(tick)}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${formatNumber(tick)}</text>`,
    );
    const drawn = lines.map(({ name, points: own }, i) => {
        const colour = COLOURS[i % COLOURS.length];
        const path = own.map(([a, b]) => `${x.place(a)} ${y.place(b)}`).join("L");
        const dots = own.map(
            ([a, b]) => `<circle cx="${x.place(a)}" cy="${y.place(b)}" r="3" fill="${colour}"/>`,
        );
        const [left, down] =
            lines.length > NAMES_ABOVE
                ? [WIDTH - MARGIN.right + 12, MARGIN.top + 10 + 20 * i]
                : [MARGIN.left + 8 + 90 * i, MARGIN.top - 6];
        const label = `<text x="${left}" y="${down}" fill="${colour}">${name}</text>`;
        return `<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2"/>\n${dots.join("")}\n${label}`;
    });
    return `<g transform="translate(0 ${top})">
<text x="${MARGIN.left}" y="18" font-weight="bold">${title}, ${unit}</text>
${[...grid, ...names, ...drawn].join("\n")}
<text x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${over}</text>
</g>`;
}

/** A logarithmic axis around values, from whole powers of ten to whole powers of ten. */
function axis(values: readonly number[], from: number, to: number) {
    const low = Math.floor(Math.log10(Math.min(...values)));
    const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
    const place = (value: number): number =>
        Math.round(from + ((Math.log10(value) - low) / (high - low)) * (to - from));
    const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
    return { place, ticks };
}
