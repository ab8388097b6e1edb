/** A curve: its name and points, x rising. */
export type Curve = {
    readonly name: string;
    readonly points: readonly (readonly [x: number, y: number])[];
};

/** A picture with logarithmic y and its curves. */
export type Panel = {
    readonly title: string;
    readonly xName: string;
    readonly yName: string;
    readonly curves: readonly Curve[];
};

const [WIDTH, HEIGHT] = [820, 380];
const BOX = { left: 70, top: 40, right: 500, bottom: 330 };
const COLOURS = [
    "#1b1b1b",
    "#b3261e",
    "#d9730d",
    "#8a6d00",
    "#2e7d32",
    "#1565c0",
    "#6a1b9a",
    "#00838f",
];

/** Panels below one another as an SVG text: no script, no fonts of its own. */
export function formatCurves(panels: readonly Panel[]): string {
    const height = HEIGHT * panels.length;
    const body = panels.map((panel, i) => panelOf(panel, i * HEIGHT)).join("\n");
    const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`;
    const title = `<title>${panels.map((panel) => panel.title).join("; ")}</title>`;
    return `${head}\n${title}\n<rect width="100%" height="100%" fill="#fff"/>\n${body}\n</svg>\n`;
}

function panelOf({ curves, title, xName, yName }: Panel, top: number): string {
    const points = curves.flatMap((curve) => curve.points).filter(([, y]) => y > 0);
    const xEnd = Math.max(1, ...points.map(([x]) => x));
    const low = Math.floor(Math.log10(Math.min(...points.map(([, y]) => y))));
    const high = Math.ceil(Math.log10(Math.max(...points.map(([, y]) => y))));
    const xAt = (x: number): number => BOX.left + ((BOX.right - BOX.left) * x) / xEnd;
    const yAt = (y: number): number =>
        BOX.bottom - ((BOX.bottom - BOX.top) * (Math.log10(y) - low)) / Math.max(1, high - low);
    const lines = [text(BOX.left, BOX.top - 16, title, 'font-size="15"')];
    for (let power = low; power <= high; power++) {
        const y = yAt(10 ** power);
        lines.push(
            `<line x1="${BOX.left}" y1="${y}" x2="${BOX.right}" y2="${y}" stroke="#ddd"/>`,
            text(
                BOX.left - 8,
                y + 4,
                `${Number((10 ** power).toPrecision(1))}`,
                'text-anchor="end"',
            ),
        );
    }
    for (let i = 0; i <= 5; i++) {
        const x = Math.round((xEnd * i) / 5);
        lines.push(text(xAt(x), BOX.bottom + 18, `${x}`, 'text-anchor="middle"'));
    }
    lines.push(text((BOX.left + BOX.right) / 2, BOX.bottom + 36, xName, 'text-anchor="middle"'));
    lines.push(text(BOX.left - 55, BOX.top - 16, yName, ""));
    for (const [i, { name, points: own }] of curves.entries()) {
        const colour = COLOURS[i % COLOURS.length];
        const path = own
            .filter(([, y]) => y > 0)
            .map(([x, y]) => `${xAt(x).toFixed(1)},${yAt(y).toFixed(1)}`);
        const y = BOX.top + 16 + i * 22;
        lines.push(
            `<polyline points="${path.join(" ")}" fill="none" stroke="${colour}" stroke-width="1.6"/>`,
            `<line x1="${BOX.right + 14}" y1="${y - 4}" x2="${BOX.right + 34}" y2="${y - 4}" stroke="${colour}" stroke-width="3"/>`,
            text(BOX.right + 40, y, name, ""),
        );
    }
    return `<g transform="translate(0 ${top})">\n${lines.join("\n")}\n</g>`;
}

function text(x: number, y: number, content: string, more: string): string {
    const safe = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${safe}</text>`;
}
