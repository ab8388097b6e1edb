import { LIMITS, toHex } from "@meterseal/core";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Inbox } from "../src/branch/inbox.ts";
import { Orphans } from "../src/branch/orphans.ts";
import type { ScreenedVertex } from "../src/branch/screen.ts";
import { type Branch, BranchWorld, verify } from "./branch-world.ts";

let world: BranchWorld;
let like: ScreenedVertex;
let orphans: Orphans;

beforeAll(async () => {
    world = await BranchWorld.open(1);
    const records = [await world.record(0)];
    like = { vertex: await (world.branches[0] as Branch).make(records), records };
});
beforeEach(() => {
    orphans = new Orphans();
});

/** A vertex of an author, by its number; only what the pool reads is right. */
function orphan(author: number, number: number, size = 100): ScreenedVertex {
    const id = { toString: () => `${author}/${number}` } as ScreenedVertex["vertex"]["id"];
    const vertex = { ...like.vertex, author: new Uint8Array(16).fill(author), id, size };
    return { ...like, vertex };
}
const evicted = (): Record<string, number> =>
    Object.fromEntries([...orphans.evicted].map(([author, count]) => [author.slice(0, 2), count]));

describe("the pool of orphans", () => {
    it("lets out what lacks no parent any more, and only that", () => {
        orphans.add(orphan(1, 1), ["a"]);
        orphans.add(orphan(1, 2), ["a", "b"]);
        expect(orphans.release((name) => name === "a")).toHaveLength(1);
        expect(orphans.size).toBe(1);
        expect(orphans.release(() => true)).toHaveLength(1);
        expect(orphans.size).toBe(0);
    });

    it("keeps one author's at its limit, and drops its oldest beyond it", () => {
        for (let i = 0; i < LIMITS.orphanVerticesPerAuthor; i++) orphans.add(orphan(1, i), ["x"]);
        expect(evicted()).toEqual({});
        orphans.add(orphan(1, -1), ["x"]);
        orphans.add(orphan(2, 0), ["x"]);
        expect(orphans.size).toBe(LIMITS.orphanVerticesPerAuthor + 1);
        expect(evicted()).toEqual({ "01": 1 });
    });

    it("keeps all at their limit, and drops of whoever has most beyond it", () => {
        const half = LIMITS.orphanVerticesPerAuthor / 2;
        for (let i = 0; i < half; i++) orphans.add(orphan(1, i, 101), ["x"]);
        for (let author = 2; orphans.size < LIMITS.orphanVertices; author++) {
            orphans.add(orphan(author, 0), ["x"]);
        }
        expect(evicted()).toEqual({});
        orphans.add(orphan(250, 1), ["x"]);
        expect(orphans.size).toBe(LIMITS.orphanVertices);
        expect(evicted()).toEqual({ "01": 1 });
    });

    it("keeps no more bytes than its limit", () => {
        const big = LIMITS.orphanBytes / 4 - like.vertex.message.bytes.length;
        for (let i = 0; i < 4; i++) orphans.add(orphan(i, 0, big), ["x"]);
        expect(orphans.size).toBe(4);
        orphans.add(orphan(9, 0, 1), ["x"]);
        expect(orphans.size).toBe(4);
    });

    it("keeps one only once", () => {
        orphans.add(orphan(1, 1), ["a"]);
        orphans.add(orphan(1, 1), ["a"]);
        expect(orphans.size).toBe(1);
    });
});

describe("a branch that hears of a child before its parent", () => {
    it("keeps it, and takes both when the parent comes", async () => {
        const two = await BranchWorld.open(2);
        const [one, other] = two.branches as [Branch, Branch];
        one.toSequencer.up = false;
        const [a, b] = [await two.record(0), await two.record(0)];
        const [parent, child] = [await one.write([a]), await one.write([b])];
        const sent = [
            { bytes: child.message.bytes, body: b.message.bytes },
            { bytes: parent.message.bytes, body: a.message.bytes },
        ];
        other.toSequencer.up = false;
        expect(await other.engine.offer(sent.slice(0, 1))).toEqual(["waits"]);
        expect(other.engine.status().waiting.orphans).toBe(1);
        expect(await other.engine.offer(sent)).toEqual(["waits", "taken"]);
        expect(other.engine.status().waiting).toMatchObject({ orphans: 0, foreign: 2 });
        expect(await two.door.offer(sent)).toEqual(["waits", "taken"]);
        expect(two.door.orphans.size).toBe(0);
        expect(two.engine.head().size).toBe(6);
        expect(await two.door.offer(sent)).toEqual(["taken", "taken"]);
        expect(two.engine.head().size).toBe(6);
    });

    it("keeps no more vertices of others than its limit, and tells them to wait", async () => {
        const [branch] = world.branches as [Branch];
        const inboxAt = (foreign: number): Inbox =>
            new Inbox({
                state: branch.engine.state,
                pending: {
                    counts: { own: 0, foreign },
                    has: () => true,
                    fit: () => ({ kind: "known" }),
                } as never,
                store: branch.store,
                verify,
                onTaken: () => undefined,
                onVerified: () => undefined,
                onFork: () => undefined,
            });
        const sent = [{ bytes: like.vertex.message.bytes, body: bodyOf(like) }];
        expect(await inboxAt(LIMITS.foreignVertices - 1).offer(sent)).toEqual(["taken"]);
        const full = inboxAt(LIMITS.foreignVertices).offer(sent);
        await expect(full).rejects.toMatchObject({ code: "MS_BUSY" });
    });
});

function bodyOf({ records }: ScreenedVertex): Uint8Array {
    const [record] = records;
    if (record === undefined || toHex(record.subject) === "") throw new Error("no record");
    return record.message.bytes;
}
