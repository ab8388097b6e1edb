import { bytesEqual, toHex, unwrap, utf8 } from "@meterseal/core";
import type { MeterRecord } from "@meterseal/record";
import { TestChain, type TestMeter, TestNetwork, usageBody } from "@meterseal/testkit/records";
import { CID } from "multiformats/cid";
import { beforeAll, describe, expect, it } from "vitest";
import { signCheckpoint } from "../src/checkpoint/checkpoint.ts";
import { checkContradiction, type ProvenContradiction } from "../src/contradiction/check.ts";
import {
    type Contradiction,
    CULPRIT,
    decodeContradiction,
    encodeContradiction,
} from "../src/contradiction/contradiction.ts";
import { findFork, findOther } from "../src/contradiction/find.ts";
import { originOf } from "../src/genesis.ts";
import type { Vertex } from "../src/vertex/vertex.ts";

const network = new TestNetwork();
const foreign = new TestNetwork("foreign");
let meter: TestMeter;

beforeAll(async () => {
    meter = await network.meter();
});

/** Code of a refusal, or what is proven; through the bytes of the file. */
function verdict(
    contradiction: Contradiction,
    networkId = network.networkId,
): string | ProvenContradiction {
    const read = decodeContradiction(encodeContradiction(contradiction));
    if (!read.ok) return read.error.code;
    const checked = checkContradiction(read.value, networkId);
    return checked.ok ? checked.value : checked.error.code;
}

const ofMeter = (a: MeterRecord, b: MeterRecord, of: TestMeter = meter): Contradiction => ({
    culprit: CULPRIT.meter,
    genesis: network.genesis,
    enrolment: of.enrolment.message.bytes,
    statements: [a.message.bytes, b.message.bytes],
    context: [],
});

const flip = (bytes: Uint8Array, at = bytes.length - 1): Uint8Array => {
    const copy = bytes.slice();
    copy[at] = (copy[at] as number) ^ 1;
    return copy;
};

describe("a meter that signed two histories", () => {
    it("is proven by two records of one place, without any other state", async () => {
        const chain = new TestChain(meter);
        await chain.usage();
        const other = chain.fork();
        const [a, b] = [await chain.usage(), await other.warning()];
        expect(verdict(ofMeter(a, b))).toEqual({
            culprit: "meter",
            id: toHex(meter.subject),
            epoch: 0,
            where: "place 2 of chain epoch 0",
        });
        expect(findOther(b, [a])).toBe(a);
    });

    it("is proven by two records that follow one, and by one behind the end of its epoch", async () => {
        const chain = new TestChain(meter);
        const first = await chain.usage();
        const second = await chain.usage();
        const skipped = await chain.fork().warning(1, { seq: 7, prev: second.prev });
        expect(verdict(ofMeter(second, skipped))).toMatchObject({ culprit: "meter" });
        const late = chain.fork();
        const [opening, behind] = [await chain.epoch(), await late.warning()];
        expect(behind.seq).toBe(3);
        expect(verdict(ofMeter(behind, opening))).toMatchObject({
            where: "place 3 of chain epoch 0",
        });
        expect(verdict(ofMeter(second, opening))).toBe("MS_CONTRADICTION");
        expect(verdict(ofMeter(first, opening))).toBe("MS_CONTRADICTION");
    });

    it("is not, by the same record twice, signed anew or not", async () => {
        const chain = new TestChain(meter);
        const again = chain.fork();
        const [a, b] = [await chain.usage(), await again.usage()];
        expect(bytesEqual(a.message.bytes, b.message.bytes)).toBe(false);
        expect(verdict(ofMeter(a, a))).toBe("MS_CONTRADICTION");
        expect(verdict(ofMeter(a, b))).toBe("MS_CONTRADICTION");
        expect(findOther(a, [a, b])).toBeNull();
    });

    it("is not, by records that follow one another or begin epochs", async () => {
        const chain = new TestChain(meter);
        const records = [await chain.usage(), await chain.usage(), await chain.epoch()];
        records.push(await chain.usage(), await chain.epoch());
        for (const a of records)
            for (const b of records) {
                expect(verdict(ofMeter(a, b))).toBe("MS_CONTRADICTION");
            }
    });

    it("is not, by another's key, a forged signature, another network or operator", async () => {
        const chain = new TestChain(meter);
        const other = chain.fork();
        const [a, b] = [await chain.usage(), await other.warning()];
        const good = ofMeter(a, b);
        const stranger = await network.meter("stranger");
        const theirs = await new TestChain(stranger).usage();
        expect(verdict(ofMeter(a, theirs))).toBe("MS_ENROLMENT");
        expect(verdict(ofMeter(a, b, stranger))).toBe("MS_ENROLMENT");
        const forged = await chain.fork().usage({}, { signer: stranger.signer, seq: 1 });
        expect(verdict(ofMeter(a, forged))).toBe("MS_KEY_UNKNOWN");
        const [one, two] = good.statements;
        expect(verdict({ ...good, statements: [one, flip(two)] })).toBe("MS_SIGNATURE_BAD");
        expect(verdict(good, foreign.networkId)).toBe("MS_NETWORK");
        expect(verdict({ ...good, genesis: foreign.genesis })).toBe("MS_NETWORK");
        expect(verdict({ ...good, enrolment: null })).toBe("MS_ENROLMENT");
        const self = await network.enrol(
            { ...meter.enrolment, network: network.networkId },
            stranger.signer,
        );
        expect(verdict({ ...good, enrolment: self.message.bytes })).toBe("MS_SIGNATURE_BAD");
        const elsewhere = await foreign.meter();
        expect(verdict(ofMeter(a, b, elsewhere))).toBe("MS_NETWORK");
    });
});

