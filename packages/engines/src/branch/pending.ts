import { compareBytes, fromHex, toHex } from "@meterseal/core";
import {
    type AuthorHead,
    type Heads,
    type LedgerState,
    loggedHeads,
    type Vertex,
    vertexIdOfName,
} from "@meterseal/ledger";

/** A vertex that is on disk here and not in the followed log yet. */
export type PendingVertex = {
    readonly name: string;
    readonly id: Vertex["id"];
    readonly author: string;
    readonly round: number;
    readonly parents: readonly string[];
};

/** How a vertex fits what is here. */
export type Fit =
    | { readonly kind: "attaches" }
    | { readonly kind: "known" }
    | { readonly kind: "orphan"; readonly missing: readonly string[] }
    | { readonly kind: "wrong round"; readonly expected: number }
    /** Its author was removed: the log takes nothing more of it. */
    | { readonly kind: "frozen" }
    /** Its author has another vertex in that place: the latest one here. */
    | { readonly kind: "fork"; readonly known: string };

/** The part of the DAG that the log does not hold yet: our own vertices and those of other branches. */
export class PendingDag {
    readonly #state: LedgerState;
    readonly #self: string;
    readonly #vertices = new Map<string, PendingVertex>();
    /** Latest pending vertex of each author. */
    readonly #heads = new Map<string, PendingVertex>();
    /** Authors of two histories: what anybody else has of theirs is of no use here. */
    readonly #forked = new Set<string>();
    #foreign = 0;

    /** @param self our own author id, 16 bytes. */
    constructor(state: LedgerState, self: Uint8Array) {
        this.#state = state;
        this.#self = toHex(self);
    }

    get counts(): { readonly own: number; readonly foreign: number } {
        return { own: this.#vertices.size - this.#foreign, foreign: this.#foreign };
    }

    /** True where a vertex is here, in the log or not. */
    readonly has = (name: string): boolean =>
        this.#vertices.has(name) || this.#state.vertices.has(name);

    /** Whether a vertex may be added, by the rules that the ledger has for its parents. */
    fit(vertex: Vertex): Fit {
        if (this.has(vertex.id.toString())) return { kind: "known" };
        const author = toHex(vertex.author);
        if (author !== this.#self && this.#state.revoked.has(author)) return { kind: "frozen" };
        const parents = vertex.parents.map((parent) => parent.toString());
        const missing = parents.filter((name) => !this.has(name));
        if (missing.length > 0) return { kind: "orphan", missing };
        const expected = 1 + Math.max(...parents.map((name) => this.#roundOf(name)));
        if (vertex.round !== expected) return { kind: "wrong round", expected };
        const last = this.#lastOf(author);
        return last === null || parents.includes(last)
            ? { kind: "attaches" }
            : { kind: "fork", known: last };
    }

    /** Adds a vertex that attaches. */
    add({ author, id, parents, round }: Vertex): void {
        const pending: PendingVertex = {
            name: id.toString(),
            id,
            author: toHex(author),
            round,
            parents: parents.map((parent) => parent.toString()),
        };
        if (this.has(pending.name)) return;
        this.#vertices.set(pending.name, pending);
        this.#heads.set(pending.author, pending);
        if (pending.author !== this.#self) this.#foreign++;
    }

    /**
     * Forgets a vertex that the log has now. Where it is none of ours, and we held others of its author,
     * that one signed two histories: what we held can attach nowhere, and is dropped.
     */
    settle({ author, id }: Vertex): void {
        const name = id.toString();
        const authorHex = toHex(author);
        if (this.#vertices.has(name)) this.#drop(name);
        else if (authorHex !== this.#self && this.#contradictsLog(authorHex)) {
            this.#forked.add(authorHex);
            this.dropAuthor(authorHex);
        }
    }

    /**
     * True where the earliest vertex that we hold of an author, and the log does not, does not follow the
     * author's latest in the log. The log may be some entries ahead of what was settled here.
     */
    #contradictsLog(author: string): boolean {
        const last = this.#state.authors.get(author)?.lastVertex ?? null;
        const first = this.inOrder().find(
            (each) => each.author === author && !this.#state.vertices.has(each.name),
        );
        return first !== undefined && last !== null && !first.parents.includes(last);
    }

    /** Drops what we hold of another author and the log will not take; our own vertices stay. */
    dropAuthor(author: string): void {
        if (author === this.#self) return;
        for (const vertex of [...this.#vertices.values()]) {
            if (vertex.author === author) this.#drop(vertex.name);
        }
    }

    #drop(name: string): void {
        const vertex = this.#vertices.get(name);
        if (vertex === undefined) return;
        this.#vertices.delete(name);
        if (vertex.author !== this.#self) this.#foreign--;
        if (this.#heads.get(vertex.author) === vertex) this.#heads.delete(vertex.author);
    }

    /** Latest vertex of each author here, in the log or not, authors ascending. */
    heads(): AuthorHead[] {
        const heads = new Map(loggedHeads(this.#state).map((head) => [toHex(head.author), head]));
        for (const [author, { id, round }] of this.#heads) {
            heads.set(author, { author: fromHex(author), round, id: id.bytes });
        }
        return [...heads].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, head]) => head);
    }

    /** Notes an author of whom two histories are known. */
    noteFork(author: string): void {
        this.#forked.add(author);
    }

    /** Vertices that somebody with these heads lacks, each after its parents. */
    behind({ authors }: Pick<Heads, "authors">): PendingVertex[] {
        const rounds = new Map(authors.map(({ author, round }) => [toHex(author), round]));
        return this.inOrder().filter(
            ({ author, round }) => round > (rounds.get(author) ?? 0) && !this.#forked.has(author),
        );
    }

    /** True where somebody with these heads has vertices that we lack. */
    lacks({ authors }: Pick<Heads, "authors">): boolean {
        const rounds = new Map(this.heads().map(({ author, round }) => [toHex(author), round]));
        return authors.some(({ author, round }) => {
            const name = toHex(author);
            return round > (rounds.get(name) ?? 0) && !this.#forked.has(name);
        });
    }

    /** True for a vertex that is here and not in the log. */
    readonly isPending = (name: string): boolean => this.#vertices.has(name);

    /** Id of 36 bytes behind a name. */
    idOf(name: string): Uint8Array {
        return this.#vertices.get(name)?.id.bytes ?? vertexIdOfName(name);
    }

    /** All vertices, each after its parents: by round, and by id within one. */
    inOrder(): PendingVertex[] {
        return [...this.#vertices.values()].sort(
            (a, b) => a.round - b.round || compareBytes(a.id.bytes, b.id.bytes),
        );
    }

    #lastOf(author: string): string | null {
        const pending = this.#heads.get(author);
        // What the log took already is settled here a little later: then the log knows better.
        if (pending !== undefined && !this.#state.vertices.has(pending.name)) return pending.name;
        return this.#state.authors.get(author)?.lastVertex ?? null;
    }

    #roundOf(name: string): number {
        return this.#vertices.get(name)?.round ?? this.#state.vertices.get(name) ?? 0;
    }
}
