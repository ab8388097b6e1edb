import { compareBytes, LIMITS, toHex } from "@meterseal/core";
import type { CID } from "multiformats/cid";
import type { Vertex } from "./vertex.ts";

/** Parents that a vertex names where nobody asks for more (P4: "usually 2"). */
const USUAL_PARENTS = 2;

/** What the tip rule reads of a vertex. */
export type TipVertex = Pick<Vertex, "author" | "id" | "parents" | "round">;

/** A vertex that may become a parent, with its round. */
export type ParentChoice = { readonly id: CID; readonly round: number };

/** A vertex of another author that no vertex in sight names yet. */
export type Tip = ParentChoice & {
    /** Size of the latest checkpoint when it came; a smaller one goes first. */
    readonly received: number;
};

/** What an author's next vertex is made of. */
export type NextPlace = { readonly parents: readonly CID[]; readonly round: number };

/** What the tip rule chooses from. */
export type TipSight = {
    /** The author's latest vertices, newest first; two are enough. */
    readonly own: readonly ParentChoice[];
    /** Newest vertex of another author among the parents of the own last one; null without one. */
    readonly spare: ParentChoice | null;
    /** At most one for each other author, none of them in the own past; in any order. */
    readonly tips: readonly Tip[];
    readonly genesis: readonly [CID, CID];
};

/**
 * Parents and round of an author's next vertex (ledger note 5.1): its own last vertex, and up to
 * `count` − 1 tips of others, those that came first before later ones, ties by id. Where there is no
 * tip: the newest foreign parent of the own last vertex again, else the own last but one, else
 * genesis. A function of its arguments alone; no tip can make it wrong, a poor choice only merges later.
 *
 * @param count 2 … {@link LIMITS.vertexParents}.
 */
export function chooseParents(sight: TipSight, count: number = USUAL_PARENTS): NextPlace {
    const { genesis, own, spare, tips } = sight;
    const [g0, g1] = genesis.map((id): ParentChoice => ({ id, round: 0 })) as [
        ParentChoice,
        ParentChoice,
    ];
    const ordered = [...tips].sort(
        (a, b) => a.received - b.received || compareBytes(a.id.bytes, b.id.bytes),
    );
    const others: ParentChoice[] = ordered.slice(0, Math.min(count, LIMITS.vertexParents) - 1);
    if (others.length === 0) others.push(spare ?? own[1] ?? g1);
    const parents = [own[0] ?? g0, ...others];
    return {
        parents: parents.map(({ id }) => id),
        round: 1 + Math.max(...parents.map(({ round }) => round)),
    };
}

type OpenVertex = Tip & { readonly author: string; readonly parents: readonly string[] };

/**
 * Follows what one author has in sight, for {@link chooseParents}. It keeps only vertices of others
 * that are not in the author's own past yet: each is dropped once when the author has named it or a
 * descendant of it.
 */
export class Tips {
    readonly #author: string;
    readonly #genesis: readonly [CID, CID];
    #own: readonly ParentChoice[] = [];
    #spare: ParentChoice | null = null;
    /** Vertices of others outside the own past, by id. */
    readonly #open = new Map<string, OpenVertex>();
    /** Of those, what another vertex in sight names. */
    readonly #named = new Set<string>();
    /** Latest vertex of each other author. */
    readonly #heads = new Map<string, { readonly name: string; readonly round: number }>();
    /** By author: round up to which its vertices are in the own past. */
    readonly #past = new Map<string, number>();

    /** @param author id of 16 bytes. */
    constructor(author: Uint8Array, genesis: readonly [CID, CID]) {
        this.#author = toHex(author);
        this.#genesis = genesis;
    }

    /**
     * Takes in a vertex, after its parents; one that is known changes nothing.
     * @param received size of the latest checkpoint when it came.
     */
    add(vertex: TipVertex, received: number): void {
        const author = toHex(vertex.author);
        if (author === this.#author) this.#addOwn(vertex);
        else this.#addForeign(vertex, author, received);
    }

    /** Parents and round of the author's next vertex. */
    next(count: number = USUAL_PARENTS): NextPlace {
        const tips: Tip[] = [];
        for (const { name } of this.#heads.values()) {
            const vertex = this.#open.get(name);
            if (vertex !== undefined && !this.#named.has(name)) tips.push(vertex);
        }
        const sight = { own: this.#own, spare: this.#spare, tips, genesis: this.#genesis };
        return chooseParents(sight, count);
    }

    #addForeign({ id, parents, round }: TipVertex, author: string, received: number): void {
        const name = id.toString();
        if (round <= (this.#past.get(author) ?? 0) || this.#open.has(name)) return;
        const names = parents.map((parent) => parent.toString());
        this.#open.set(name, { id, round, received, author, parents: names });
        for (const parent of names) if (this.#open.has(parent)) this.#named.add(parent);
        if (round > (this.#heads.get(author)?.round ?? 0)) this.#heads.set(author, { name, round });
    }

    #addOwn({ id, parents, round }: TipVertex): void {
        if (round <= (this.#own[0]?.round ?? 0)) return;
        const names = parents.map((parent) => parent.toString());
        const foreign = names
            .map((name) => this.#open.get(name))
            .filter((vertex) => vertex !== undefined)
            .sort((a, b) => b.round - a.round || compareBytes(a.id.bytes, b.id.bytes));
        const spare = this.#spare;
        const again = spare !== null && names.includes(spare.id.toString()) ? spare : null;
        this.#spare = foreign[0] ?? again;
        this.#own = [{ id, round }, ...this.#own.slice(0, 1)];
        this.#cover(names);
    }

    /** Moves vertices and what they descend from into the own past. */
    #cover(names: readonly string[]): void {
        const todo = [...names];
        for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
            const vertex = this.#open.get(name);
            if (vertex === undefined) continue;
            this.#open.delete(name);
            this.#named.delete(name);
            const { author, parents, round } = vertex;
            this.#past.set(author, Math.max(round, this.#past.get(author) ?? 0));
            todo.push(...parents);
        }
    }
}
