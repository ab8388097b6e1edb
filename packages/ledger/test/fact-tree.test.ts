import { concatBytes, sha256, toHex, utf8 } from "@meterseal/core";
import { seededRandom, seedOf } from "@meterseal/testkit/random";
import { describe, expect, it } from "vitest";
import { FactTree } from "../src/merkle/fact-tree.ts";
import { nodeHash } from "../src/merkle/hash.ts";

const SEED = seedOf(31);

const position = (name: string): Uint8Array => sha256(utf8(name));
const value = (text: string): Uint8Array => sha256(utf8(`value ${text}`));

/** The definition of ADR 0031, word for word, over all facts at once. */
function defined(facts: readonly (readonly [Uint8Array, Uint8Array])[], depth = 0): Uint8Array {
    const [first] = facts;
    if (first === undefined) return new Uint8Array(32);
    if (facts.length === 1) return sha256(concatBytes(Uint8Array.of(0), ...first));
    const side = (bit: number) =>
        facts.filter(([at]) => (((at[depth >> 3] ?? 0) >> (7 - (depth % 8))) & 1) === bit);
    return nodeHash(defined(side(0), depth + 1), defined(side(1), depth + 1));
}

function treeOf(names: readonly string[]): FactTree {
    const tree = new FactTree();
    for (const name of names) tree.set(position(name), value(name));
    return tree;
}

describe("a tree over facts", () => {
    it("has zeros for its root without a fact, and the leaf for the root with one", () => {
        expect(treeOf([]).root()).toEqual(new Uint8Array(32));
        expect(toHex(treeOf(["a"]).root())).toBe(toHex(defined([[position("a"), value("a")]])));
    });

    it("counts a subtree with one fact as its leaf, however deep its brother goes", () => {
        const deep = [0, 1].map((bit) =>
            Uint8Array.from({ length: 32 }, (_, i) => (i === 31 ? bit : 0)),
        );
        const facts = deep.map((at, i) => [at, value(`${i}`)] as const);
        const tree = new FactTree();
        for (const [at, hash] of facts) tree.set(at, hash);
        expect(toHex(tree.root())).toBe(toHex(defined(facts)));
        tree.delete(deep[0] as Uint8Array);
        expect(toHex(tree.root())).toBe(toHex(defined(facts.slice(1))));
    });

    it(`is what its definition says after any sequence of changes (seed ${SEED})`, () => {
        const random = seededRandom(SEED);
        for (let run = 0; run < 60; run++) {
            const tree = new FactTree();
            const facts = new Map<string, string>();
            for (let step = 0; step < 120; step++) {
                const name = `fact ${random.below(1 + run * 3)}`;
                if (random.chance(0.3)) {
                    facts.delete(name);
                    tree.delete(position(name));
                } else {
                    facts.set(name, `${step}`);
                    tree.set(position(name), value(`${step}`));
                }
                if (!random.chance(0.2)) continue;
                const all = [...facts].map(
                    ([each, text]) => [position(each), value(text)] as const,
                );
                expect(toHex(tree.root()), `run ${run}, step ${step}`).toBe(toHex(defined(all)));
                expect(tree.size).toBe(facts.size);
            }
        }
    });

    it("has the same root for the same facts in any order, after detours too", () => {
        const names = Array.from({ length: 2_000 }, (_, i) => `fact ${i}`);
        const tree = treeOf(names);
        const other = treeOf([...names].reverse());
        for (let i = 0; i < 500; i++) other.set(position(`more ${i}`), value("more"));
        other.root();
        for (let i = 0; i < 500; i++) other.delete(position(`more ${i}`));
        expect(toHex(other.root())).toBe(toHex(tree.root()));
        expect(other.size).toBe(tree.size);
    });

    it("changes with every name and every value", () => {
        const roots = [
            treeOf(["a", "b"]),
            treeOf(["a", "c"]),
            treeOf(["a"]),
            treeOf(["a", "b", "c"]),
        ].map((tree) => toHex(tree.root()));
        const changed = treeOf(["a", "b"]);
        changed.set(position("b"), value("c"));
        expect(new Set([...roots, toHex(changed.root())]).size).toBe(5);
    });

    it("keeps what it handed out, and takes its own copies", () => {
        const tree = treeOf(["a"]);
        const root = tree.root();
        const before = toHex(root);
        const at = position("b");
        tree.set(at, value("b"));
        at.fill(0);
        expect(toHex(root)).toBe(before);
        expect(toHex(tree.root())).toBe(toHex(treeOf(["a", "b"]).root()));
    });
});
