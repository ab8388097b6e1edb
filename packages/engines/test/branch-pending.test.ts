import { toHex } from "@meterseal/core";
import { genesisVertexIds, type LedgerState, type Vertex } from "@meterseal/ledger";
import { beforeEach, describe, expect, it } from "vitest";
import { PendingDag } from "../src/branch/pending.ts";

const SELF = new Uint8Array(16).fill(1);
const AUTHOR = new Uint8Array(16).fill(2);

/** Ids that differ; what they are the hash of does not matter here. */
const [FIRST, SECOND, THIRD, RIVAL, OTHER, GENESIS] = [1, 2, 3, 4, 5, 6].map(
    (n) => genesisVertexIds(new Uint8Array(32).fill(n))[0],
) as [Vertex["id"], Vertex["id"], Vertex["id"], Vertex["id"], Vertex["id"], Vertex["id"]];

const vertex = (id: Vertex["id"], round: number, ...parents: Vertex["id"][]): Vertex =>
    ({ author: AUTHOR, id, parents, round }) as unknown as Vertex;

/** A log that holds some vertices, with the latest one of the author. */
class Log {
    readonly vertices = new Map([GENESIS, OTHER].map((id) => [id.toString(), 0]));
    readonly authors = new Map([[toHex(AUTHOR), { lastVertex: null as string | null }]]);
    readonly revoked = new Set<string>();

    take({ id, round }: Vertex): void {
        this.vertices.set(id.toString(), round);
        this.authors.set(toHex(AUTHOR), { lastVertex: id.toString() });
    }
}

describe("vertices of another branch, while the log is ahead of what was settled", () => {
    const first = vertex(FIRST, 1, GENESIS, OTHER);
    const second = vertex(SECOND, 2, FIRST, OTHER);
    const third = vertex(THIRD, 3, SECOND, OTHER);
    const rival = vertex(RIVAL, 2, FIRST, OTHER);
    let log: Log;
    let pending: PendingDag;

    beforeEach(() => {
        log = new Log();
        pending = new PendingDag(log as unknown as LedgerState, SELF);
        pending.add(first);
    });

    it("attach behind what the log took a moment ago", () => {
        log.take(first);
        log.take(second);
        expect(pending.fit(third)).toEqual({ kind: "attaches" });
    });

    it("stay when that is settled: their author signed one history", () => {
        log.take(first);
        log.take(second);
        pending.add(third);
        pending.settle(first);
        pending.settle(second);
        expect(pending.inOrder().map(({ name }) => name)).toEqual([THIRD.toString()]);
        expect(pending.behind({ authors: [] })).toHaveLength(1);
    });

    it("are dropped where the log has another one in their place", () => {
        pending.add(rival);
        log.take(first);
        log.take(second);
        expect(pending.fit(third)).toMatchObject({ kind: "fork" });
        pending.settle(first);
        pending.settle(second);
        expect(pending.inOrder()).toEqual([]);
        expect(pending.behind({ authors: [] })).toEqual([]);
    });
});
