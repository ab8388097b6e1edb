import { error, LIMITS } from "@meterseal/core";
import { openServerStore, type StoreReader } from "@meterseal/stores/sqlite";
import { PLACES, requireDirectory } from "../files.ts";
import { askApi } from "../http-client.ts";
import { Heads } from "./heads.ts";
import { type DagHeads, type DagPage, readHeads, readPage } from "./pages.ts";
import type { VertexFacts } from "./vertex-facts.ts";

/** A ledger whose DAG is looked at: that of a running server, or a data directory. */
export type DagSource = {
    readonly heads: () => Promise<DagHeads>;
    /** Vertices before a place of the log, the latest first; at most a page of them. */
    readonly before: (place: number, limit: number) => Promise<DagPage>;
    readonly close: () => Promise<void>;
};

/** A place behind every entry of a log. */
const END = 10 ** 15 - 1;

/** Asks a running server. */
export function serverSource(url: string): DagSource {
    const ask = async <Answer>(path: string): Promise<Answer> =>
        (await (await askApi(url, path)).json()) as Answer;
    return {
        heads: () => ask("/api/v1/dag/heads"),
        before: (place, limit) => ask(`/api/v1/dag?before=${place}&limit=${limit}`),
        close: () => Promise.resolve(),
    };
}

/**
 * Reads a data directory, also while a server works on it. What witnesses have yet to cosign counts too.
 * @throws MetersealError MS_NOT_FOUND, MS_STORE_FORMAT
 */
export async function directorySource(dataDir: string): Promise<DagSource> {
    requireDirectory(dataDir);
    const store = await openServerStore(PLACES.server(dataDir), { readOnly: true });
    const { reader } = store;
    const { logSize: size } = await reader.counts();
    return {
        heads: async () => {
            const heads = await collectHeads(reader, size);
            return await readHeads(reader, heads, { size, limit: LIMITS.listItems });
        },
        before: (before, limit) => readPage(reader, size, { from: { before }, limit }),
        close: () => store.close(),
    };
}

async function collectHeads(reader: StoreReader, size: number): Promise<Heads> {
    const heads = new Heads();
    for (let after = -1; ; ) {
        const query = { from: { after }, limit: LIMITS.listItems };
        const { vertices } = await readPage(reader, size, query);
        for (const vertex of vertices) {
            heads.add({ ...vertex, parents: vertex.parents.map(({ id }) => id) });
        }
        const last = vertices.at(-1);
        if (last === undefined) return heads;
        after = last.leafIndex;
    }
}

/** The latest vertices of a ledger, oldest first. */
export async function latestVertices(
    source: Pick<DagSource, "before">,
    wanted: number,
): Promise<DagPage> {
    const found: VertexFacts[] = [];
    let size: number | null = null;
    while (found.length < wanted) {
        const place = found.at(-1)?.leafIndex ?? END;
        const page = await source.before(place, Math.min(wanted - found.length, LIMITS.listItems));
        size ??= page.size;
        requireOrder(place, page.vertices);
        if (page.vertices.length === 0) break;
        found.push(...page.vertices);
    }
    return { size: size ?? 0, vertices: found.reverse() };
}

/** A server that sent a list in another order could make its reader ask for ever. */
function requireOrder(before: number, vertices: readonly VertexFacts[]): void {
    let last = before;
    for (const { leafIndex } of vertices) {
        if (!(leafIndex < last)) {
            throw error("MS_MALFORMED", { where: "vertices", expected: "their order" });
        }
        last = leafIndex;
    }
}
