import { compareBytes, LIMITS, toHex } from "@meterseal/core";
import { testBytes } from "@meterseal/testkit/keys";
import { type SeededRandom, seededRandom, seedOf } from "@meterseal/testkit/random";
import { describe, expect, it } from "vitest";
import { genesisVertexIds, vertexIdOf } from "../src/vertex/cid.ts";
import { chooseParents, type Tip, Tips, type TipVertex } from "../src/vertex/tips.ts";

const SEED = seedOf(51);
const GENESIS = genesisVertexIds(testBytes("net", 32));
const [G0, G1] = GENESIS;
const idOf = (name: string): TipVertex["id"] => vertexIdOf(testBytes(name, 40));
const at = (name: string, round: number): { id: TipVertex["id"]; round: number } => ({
    id: idOf(name),
    round,
});
const tip = (name: string, round: number, received: number): Tip => ({
    ...at(name, round),
    received,
});
const NOTHING = { own: [], spare: null, tips: [], genesis: GENESIS };
const SELF = testBytes("self", 16);

describe("the tip rule", () => {
    it("fills an author alone up with its own past and the genesis", () => {
        const [a, b] = [at("a", 1), at("b", 2)];
        expect(chooseParents(NOTHING)).toEqual({ parents: [G0, G1], round: 1 });
        expect(chooseParents({ ...NOTHING, own: [a] })).toEqual({ parents: [a.id, G1], round: 2 });
        const both = chooseParents({ ...NOTHING, own: [b, a] });
        expect(both).toEqual({ parents: [b.id, a.id], round: 3 });
    });

    it("takes the tip that came first, and of two that came together the smaller id", () => {
        const own = [at("own", 9)];
        const [x, y] = [tip("x", 3, 7), tip("y", 30, 7)];
        const late = tip("late", 4, 8);
        const first = compareBytes(x.id.bytes, y.id.bytes) < 0 ? x : y;
        const chosen = chooseParents({ ...NOTHING, own, tips: [late, y, x] });
        expect(chosen.parents).toEqual([idOf("own"), first.id]);
        expect(chosen.round).toBe(1 + Math.max(9, first.round));
    });

    it("names the newest foreign parent again before it goes further back alone", () => {
        const sight = { ...NOTHING, own: [at("own", 9), at("before", 8)], spare: at("seen", 2) };
        expect(chooseParents(sight).parents).toEqual([idOf("own"), idOf("seen")]);
    });

    it("takes as many as it is asked for, and never more than a vertex may name", () => {
        const tips = Array.from({ length: 12 }, (_, i) => tip(`tip ${i}`, i, i));
        const sight = { ...NOTHING, own: [at("own", 9)], tips };
        expect(chooseParents(sight, 3).parents).toHaveLength(3);
        expect(chooseParents(sight, 8).parents).toHaveLength(LIMITS.vertexParents);
        expect(chooseParents(sight, 9).parents).toHaveLength(LIMITS.vertexParents);
    });
});

/** A vertex of a branch, as the others come to see it. */
type Made = TipVertex & { readonly name: string };

class Branch {
    readonly author: Uint8Array;
    readonly tips: Tips;
    readonly seen: Made[] = [];

    constructor(name: string) {
        this.author = testBytes(name, 16);
        this.tips = new Tips(this.author, GENESIS);
    }

    see(made: Made): void {
        this.seen.push(made);
        this.tips.add(made, 0);
    }

    write(name: string, count: number): Made {
        const made = { ...this.tips.next(count), author: this.author, id: idOf(name), name };
        this.see(made);
        return made;
    }
}

/** Everything below a vertex, by id. */
function pastOf(vertex: TipVertex, all: ReadonlyMap<string, Made>): Set<string> {
    const past = new Set<string>();
    const todo = vertex.parents.map(String);
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
        if (past.has(name)) continue;
        past.add(name);
        todo.push(...(all.get(name)?.parents ?? []).map(String));
    }
    return past;
}

/** What a branch may name by the words of the rule, found by walking all that it has in sight. */
function tipsByTheBook(branch: Branch, all: ReadonlyMap<string, Made>): Set<string> {
    const isOwn = (made: Made): boolean => toHex(made.author) === toHex(branch.author);
    const own = branch.seen.filter(isOwn).at(-1);
    const past = own === undefined ? new Set<string>() : pastOf(own, all);
    const open = branch.seen.filter((made) => !isOwn(made) && !past.has(made.id.toString()));
    const named = new Set(open.flatMap(({ parents }) => parents.map(String)));
    return new Set(open.map(({ id }) => id.toString()).filter((name) => !named.has(name)));
}

function story(random: SeededRandom): void {
    const branches = ["a", "b", "c", "d"].map((name) => new Branch(name));
    const all = new Map<string, Made>();
    const rounds = new Map(GENESIS.map((id) => [id.toString(), 0]));
    for (let step = 0; step < 40; step++) {
        const branch = random.pick(branches);
        if (random.chance(0.5)) {
            const other = random.pick(branches.filter((each) => each !== branch));
            const unknown = other.seen.filter((made) => !branch.seen.includes(made));
            const upTo = random.below(unknown.length + 1);
            for (const made of unknown.slice(0, upTo)) branch.see(made);
            for (const made of branch.seen) branch.tips.add(made, 5); // again: nothing changes
            continue;
        }
        const before = branch.seen.filter((made) => made.author === branch.author).at(-1);
        const book = tipsByTheBook(branch, all);
        const count = 2 + random.below(3);
        const made = branch.write(`${step}`, count);
        const names = made.parents.map(String);
        expect(new Set(names).size).toBe(names.length);
        expect(names.length).toBeGreaterThanOrEqual(2);
        if (before !== undefined) expect(names).toContain(before.id.toString());
        expect(made.round).toBe(1 + Math.max(...names.map((name) => rounds.get(name) as number)));
        const chosen = names.filter((name) => book.has(name));
        expect(chosen).toHaveLength(Math.min(count - 1, book.size));
        rounds.set(made.id.toString(), made.round);
        all.set(made.id.toString(), made);
    }
}

describe("an author that follows what it sees", () => {
    it(`names its own last vertex and true tips only, at any time (seed ${SEED})`, () => {
        for (let run = 0; run < 300; run++) story(seededRandom(SEED * 1000 + run));
    });

    it("chooses the same whichever order the vertices of others came in", () => {
        const random = seededRandom(SEED);
        for (let run = 0; run < 100; run++) {
            const others = ["b", "c", "d"].map((name) => new Branch(name));
            const made = others.map((branch) => [branch.write(`${run} ${branch.author}`, 2)]);
            for (const [i, branch] of others.entries()) {
                made[i]?.push(branch.write(`${run} again ${branch.author}`, 2));
            }
            const choose = (): string[] => {
                const tips = new Tips(SELF, GENESIS);
                for (const each of random.shuffle(made).flat()) tips.add(each, 3);
                return tips.next(3).parents.map(String);
            };
            expect(choose()).toEqual(choose());
        }
    });
});
