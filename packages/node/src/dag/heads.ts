import { toHex } from "@meterseal/core";
import type { EngineObserver, Entry, Finality } from "@meterseal/ledger";
import { decodeCbor, encodeCbor, malformed, toArray, toInteger } from "@meterseal/record";
import type { ImagedView } from "../server/imaged-view.ts";
import type { VertexFacts } from "./vertex-facts.ts";

const LIST_MAX = 0xffff_ffff;

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
export class Heads implements EngineObserver, ImagedView {
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

    /** All of it, for an image (ImagedView). */
    save(): Uint8Array[][] {
        const heads = [...this.#byAuthor].map(([author, head]) => [
            author,
            head.id,
            head.leafIndex,
            head.vertices,
        ]);
        return [[encodeCbor([heads, [...this.#tips]])]];
    }

    /** Takes over what {@link save} made (ImagedView). @throws MetersealError MS_MALFORMED */
    load([list = []]: readonly (readonly Uint8Array[])[]): void {
        const [heads, tips] = toArray(decodeCbor(list[0] ?? new Uint8Array()), "heads", 2);
        this.#byAuthor.clear();
        this.#tips.clear();
        const text = (value: unknown): string =>
            typeof value === "string" ? value : malformed("heads", "text");
        const number = (value: unknown): number =>
            toInteger(value, "heads", 0, Number.MAX_SAFE_INTEGER);
        for (const row of toArray(heads, "heads", LIST_MAX)) {
            const [author, id, leafIndex, vertices] = toArray(row, "heads", 4);
            const head = { leafIndex: number(leafIndex), vertices: number(vertices) };
            this.#byAuthor.set(text(author), { id: text(id), ...head });
        }
        for (const tip of toArray(tips, "tips", LIST_MAX)) this.#tips.add(text(tip));
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
