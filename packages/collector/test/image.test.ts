import { toHex } from "@meterseal/core";
import type { EmbeddedEngine } from "@meterseal/engines/embedded";
import type { ImageStore } from "@meterseal/ledger";
import { TestChain } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { AheadState } from "../src/ahead-state.ts";
import { Bed, records } from "./bed.ts";

/** An image in memory, as it was when it was written. */
class MemoryImage implements ImageStore {
    pieces: Uint8Array[] | null = null;

    read(): Promise<Uint8Array[] | null> {
        return Promise.resolve(this.pieces?.map((piece) => piece.slice()) ?? null);
    }

    write(pieces: readonly Uint8Array[]): Promise<void> {
        this.pieces = pieces.map((piece) => piece.slice());
        return Promise.resolve();
    }
}

let bed: Bed;
let chain: TestChain;
let image: MemoryImage;

beforeEach(async () => {
    image = new MemoryImage();
    bed = await Bed.create({ image });
    const meter = await bed.network.meter();
    await bed.enrol(meter);
    chain = new TestChain(meter);
});

/** Receipts of an answer: level, code, sequence number and leaf. */
const brief = (answers: Awaited<ReturnType<Bed["send"]>>): unknown[] =>
    answers.map(({ code, leafIndex, level, seq }) => [level, code, seq, leafIndex]);

describe("a collector that starts from an image", () => {
    it("tells a meter of what became final before, with its leaf", async () => {
        const sent = await records(chain, 3);
        await bed.send(chain.meter, ...sent);
        const before = await bed.finish();
        await bed.engine.saveImage();
        await bed.restart();
        expect(bed.told).toBe(0);
        const again = await bed.send(chain.meter, sent[1] as (typeof sent)[0]);
        expect(brief(again)).toEqual(brief(before));
        expect(again[0]?.recordHash).toEqual(sent[2]?.message.hash);
        expect(again[0]?.checkpoint).toEqual(bed.engine.head());
    });

    it("goes on in the chain and in its own chain of vertices, behind what came after the image too", async () => {
        const [first, second, third] = await records(chain, 3);
        if (first === undefined || second === undefined || third === undefined) throw new Error();
        await bed.send(chain.meter, first);
        await bed.finish();
        await bed.engine.saveImage();
        await bed.send(chain.meter, second);
        await bed.finish();
        await bed.restart();
        expect(bed.told).toBe(1);
        await bed.send(chain.meter, third);
        await bed.finish();
        expect([bed.fatal, await bed.timesLogged(third)]).toEqual([[], 1]);
        const [author] = [...bed.state.authors.values()];
        expect(author?.round).toBe(3);
    });

    it("knows a second history of what the image covers, and keeps both", async () => {
        const [first] = await records(chain, 1);
        const twin = chain.fork();
        const [second] = await records(chain, 1);
        if (first === undefined || second === undefined) throw new Error();
        await bed.send(chain.meter, first, second);
        await bed.finish();
        await bed.engine.saveImage();
        await bed.restart();
        const other = await twin.usage({ count: 3 });
        expect((await bed.send(chain.meter, other)).map(({ code }) => code)).toEqual([15]);
        await bed.finish();
        expect(await bed.timesLogged(other)).toBe(1);
        expect([...bed.state.chains.values()][0]?.frozenAt).toBe(2);
    });

    it("lets a record in that waited in the ledger for the one before it, and finds where it stands", async () => {
        const [first, second] = await records(chain, 2);
        if (first === undefined || second === undefined) throw new Error();
        const other = await bed.network.collector("other");
        await bed.engine.submit(other.enrolment.message.bytes, []);
        const { vertex } = await other.vertex([second]);
        const leafIndex = await bed.submit(vertex, [second]);
        await bed.engine.saveImage();
        await bed.restart();
        await bed.send(chain.meter, first);
        await bed.finish();
        const answers = await bed.send(chain.meter, second);
        expect(brief(answers)).toEqual([[2, 0, 2, leafIndex]]);
    });
});

describe("a state ahead of the log", () => {
    it("holds what is on its way, and forgets it when the log has it", async () => {
        const engine: EmbeddedEngine = bed.engine;
        const ahead = new AheadState(engine.state);
        const name = `${toHex(chain.meter.subject)}/0`;
        expect([ahead.size, ahead.chains.get(name)]).toEqual([0, engine.state.chains.get(name)]);
        const [first] = await records(chain, 1);
        if (first === undefined) throw new Error();
        await bed.send(chain.meter, first);
        await bed.finish();
        const logged = engine.state.chains.get(name);
        if (logged === undefined) throw new Error("no chain");
        const hash = new Uint8Array(32).fill(9);
        ahead.chains.set(name, { ...logged, headSeq: 2, headHash: hash, appended: [hash] });
        const own = ahead.chains.get(name);
        expect([own?.hashes.length, own?.hashes.at(0), own?.hashes.at(1)]).toEqual([
            2,
            first.message.hash,
            hash,
        ]);
        ahead.settle(chain.meter.subject);
        expect(ahead.has(chain.meter.subject)).toBe(true);
        ahead.chains.set(name, { ...logged });
        ahead.settle(chain.meter.subject);
        expect([ahead.has(chain.meter.subject), ahead.size]).toEqual([false, 0]);
        ahead.chains.set(name, { ...logged, closed: true, closedBy: hash });
        ahead.settle(chain.meter.subject);
        expect(ahead.has(chain.meter.subject)).toBe(true);
        ahead.forgetEpochs(chain.meter.subject, 1);
        expect(ahead.has(chain.meter.subject)).toBe(false);
        ahead.chains.set(name, { ...logged, frozenAt: 1 });
        ahead.settle(chain.meter.subject);
        expect(ahead.has(chain.meter.subject)).toBe(true);
        ahead.forgetEpochs(chain.meter.subject, 0);
        expect(ahead.has(chain.meter.subject)).toBe(false);
    });
});
