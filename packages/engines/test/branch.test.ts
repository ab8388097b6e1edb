import { error, LIMITS, toHex } from "@meterseal/core";
import { chainKey, createVertex, signCheckpoint, summarizeBody } from "@meterseal/ledger";
import { createRevocation } from "@meterseal/record";
import { beforeEach, describe, expect, it } from "vitest";
import { type Branch, BranchWorld } from "./branch-world.ts";

let world: BranchWorld;
let one: Branch;
let other: Branch;

beforeEach(async () => {
    world = await BranchWorld.open(2);
    [one, other] = world.branches as [Branch, Branch];
});

function cut(...branches: Branch[]): void {
    for (const branch of branches) branch.toSequencer.up = false;
}

function heal(...branches: Branch[]): void {
    for (const branch of branches) branch.toSequencer.up = true;
}

/** All have the same log and the same state, and nothing waits. */
function expectMerged(): void {
    for (const branch of world.branches) {
        expect(toHex(branch.engine.head().root)).toBe(toHex(world.engine.head().root));
        expect(branch.root).toBe(world.root);
        expect(branch.engine.status().waiting).toMatchObject({ own: 0, foreign: 0, orphans: 0 });
        expect(branch.fatal).toEqual([]);
        expect(branch.evidence).toEqual([]);
    }
}

describe("a branch", () => {
    it("follows the log of the sequencer, entry by entry", () => {
        expectMerged();
        expect(one.engine.head().size).toBe(4);
        expect(one.engine.status().sequencer.state).toBe("connected");
    });

    it("brings its vertices into the log, and calls final what the checked log holds", async () => {
        const vertex = await one.write([await world.record(0)]);
        expect(one.final).toEqual([]);
        await world.settle();
        expect(one.final).toEqual([vertex.id.toString()]);
        expect(other.final).toEqual(one.final);
        expectMerged();
    });

    it("goes on writing while it is cut off, and is merged when the path is back", async () => {
        cut(one, other);
        const written: string[] = [];
        for (let i = 0; i < 5; i++) {
            for (const [k, branch] of [one, other].entries()) {
                written.push((await branch.write([await world.record(k)])).id.toString());
            }
            await world.settle();
        }
        expect([one.final, other.final]).toEqual([[], []]);
        expect(one.engine.status()).toMatchObject({
            sequencer: { state: "cut off" },
            waiting: { own: 5, foreign: 0 },
        });
        heal(one);
        await world.settle();
        expect(one.final).toHaveLength(5);
        heal(other);
        await world.settle();
        expect(new Set(one.final)).toEqual(new Set(written));
        expectMerged();
    });

    it("brings them home while it still catches up with the log", async () => {
        cut(one);
        for (let i = 0; i < 6; i++) {
            await other.write([await world.record(1)]);
            await world.settle();
        }
        await one.write([await world.record(0)]);
        const offer = one.toSequencer.offer.bind(one.toSequencer);
        let offeredAt = -1;
        one.toSequencer.offer = (vertices) => {
            if (offeredAt < 0) offeredAt = one.engine.head().size;
            return offer(vertices);
        };
        one.toSequencer.tamper = (page) => ({ ...page, entries: page.entries.slice(0, 1) });
        const before = world.engine.log.size;
        heal(one);
        await world.settle();
        expect(offeredAt).toBeLessThan(before);
        expect(one.final).toHaveLength(7);
        expectMerged();
    });

    it("names what the other branch wrote as soon as the log has it", async () => {
        const first = await one.write([await world.record(0)]);
        await world.settle();
        const next = await other.make([await world.record(1)]);
        expect(next.parents.map(String)).toContain(first.id.toString());
    });

    it("offers a vertex once, however long the log takes", async () => {
        await one.write([await world.record(0)]);
        await world.settle();
        expect(one.toSequencer.sent).toBe(1);
    });

    it("has settled what it follows when that is on disk, and not where the write failed", async () => {
        const disk = Promise.withResolvers<void>();
        one.store.followLog = async () => {
            await disk.promise;
            throw new Error("power cut");
        };
        const meter = await world.network.meter("late");
        await world.engine.submit(meter.enrolment.message.bytes, []);
        await world.settle();
        expect(one.engine.state.subjects.has(toHex(meter.subject))).toBe(true);
        let isSettled = false;
        const settled = one.engine.settled().finally(() => {
            isSettled = true;
        });
        await new Promise(setImmediate);
        expect(isSettled).toBe(false);
        disk.resolve();
        await expect(settled).rejects.toMatchObject({ code: "MS_INTERNAL" });
        await other.engine.settled();
        expect(other.engine.state.subjects.has(toHex(meter.subject))).toBe(true);
    });

    it("forwards a message of a party, and hears of it in the log", async () => {
        const meter = await world.network.meter("late");
        const finality = await world.time.run(one.engine.submit(meter.enrolment.message.bytes));
        expect(finality.leafIndex).toBe(4);
        const again = one.engine.submit(meter.enrolment.message.bytes);
        await expect(world.time.run(again)).rejects.toMatchObject({ code: "MS_ENROLMENT" });
        cut(one);
        const late = one.engine.submit(meter.enrolment.message.bytes);
        await expect(world.time.run(late)).rejects.toMatchObject({ code: "MS_LINK" });
    });
});

