import { error, LIMITS } from "@meterseal/core";
import type { FastifyInstance } from "fastify";
import { type DagQuery, readHeads, readPage } from "../dag/pages.ts";
import type { HttpOptions } from "./http.ts";
import { numberOf, type Query } from "./list-query.ts";
import { proveEntry } from "./statements.ts";

/** Adds the routes of the DAG: its final vertices in pages, its heads, and that a vertex is in the log. */
export function addDagRoutes(app: FastifyInstance, options: HttpOptions): void {
    const { engine, heads, reader } = options;

    app.get<{ Querystring: Query }>("/api/v1/dag", ({ query }) =>
        readPage(reader, engine.head().size, dagQuery(query)),
    );

    app.get("/api/v1/dag/heads", () =>
        readHeads(reader, heads, { size: engine.head().size, limit: LIMITS.listItems }),
    );

    app.get<{ Params: { leaf: string } }>("/api/v1/dag/:leaf/proof", async ({ params }, reply) => {
        const max = Number.MAX_SAFE_INTEGER;
        const index = numberOf(params, "leaf", { byDefault: 0, min: 0, max });
        const rows = await reader.loggedVertices(index - 1, index + 1, 1);
        const row = index < engine.head().size ? rows[0] : undefined;
        if (row === undefined) throw error("MS_NOT_FOUND", { where: `vertex at leaf ${index}` });
        const entry = { index, timeMs: row.timeMs, item: row.bytes };
        const proof = await proveEntry({ engine, reader }, entry);
        return reply.type("text/plain; charset=utf-8").send(proof);
    });
}

/** MS_USAGE for a place or number that is none, and for two places. */
function dagQuery(query: Query): DagQuery {
    const most = LIMITS.listItems;
    const limit = numberOf(query, "limit", { byDefault: most, min: 1, max: most });
    const place = { byDefault: -1, min: 0, max: Number.MAX_SAFE_INTEGER };
    const [after, before] = [numberOf(query, "after", place), numberOf(query, "before", place)];
    if (query.before === undefined) return { from: { after }, limit };
    if (query.after === undefined) return { from: { before }, limit };
    throw error("MS_USAGE", { where: "before", expected: "either after or before" });
}
