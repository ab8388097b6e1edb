import { toHex } from "@meterseal/core";
import type { EngineObserver, Entry, Finality } from "@meterseal/ledger";
import type { VertexFacts } from "./vertex-facts.ts";

/** What {@link Heads} has to know of a vertex. */
type Link = Pick<VertexFacts, "id" | "author" | "leafIndex"> & {
    readonly parents: readonly string[];
};

/** Latest vertex of an author. */
export type Head = {
    readonly author: string;
    readonly leafIndex: number;
    /** Vertices of the author. */
    readonly vertices: number;
    /** Whether no vertex follows it yet. */
    readonly isTip: boolean;
};

/** Latest vertex of each author, and the tips of the DAG; fed with its vertices in the order of the log. */
export class Heads implements EngineObserver {
    readonly #byAuthor = new Map<string, { id: string; leafIndex: number; vertices: number }>();
    readonly #tips = new Set<string>();

    /** Takes in an entry of the log. */
    entryFinal(entry: Entry, _timeMs: number, { leafIndex }: Finality): void {
        if (entry.kind !== "vertex") return;
        const { author, id, parents } = entry.vertex;
        this.add({
            ...{ author: toHex(author), leafIndex, id: id.toString() },
            parents: parents.map((parent) => parent.toString()),
        });
    }

    /** Takes in the next vertex. */
    add({ author, id, leafIndex, parents }: Link): void {
        for (const parent of parents) this.#tips.delete(parent);
        this.#tips.add(id);
        const vertices = (this.#byAuthor.get(author)?.vertices ?? 0) + 1;
        this.#byAuthor.set(author, { id, leafIndex, vertices });
    }

    /** One of each author, the latest first. */
    list(): Head[] {
        return [...this.#byAuthor]
            .map(([author, { id, leafIndex, vertices }]) => ({
                ...{ author, leafIndex, vertices },
                isTip: this.#tips.has(id),
            }))
            .sort((a, b) => b.leafIndex - a.leafIndex);
    }
}