describe("a branch that crashes", () => {
    for (const when of ["beforeCommit", "afterCommit"] as const) {
        it(`${when} of any write goes on where it was`, async () => {
            const points = ["followLog", "takeVertices"];
            for (const point of points) {
                await other.engine.close();
                await other.open({
                    [when]: (at: string) => {
                        if (at === point) throw new Error("power cut");
                    },
                });
                await one.write([await world.record(0)]);
                await world.settle();
                await other.engine.close();
                await other.open();
                await world.settle();
                other.fatal.length = 0;
                expectMerged();
            }
        });
    }

    it("keeps what it had written and not sent", async () => {
        cut(one);
        const written = [await one.write([await world.record(0)])];
        written.push(await one.write([await world.record(0)]));
        await one.engine.close();
        await one.open();
        expect(one.engine.status().waiting.own).toBe(2);
        written.push(await one.write([await world.record(0)]));
        heal(one);
        await world.settle();
        expect(one.final).toEqual(written.map(({ id }) => id.toString()));
        expectMerged();
    });
});

describe("branches that reach one another and not the sequencer", () => {
    beforeEach(() => world.connectPeers());

    it("merge what they wrote, and one of them brings all of it home", async () => {
        cut(one, other);
        await one.write([await world.record(0)]);
        await other.write([await world.record(1)]);
        await world.settle();
        expect(one.engine.status().waiting).toMatchObject({ own: 1, foreign: 1 });
        expect(one.engine.status().heads).toEqual(other.engine.status().heads);
        heal(one);
        await world.settle();
        // The other one is still cut off: it follows the log by its peer, and trusts it for nothing.
        expect(other.final).toEqual(one.final);
        expect(one.final).toHaveLength(2);
        expectMerged();
    });

    it("have the heads of both after a restart, too", async () => {
        cut(one, other);
        await one.write([await world.record(0)]);
        await other.write([await world.record(1)]);
        await world.settle();
        const heads = one.engine.status().heads;
        expect(heads).toHaveLength(2);
        await one.engine.close();
        await one.open();
        expect(one.engine.status().heads).toEqual(heads);
        const next = await one.write([await world.record(0)]);
        expect(next.parents).toHaveLength(2);
        heal(one, other);
        await world.settle();
        expectMerged();
    });

    it("name nothing of one another before the log has it, for it may never", async () => {
        cut(one, other);
        await one.write([await world.record(0)]);
        await world.settle();
        expect(other.engine.status().waiting.foreign).toBe(1);
        const made = await other.write([await world.record(1)]);
        // The one is removed before its vertex got home: the other's goes there all the same.
        const bytes = await createRevocation(world.network.operator, {
            network: world.network.networkId,
            id: one.collector.enrolment.id,
            timeUnix: Math.floor(world.time.nowMs() / 1000),
        });
        await world.engine.submit(bytes, []);
        heal(other);
        await world.settle();
        expect(other.final).toEqual([made.id.toString()]);
        expect(other.engine.status().waiting).toMatchObject({ own: 0, foreign: 0 });
        await other.engine.close();
        await other.open();
        expect(other.engine.status().waiting).toMatchObject({ own: 0, foreign: 0 });
    });

    it("keep both vertices of an author that signed two for one place", async () => {
        cut(one, other);
        const [a, b] = [await world.record(0), await world.record(0)];
        const rival = await one.make([a]);
        await one.write([b]);
        await world.settle();
        const body = a.message.bytes;
        const answers = await other.engine.offer([{ bytes: rival.message.bytes, body }]);
        expect(answers).toEqual(["MS_VERTEX_FORK"]);
        const author = toHex(one.collector.enrolment.id);
        expect(other.evidence).toMatchObject([{ kind: "vertex fork", author }]);
        expect(other.engine.status().evidence).toBe(1);
    });
});

