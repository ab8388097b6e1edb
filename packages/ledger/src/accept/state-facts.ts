import { sha256, utf8 } from "@meterseal/core";
import { encodeCbor } from "@meterseal/record";
import { FactTree } from "../merkle/fact-tree.ts";
import type { StreamProgress } from "../packed/stream-table.ts";
import type { Chain, LedgerState } from "./state.ts";

/**
 * Kinds of facts: for each the names that a state has, and what the fact of a name says, null where
 * there is none. Left out is what depends on the order of delivery: times and places in the log.
 */
const FACTS = {
    chain: {
        names: (state) => state.chains.keys(),
        fact: (state, name) => {
            const chain = state.chains.get(name);
            return chain === undefined || isBlank(chain) ? null : chainFact(chain);
        },
    },
    stream: {
        names: (state) => state.streams.keys(),
        fact: (state, name) => mapped(state.streams.progress(name), streamFact),
    },
    key: {
        names: (state) => state.keys.keys(),
        fact: (state, name) => mapped(state.keys.hashOf(name), (hash) => [2, hash]),
    },
    author: {
        names: (state) => state.authors.keys(),
        fact: (state, name) =>
            mapped(state.authors.get(name), ({ lastVertex, round }) => [3, lastVertex, round]),
    },
    party: {
        names: (state) => state.partyKeys.keys(),
        fact: (state, name) =>
            mapped(state.partyKeys.get(name), ({ message }) => [4, message.hash]),
    },
    notice: {
        names: (state) => state.notices.keys(),
        fact: (state, name) => mapped(state.notices.get(name), ({ hash }) => [5, hash]),
    },
    tariff: {
        names: (state) => state.tariffs.keys(),
        fact: (state, name) => mapped(state.tariffs.get(name), () => [6]),
    },
    revoked: {
        names: (state) => state.revoked.keys(),
        fact: (state, name) => (state.revoked.has(name) ? [7] : null),
    },
} as const satisfies Record<string, FactRule>;

/** A kind of facts, as its names begin. */
export type FactKind = keyof typeof FACTS;

type FactRule = {
    readonly names: (state: LedgerState) => Iterable<string>;
    readonly fact: (state: LedgerState, name: string) => readonly unknown[] | null;
};

const KINDS = Object.entries(FACTS) as [FactKind, FactRule][];

/**
 * The facts of a state as a tree, kept up with the state: whoever changes the state says which facts
 * it touched, and the next root hashes those alone. Nothing is kept before the first root.
 */
export class StateFacts {
    #tree: FactTree | null = null;
    /** Touched since the last root: names in the state's maps, by kind. */
    readonly #touched = new Map<FactKind, Set<string>>(KINDS.map(([kind]) => [kind, new Set()]));

    /** Says that a fact may have changed, come or gone. */
    touch(kind: FactKind, name: string): void {
        if (this.#tree !== null) this.#touched.get(kind)?.add(name);
    }

    /** The tree as of the last root, for an image; null before the first root. */
    image(state: LedgerState): Uint8Array[][] | null {
        if (this.#tree === null) return null;
        this.root(state);
        return this.#tree.image();
    }

    /** Goes on with the tree of an image. */
    restore(lists: readonly (readonly Uint8Array[])[]): void {
        this.#tree = FactTree.ofImage(lists);
    }

    /** Root over the facts of the state that this belongs to, 32 bytes. */
    root(state: LedgerState): Uint8Array {
        const isFirst = this.#tree === null;
        const tree = this.#tree ?? new FactTree();
        this.#tree = tree;
        for (const [kind, { fact, names }] of KINDS) {
            const touched = this.#touched.get(kind);
            for (const name of isFirst ? names(state) : (touched ?? [])) {
                const position = sha256(utf8(`${kind}/${name}`));
                const value = fact(state, name);
                if (value === null) tree.delete(position);
                else tree.set(position, sha256(encodeCbor(value)));
            }
            touched?.clear();
        }
        return tree.root();
    }
}

/** True for a chain that nothing has happened to: it counts as not begun. */
function isBlank(chain: Chain): boolean {
    const moved = chain.headSeq > 0 || chain.pending.size > 0;
    return !moved && chain.frozenAt === null && !chain.closed;
}

function mapped<T, R>(value: T | undefined, to: (value: T) => R): R | null {
    return value === undefined ? null : to(value);
}

function chainFact(chain: Chain): unknown[] {
    const pending = [...chain.pending]
        .sort(([a], [b]) => a - b)
        .map(([seq, record]) => [seq, record.hash]);
    return [0, chain.headSeq, chain.headHash, chain.frozenAt, chain.closedBy, pending];
}

function streamFact(stream: StreamProgress): unknown[] {
    if (stream.frozen) return [1, "frozen"];
    const { closed, lastEvent, openedUnix } = stream;
    const events = lastEvent < 0 ? [] : [lastEvent, openedUnix, closed];
    return [1, stream.lastSlot, stream.lastIndex, stream.registers, ...events];
}
