import { LIMITS, toHex } from "@meterseal/core";
import type { ScreenedVertex } from "./screen.ts";

/** Vertices that were dropped for want of room, by author (hexadecimal). */
export type Evicted = ReadonlyMap<string, number>;

type Orphan = ScreenedVertex & { readonly author: string; readonly missing: readonly string[] };

/**
 * Vertices whose parents have not come yet. Bounded in number, for each author, and in bytes: what is
 * dropped comes again with the next exchange of heads.
 */
export class Orphans {
    /** By id, oldest first. */
    readonly #kept = new Map<string, Orphan>();
    readonly #evicted = new Map<string, number>();
    #bytes = 0;

    get size(): number {
        return this.#kept.size;
    }

    get evicted(): Evicted {
        return this.#evicted;
    }

    /** Keeps a vertex until the parents that are missing have come. */
    add(orphan: ScreenedVertex, missing: readonly string[]): void {
        const name = orphan.vertex.id.toString();
        if (this.#kept.has(name)) return;
        const author = toHex(orphan.vertex.author);
        if (this.#countOf(author) >= LIMITS.orphanVerticesPerAuthor) this.#evict(author);
        this.#kept.set(name, { ...orphan, author, missing });
        this.#bytes += sizeOf(orphan);
        while (this.#kept.size > LIMITS.orphanVertices || this.#bytes > LIMITS.orphanBytes) {
            this.#evict(this.#greediest());
        }
    }

    /** Takes out the vertices that waited for one only, or no longer lack any. */
    release(has: (name: string) => boolean): ScreenedVertex[] {
        const ready: Orphan[] = [];
        for (const orphan of this.#kept.values()) {
            if (orphan.missing.every(has)) ready.push(orphan);
        }
        for (const { vertex } of ready) this.#drop(vertex.id.toString());
        return ready;
    }

    #drop(name: string): void {
        const orphan = this.#kept.get(name);
        if (orphan === undefined) return;
        this.#kept.delete(name);
        this.#bytes -= sizeOf(orphan);
    }

    /** Drops the oldest one of an author. */
    #evict(author: string): void {
        for (const [name, orphan] of this.#kept) {
            if (orphan.author !== author) continue;
            this.#drop(name);
            this.#evicted.set(author, (this.#evicted.get(author) ?? 0) + 1);
            return;
        }
    }

    #countOf(author: string): number {
        let count = 0;
        for (const orphan of this.#kept.values()) if (orphan.author === author) count++;
        return count;
    }

    /** Author that most bytes are kept of: no other one loses room to it. */
    #greediest(): string {
        const bytes = new Map<string, number>();
        for (const orphan of this.#kept.values()) {
            bytes.set(orphan.author, (bytes.get(orphan.author) ?? 0) + sizeOf(orphan));
        }
        const [most] = [...bytes].sort(([, a], [, b]) => b - a);
        return most?.[0] ?? "";
    }
}

function sizeOf({ vertex }: ScreenedVertex): number {
    return vertex.message.bytes.length + vertex.size;
}