describe("a page of the log", () => {
    it("that was changed on its way is not taken, and the right one is", async () => {
        one.toSequencer.tamper = (page) => ({
            ...page,
            entries: page.entries.map((entry) => ({ ...entry, timeMs: entry.timeMs + 1 })),
        });
        await other.write([await world.record(1)]);
        await world.settle();
        expect(one.engine.head().size).toBe(4);
        expect(one.engine.status().sequencer.reason).toContain("MS_CHECKPOINT");
        one.toSequencer.tamper = (page) => page;
        await world.settle();
        expectMerged();
    });

    it("whose vertex came with other records is not taken", async () => {
        const foreign = (await world.record(0)).message.bytes;
        one.toSequencer.tamper = (page) => ({
            ...page,
            entries: page.entries.map((entry) => ({ ...entry, body: foreign })),
        });
        await other.write([await world.record(1)]);
        await world.settle();
        expect(one.engine.status().sequencer.reason).toContain("MS_VERTEX_BODY");
        expect(one.evidence).toEqual([]);
    });

    it("of another history, signed by the log, is kept as evidence, and ends the following", async () => {
        const { logSigner } = world.network;
        const { size } = one.engine.head();
        const note = await signCheckpoint(logSigner, one.engine.origin, size, new Uint8Array(32));
        one.toSequencer.tamper = (page) => ({
            ...page,
            entries: page.entries.map((entry) => ({ ...entry, checkpoint: note })),
        });
        await other.write([await world.record(1)]);
        await world.settle();
        expect(one.evidence).toMatchObject([{ kind: "split view", theirs: note }]);
        expect(one.engine.status().sequencer.state).toBe("stopped");
        expect(one.engine.head().size).toBe(size);
        await one.write([await world.record(0)]); // its meters still get their receipts
        expect(one.fatal).toEqual([]);
    });

    it("with an entry that the rules refuse is kept as evidence", async () => {
        const stranger = await world.network.meter("stranger", {
            payload: { network: new Uint8Array(32) },
        });
        const item = stranger.enrolment.message.bytes;
        const { entryLeafHash, TreeGrowth } = await import("@meterseal/ledger");
        const entry = { timeMs: world.time.nowMs(), item };
        const size = one.engine.head().size + 1;
        const root = new TreeGrowth(one.engine.log).append(entryLeafHash(entry));
        const note = await signCheckpoint(world.network.logSigner, one.engine.origin, size, root);
        one.toSequencer.tamper = () => ({
            size,
            entries: [{ ...entry, body: new Uint8Array(), checkpoint: note }],
        });
        await world.settle();
        expect(one.evidence).toMatchObject([{ kind: "refused entry", code: "MS_ENROLMENT" }]);
        expect(one.engine.head().size).toBe(size - 1);
    });

    it("that promises more and holds nothing is not asked for again at once", async () => {
        let asked = 0;
        one.toSequencer.tamper = ({ size }) => {
            asked++;
            return { size: size + 5, entries: [] };
        };
        await world.time.advance(10_000);
        expect(asked).toBeGreaterThan(2);
        expect(asked).toBeLessThan(20);
        expect(one.engine.status().sequencer).toMatchObject({ state: "connected", logSize: 9 });
    });

    it("of a sequencer that lost its end is not taken for the whole log", async () => {
        one.toSequencer.tamper = (page) => ({ size: 2, entries: page.entries.slice(0, 0) });
        await world.settle();
        expect(one.engine.head().size).toBe(4);
        expect(one.engine.status().sequencer.logSize).toBe(2);
    });
});

