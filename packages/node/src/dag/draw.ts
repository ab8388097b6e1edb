import { formatInstant } from "@meterseal/core";
import { counted } from "../console.ts";
import type { HeadFacts } from "./pages.ts";
import type { VertexFacts } from "./vertex-facts.ts";

/** Names of authors in a drawing, by the order of their first vertex: a, b, … z, a1, b1 … */
export function laneNames(vertices: readonly Pick<VertexFacts, "author">[]): Map<string, string> {
    const names = new Map<string, string>();
    for (const { author } of vertices) {
        if (names.has(author)) continue;
        const letter = String.fromCharCode(97 + (names.size % 26));
        const turn = Math.floor(names.size / 26);
        names.set(author, turn === 0 ? letter : `${letter}${turn}`);
    }
    return names;
}

/**
 * The DAG as lines of text, oldest first, a column for each author: ● is a vertex, and a line from it
 * meets the columns of the authors whose vertices it follows.
 */
export function drawDag(vertices: readonly VertexFacts[]): string {
    const names = laneNames(vertices);
    const authors = [...names.keys()];
    const places = new Map(vertices.map((vertex) => [vertex.leafIndex, vertex]));
    const legend = [...names].map(([author, name]) => `${name}  author ${author}`);
    const rows = vertices.map(({ leafIndex, records, round, timeMs }) => [
        `#${leafIndex}`,
        instant(timeMs),
        `round ${round}`,
        counted(records, "record"),
    ]);
    const widths = [0, 1, 2, 3].map((at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
    const begun = new Set<number>();
    const lines = vertices.map((vertex, i) => {
        const lane = authors.indexOf(vertex.author);
        const joined = vertex.parents
            .map(({ leafIndex }) => places.get(leafIndex ?? -1)?.author)
            .map((author) => (author === undefined ? lane : authors.indexOf(author)));
        begun.add(lane);
        const facts = (rows[i] ?? []).map((text, at) => text.padEnd(widths[at] ?? 0));
        const followed = `follows ${parentsOf(vertex, places, names)}`;
        return [drawLanes(authors.length, { lane, joined, begun }), ...facts, followed].join("  ");
    });
    return [...legend, ...lines].join("\n");
}

const instant = (timeMs: number): string => formatInstant(Math.floor(timeMs / 1000), "UTC");

/** Names of the vertices that one follows, in the order of the log; those of the genesis have none. */
function parentsOf(
    { parents }: VertexFacts,
    places: ReadonlyMap<number, VertexFacts>,
    names: ReadonlyMap<string, string>,
): string {
    const leaves = parents.flatMap(({ leafIndex }) => leafIndex ?? []).sort((a, b) => a - b);
    const texts = leaves.map((at) => `${names.get(places.get(at)?.author ?? "") ?? ""}#${at}`);
    return [...(leaves.length < parents.length ? ["the genesis"] : []), ...texts].join(", ");
}

/** What stands in a row of columns: the vertex's own, those that its line meets, those that go on. */
type Lanes = {
    readonly lane: number;
    readonly joined: readonly number[];
    readonly begun: ReadonlySet<number>;
};

/** One row of columns, two characters each. */
function drawLanes(count: number, { begun, joined, lane }: Lanes): string {
    const [first, last] = [Math.min(lane, ...joined), Math.max(lane, ...joined)];
    const mark = (at: number): string => {
        if (at === lane) return "●";
        const inside = at > first && at < last;
        if (!joined.includes(at)) return inside ? "─" : begun.has(at) ? "│" : " ";
        return inside ? "┼" : at < lane ? "├" : "┤";
    };
    const marks = Array.from(
        { length: count },
        (_, at) => mark(at) + (at >= first && at < last ? "─" : " "),
    );
    return marks.join("").slice(0, 2 * count - 1);
}

/** The DAG for Graphviz; an edge leads from a vertex to one that it follows. */
export function formatDot(vertices: readonly VertexFacts[]): string {
    const names = laneNames(vertices);
    const drawn = new Set(vertices.map(({ leafIndex }) => leafIndex));
    const clusters = [...names].map(([author, name]) => {
        const own = vertices.filter((vertex) => vertex.author === author);
        const nodes = own.map(({ leafIndex }) => `"${leafIndex}"`).join("; ");
        return `  subgraph "cluster_${name}" { label="${author}"; ${nodes}; }`;
    });
    const nodes = vertices.map(
        ({ leafIndex, records, round }) =>
            `  "${leafIndex}" [label="#${leafIndex}\\nround ${round}\\n${records} records"];`,
    );
    const edges = vertices.flatMap(({ leafIndex, parents }) =>
        parents
            .filter((parent) => drawn.has(parent.leafIndex ?? -1))
            .map((parent) => `  "${leafIndex}" -> "${parent.leafIndex}";`),
    );
    return ["digraph ledger {", "  rankdir=RL;", ...clusters, ...nodes, ...edges, "}"].join("\n");
}

/** Latest vertices of all authors, a paragraph each. */
export function formatHeads(size: number, heads: readonly HeadFacts[]): string {
    const paragraphs = heads.map(({ author, id, isTip, leafIndex, vertices, ...head }) =>
        [
            `author ${author}: ${vertices} of the vertices, the latest at leaf ${leafIndex}`,
            `  ${id}, ${isTip ? "which no other follows yet" : "which others follow"}`,
            `  round ${head.round}, ${counted(head.records, "record")}, in the log since ${instant(head.timeMs)}`,
        ].join("\n"),
    );
    return [`size of the log: ${size}; authors with vertices: ${heads.length}`, ...paragraphs].join(
        "\n",
    );
}