describe("a collector that signed a fork", () => {
    const vertices = new Map<string, Vertex>();
    const keep = (vertex: Vertex): Vertex => {
        vertices.set(vertex.id.toString(), vertex);
        return vertex;
    };
    const lookUp = (id: Uint8Array): Promise<Uint8Array | null> =>
        Promise.resolve(vertices.get(CID.decode(id).toString())?.message.bytes ?? null);
    const chain = async (): Promise<MeterRecord[]> => [await new TestChain(meter).usage()];

    async function found(refused: Vertex, last: Vertex, by: Uint8Array): Promise<Contradiction> {
        const fork = await findFork(refused, last.id.toString(), lookUp);
        if (fork === null) throw new Error("no fork");
        const [a, b] = fork.vertices;
        return {
            culprit: CULPRIT.collector,
            genesis: network.genesis,
            enrolment: by,
            statements: [a.message.bytes, b.message.bytes],
            context: fork.headers,
        };
    }

    it("is proven in one round, before and behind its last vertex", async () => {
        const author = await network.collector("forking");
        const other = await network.collector("other");
        const enrolment = author.enrolment.message.bytes;
        const records = await chain();
        const v1 = keep((await author.vertex(records)).vertex);
        const side = author.header(records); // a second vertex behind v1
        const v2 = keep((await author.vertex(records)).vertex);
        const sameRound = await author.sign({ ...side, t1: side.t1 + 1 });
        const proof = await found(sameRound, v2, enrolment);
        expect(proof.context).toEqual([]);
        expect(verdict(proof)).toMatchObject({ culprit: "collector", epoch: 0 });
        // Another author's tips put the fork into rounds that the author's chain skips.
        let tip = keep((await other.vertex(records)).vertex);
        for (let i = 0; i < 5; i++) tip = keep((await other.vertex(records, [v2.id])).vertex);
        const v3 = keep((await author.vertex(records, [tip.id])).vertex);
        expect(v3.round).toBeGreaterThan(v2.round + 2);
        const between = await author.sign({
            ...author.header(records, []),
            round: v2.round + 1,
            parents: [...v2.parents],
        });
        const early = await found(between, v3, enrolment);
        expect(early.context).toHaveLength(v3.parents.length);
        expect(verdict(early)).toMatchObject({ culprit: "collector" });
        const later = await author.sign({
            ...author.header(records),
            round: v3.round + 4,
            parents: [v1.id, tip.id],
        });
        const late = await found(later, v3, enrolment);
        expect(verdict(late)).toMatchObject({ culprit: "collector" });
        for (const context of [[], late.context.slice(1), [...late.context, v3.message.payload]]) {
            expect(verdict({ ...late, context })).toBe("MS_CONTRADICTION");
        }
    });

    it("is not, by vertices of its one chain, in any pair", async () => {
        const author = await network.collector("honest");
        const other = await network.collector("beside");
        const records = await chain();
        const own: Vertex[] = [];
        for (let i = 0; i < 5; i++) {
            const tip = keep((await other.vertex(records)).vertex);
            own.push(keep((await author.vertex(records, i % 2 === 0 ? [tip.id] : [])).vertex));
        }
        const roots = network.rounds;
        for (const a of own) {
            for (const b of own) {
                const later = a.round > b.round ? a : b;
                const context = later.parents
                    .filter((id) => (roots.get(id.toString()) ?? 0) > 0)
                    .map((id) => (vertices.get(id.toString()) as Vertex).message.payload);
                const statements = [a.message.bytes, b.message.bytes] as const;
                const enrolment = author.enrolment.message.bytes;
                const claim = { culprit: CULPRIT.collector, genesis: network.genesis, enrolment };
                expect(verdict({ ...claim, statements, context })).toBe("MS_CONTRADICTION");
            }
            const last = own.at(-1) as Vertex;
            expect(await findFork(a, last.id.toString(), lookUp)).toBeNull();
        }
    });

    it("is not, by another author's vertex or a forged one", async () => {
        const author = await network.collector("forger");
        const stranger = await network.collector("stranger");
        const records = await chain();
        const header = author.header(records);
        const [a, b] = [
            await author.sign(header),
            await author.sign({ ...header, t1: header.t1 + 1 }),
        ];
        const claim = (x: Vertex, y: Vertex): Contradiction => ({
            culprit: CULPRIT.collector,
            genesis: network.genesis,
            enrolment: author.enrolment.message.bytes,
            statements: [x.message.bytes, y.message.bytes],
            context: [],
        });
        expect(verdict(claim(a, b))).toMatchObject({ culprit: "collector" });
        expect(verdict(claim(a, a))).toBe("MS_CONTRADICTION");
        expect(verdict(claim(a, (await stranger.vertex(records)).vertex))).toBe("MS_ENROLMENT");
        const byStranger = await author.sign({ ...header, t0: header.t0 - 1 }, stranger.signer);
        expect(verdict(claim(a, byStranger))).toBe("MS_KEY_UNKNOWN");
        const record = await new TestChain(meter).usage(usageBody());
        expect(
            verdict({ ...claim(a, b), statements: [a.message.bytes, record.message.bytes] }),
        ).toBe("MS_VERSION");
    });
});