describe("the door of the sequencer", () => {
    const offer = async (branch: Branch, changes: object, signer = branch.collector.signer) => {
        const record = await world.record(0);
        const bytes = await createVertex(signer, {
            net: world.network.networkId,
            author: branch.collector.enrolment.id,
            keyEpoch: 0,
            ...branch.tips.next(),
            seen: branch.engine.head(),
            ...summarizeBody([record]),
            ...changes,
        });
        return await world.door.offer([{ bytes, body: record.message.bytes }]);
    };

    it("refuses what no member wrote, or not so, each with its code", async () => {
        const answers = [
            await offer(one, {}, other.collector.signer),
            await offer(one, { author: new Uint8Array(16).fill(7) }),
            await offer(one, { net: new Uint8Array(32) }),
            await offer(one, { round: 9 }),
            await offer(one, { bodyHash: new Uint8Array(32) }),
            await world.door.offer([{ bytes: new Uint8Array([1]), body: new Uint8Array([1]) }]),
        ];
        expect(answers.flat()).toEqual([
            "MS_SIGNATURE_BAD",
            "MS_VERTEX_AUTHOR",
            "MS_GENESIS",
            "MS_VERTEX_PARENTS",
            "MS_VERTEX_BODY",
            "MS_MALFORMED",
        ]);
        expect([...world.door.refused.values()]).toEqual([1, 1, 1, 1, 1, 1]);
        expect(world.engine.head().size).toBe(4);
    });

    it("takes a record from the future when its time has come, and not before", async () => {
        const { chains, network, time } = world;
        const ahead = Math.floor(time.nowMs() / 1000) + LIMITS.clockAheadSeconds + 60;
        const record = await (chains[0] as (typeof chains)[number]).warning(1, { timeUnix: ahead });
        await one.write([record]);
        await world.settle();
        expect(one.final).toEqual([]);
        expect(one.engine.status().waiting.refused).toEqual({ MS_CLOCK: 1 });
        await time.advance(60_000);
        await world.settle();
        expect(one.final).toHaveLength(1);
        expect(network.networkId).toHaveLength(32);
        expectMerged();
    });

    it("takes a record that would wait for long, for its branch carries it again", async () => {
        const { chains, time } = world;
        const limitUnix = LIMITS.clockAheadSeconds + LIMITS.clockWaitSeconds;
        const ahead = Math.floor(time.nowMs() / 1000) + limitUnix + 60;
        const record = await (chains[0] as (typeof chains)[number]).warning(1, { timeUnix: ahead });
        await one.write([record]);
        await one.write([await world.record(1)]);
        await world.settle();
        expect(one.final).toHaveLength(2);
        expect(one.engine.status().waiting.refused).toEqual({});
        const head = one.engine.state.chains.get(chainKey(record.subject, 0))?.headSeq ?? 0;
        expect(head).toBe(0);
        expectMerged();
    });

    it("takes nothing more from a branch that was removed, which keeps what it has", async () => {
        const bytes = await createRevocation(world.network.operator, {
            network: world.network.networkId,
            id: one.collector.enrolment.id,
            timeUnix: Math.floor(world.time.nowMs() / 1000),
        });
        await world.engine.submit(bytes, []);
        await one.write([await world.record(0)]);
        await world.settle();
        expect(one.engine.status().waiting).toMatchObject({ own: 1, refused: { MS_FROZEN: 1 } });
        expect(one.fatal).toEqual([]);
    });

    it("says so where it has no room, and is asked again later", async () => {
        const { offer: real } = world.door;
        world.door.offer = () => Promise.reject(error("MS_BUSY"));
        await one.write([await world.record(0)]);
        await world.settle();
        expect(one.engine.status().sequencer).toMatchObject({ state: "cut off" });
        world.door.offer = real;
        await world.settle();
        expect(one.final).toHaveLength(1);
    });
});