describe("a log that shows two histories", () => {
    const origin = originOf(network.networkId);
    const note = async (size: number, root: number, of = network): Promise<Uint8Array> =>
        utf8(await signCheckpoint(of.logSigner, origin, size, new Uint8Array(32).fill(root)));
    const ofLog = (a: Uint8Array, b: Uint8Array): Contradiction => ({
        culprit: CULPRIT.log,
        genesis: network.genesis,
        enrolment: null,
        statements: [a, b],
        context: [],
    });

    it("is proven by two checkpoints of one size, and by nothing less", async () => {
        const [a, b] = [await note(7, 1), await note(7, 2)];
        expect(verdict(ofLog(a, b))).toMatchObject({
            culprit: "log",
            where: "checkpoints of size 7",
        });
        expect(verdict(ofLog(a, a))).toBe("MS_CONTRADICTION");
        expect(verdict(ofLog(a, await note(8, 2)))).toBe("MS_CONTRADICTION");
        expect(verdict(ofLog(a, await note(7, 2, foreign)))).toBe("MS_CHECKPOINT");
        expect(verdict(ofLog(a, b), foreign.networkId)).toBe("MS_NETWORK");
        expect(verdict(ofLog(a, flip(b, 3)))).toBe("MS_CHECKPOINT");
    });
});

describe("the file of a contradiction", () => {
    it("is read strictly", async () => {
        const chain = new TestChain(meter);
        const other = chain.fork();
        const good = encodeContradiction(ofMeter(await chain.usage(), await other.warning()));
        expect(unwrap(decodeContradiction(good)).culprit).toBe(CULPRIT.meter);
        for (let at = 0; at < good.length; at += 7) {
            const read = decodeContradiction(flip(good, at));
            const checked = read.ok ? checkContradiction(read.value, network.networkId) : read;
            expect(checked.ok, `byte ${at}`).toBe(false);
        }
        expect(decodeContradiction(good.subarray(1)).ok).toBe(false);
    });
});
