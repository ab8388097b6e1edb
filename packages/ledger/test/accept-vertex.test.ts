import { LIMITS } from "@meterseal/core";
import {
    type Enrolment,
    type EnrolPayload,
    encodeCorrection,
    type StreamDescriptor,
    verifySign1,
} from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { TEST_LATER_MS, TestChain, TestNetwork } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { accept, type Entry } from "../src/accept/accept.ts";
import { genesisVertexIds } from "../src/vertex/cid.ts";
import type { VertexHeader } from "../src/vertex/vertex.ts";
import { codeOf, expectRefused, World } from "./world.ts";

let world: World;
beforeEach(async () => {
    world = await World.open();
});

/** Entry of a header with changes over one record of the meter. */
async function changed(
    changes: (header: VertexHeader) => Partial<VertexHeader>,
    name?: string,
): Promise<Entry> {
    const records = [await world.chain.usage()];
    const header = world.collector.header(records);
    const signer = name === undefined ? world.collector.signer : testSigner(name);
    const vertex = await world.collector.sign({ ...header, ...changes(header) }, signer);
    return { kind: "vertex", vertex, records };
}

describe("a vertex is taken", () => {
    it("when it fits, and moves its author and its chains", async () => {
        const before = world.root;
        expect(await world.take([await world.chain.usage(), await world.chain.warning()])).toEqual([
            "accepted",
            "accepted",
        ]);
        expect(world.root).not.toBe(before);
        expect(world.chainState()?.headSeq).toBe(2);
        expect(world.state.lastTimeMs).toBe(TEST_LATER_MS);
        expect(await world.take([await world.chain.usage()])).toEqual(["accepted"]);
    });

    it("with eight parents, of eight authors", async () => {
        const tips = [];
        for (let i = 0; i < 7; i++) {
            const collector = await world.network.collector(`collector ${i}`);
            expect(codeOf(world.enrol(collector))).toBe("ok");
            const entry = await collector.vertex([await world.chain.warning()]);
            expect(codeOf(world.accept(entry))).toBe("ok");
            tips.push(entry.vertex.id);
        }
        expect(await world.take([await world.chain.warning()])).toEqual(["accepted"]);
        const entry = await world.collector.vertex([await world.chain.warning()], tips);
        expect(entry.vertex.parents.length).toBe(8);
        expect(codeOf(world.accept(entry))).toBe("ok");
    });
});

describe("a vertex of a key that was replaced", () => {
    it("is refused by who remembers that it is well signed as by who checks it", async () => {
        const { enrolment } = world.collector;
        const entry = await changed(() => ({ keyEpoch: 1 }));
        const renewed = await world.network.collector("renewed", { id: enrolment.id, epoch: 1 });
        expect(codeOf(world.enrol(renewed))).toBe("ok");
        for (const check of [verifySign1, () => true]) {
            const refused = accept(world.state, entry, TEST_LATER_MS, check);
            expect(refused).toMatchObject({ ok: false, error: { code: "MS_SIGNATURE_BAD" } });
        }
    });
});

describe("a vertex is refused, and leaves no trace,", () => {
    const headers: [string, string, (h: VertexHeader) => Partial<VertexHeader>, string?][] = [
        [
            "of an author that nobody enrolled",
            "MS_VERTEX_AUTHOR",
            () => ({ author: testBytes("nobody", 16) }),
        ],
        [
            "of a meter that is no collector",
            "MS_VERTEX_AUTHOR",
            () => ({ author: testBytes("subject meter", 16) }),
            "meter",
        ],
        ["with another key epoch", "MS_VERTEX_AUTHOR", () => ({ keyEpoch: 1 })],
        ["signed by another key", "MS_SIGNATURE_BAD", () => ({}), "somebody"],
        ["signed by a meter's key", "MS_SIGNATURE_BAD", () => ({}), "meter"],
        ["of another network", "MS_GENESIS", () => ({ net: testBytes("another network", 32) })],
        [
            "with an unknown parent",
            "MS_VERTEX_PARENTS",
            (h) => ({
                parents: [
                    h.parents[0] as never,
                    genesisVertexIds(testBytes("another network", 32))[0],
                ],
            }),
        ],
        ["of round 2 after round 0", "MS_VERTEX_PARENTS", () => ({ round: 2 })],
        ["with one record more in its count", "MS_VERTEX_BODY", () => ({ count: 2 })],
        ["with one byte more in its size", "MS_VERTEX_BODY", (h) => ({ size: h.size + 1 })],
        ["with another root", "MS_VERTEX_BODY", () => ({ root: testBytes("root", 32) })],
        ["with another body hash", "MS_VERTEX_BODY", () => ({ bodyHash: testBytes("hash", 32) })],
        ["with an earlier t0", "MS_VERTEX_BODY", (h) => ({ t0: h.t0 - 1 })],
        ["with a later t1", "MS_VERTEX_BODY", (h) => ({ t1: h.t1 + 1 })],
    ];
    it.each(headers)("%s", async (_, code, changes, signer) => {
        expectRefused(world, await changed(changes, signer), code);
    });

    it("of round 1 after round 1", async () => {
        await world.take([await world.chain.usage()]);
        expectRefused(world, await changed(() => ({ round: 1 })), "MS_VERTEX_PARENTS");
        expect(await world.take([await world.chain.usage({}, { seq: 2 })])).toHaveLength(1);
    });

    it("without its author's previous vertex among the parents", async () => {
        await world.take([await world.chain.usage()]);
        const parents = genesisVertexIds(world.network.networkId);
        expectRefused(world, await changed(() => ({ parents, round: 1 })), "MS_VERTEX_FORK");
    });

    it("when it is there already", async () => {
        const entry = await world.collector.vertex([await world.chain.usage()]);
        expect(codeOf(world.accept(entry))).toBe("ok");
        expectRefused(world, entry, "MS_VERTEX_DUPLICATE");
    });

    it("when it is there already, signed again", async () => {
        const records = [await world.chain.usage()];
        const header = world.collector.header(records);
        const [one, other] = [
            await world.collector.sign(header),
            await world.collector.sign(header),
        ];
        expect(codeOf(world.accept({ kind: "vertex", vertex: one, records }))).toBe("ok");
        expectRefused(world, { kind: "vertex", vertex: other, records }, "MS_VERTEX_DUPLICATE");
    });

    it("before its parents", async () => {
        const first = await world.collector.vertex([await world.chain.usage()]);
        const second = await world.collector.vertex([await world.chain.usage()]);
        expectRefused(world, second, "MS_VERTEX_PARENTS");
        expect(codeOf(world.accept(first))).toBe("ok");
        expect(codeOf(world.accept(second))).toBe("ok");
    });

    it("with a body that lacks, adds, swaps or changes a record", async () => {
        const { chain } = world;
        const records = [await chain.usage(), await chain.usage(), await chain.warning()];
        const [a, b, c] = records as [never, never, never];
        const entry = await world.collector.vertex(records);
        const bodies = [
            [],
            [a, b],
            [b, c],
            [a, c, b],
            [a, b, c, c],
            [a, a, b, c],
            [a, b, await chain.warning()],
        ];
        for (const body of bodies)
            expectRefused(world, { ...entry, records: body }, "MS_VERTEX_BODY");
        expect(codeOf(world.accept(entry))).toBe("ok");
    });

    it("with records out of order, even if its header says the same", async () => {
        const records = [await world.chain.usage(), await world.chain.usage()].reverse();
        const vertex = await world.collector.sign(world.collector.header(records));
        expectRefused(world, { kind: "vertex", vertex, records }, "MS_VERTEX_BODY");
    });

    it("with a record twice, even if its header says the same", async () => {
        const record = await world.chain.usage();
        const records = [record, record];
        const vertex = await world.collector.sign(world.collector.header(records));
        expectRefused(world, { kind: "vertex", vertex, records }, "MS_VERTEX_BODY");
    });

    it("with another copy of a record than its header names", async () => {
        const record = await world.chain.usage();
        const { message: _, ...payload } = record;
        const entry = await world.collector.vertex([record]);
        const copy = await new TestChain(world.meter).other(4, payload.body, payload);
        expectRefused(world, { ...entry, records: [copy] }, "MS_VERTEX_BODY");
    });

    it("with a record of an unknown key", async () => {
        const stranger = await world.network.meter("stranger");
        const good = await world.chain.usage();
        const bad = await new TestChain(stranger).usage();
        expectRefused(world, await world.collector.vertex([good, bad]), "MS_KEY_UNKNOWN");
    });

    it("with a record of another subject's key", async () => {
        const other = await world.network.meter("other");
        expect(codeOf(world.enrol(other))).toBe("ok");
        const bad = await world.chain.usage({}, { signer: other.signer });
        expectRefused(world, await world.collector.vertex([bad]), "MS_NOT_ALLOWED");
    });

    it("with a correction that another meter signed", async () => {
        const other = await world.network.meter("other");
        expect(codeOf(world.enrol(other))).toBe("ok");
        const note = { plus: 1n, minus: 0n, fromUnix: 1, toUnix: 2, reason: "a test" };
        const body = encodeCorrection({
            ...{ stream: world.meter.descriptor.stream, sealEpoch: 0, fromSlot: 1 },
            values: { mode: "open", note },
        });
        const bad = await world.chain.warning(body, { signer: other.signer });
        expectRefused(world, await world.collector.vertex([bad]), "MS_NOT_ALLOWED");
    });

    it("with a record of a collector's key, even for its own id", async () => {
        const { signer, enrolment } = world.collector;
        const bad = await world.chain.usage({}, { signer });
        expectRefused(world, await world.collector.vertex([bad]), "MS_NOT_ALLOWED");
        world.collector.last = null;
        const own = await world.chain.usage({}, { signer, subject: enrolment.id });
        expectRefused(world, await world.collector.vertex([own]), "MS_NOT_ALLOWED");
    });

    it("with one bad signature after good records", async () => {
        const good = await world.chain.usage();
        const record = await world.chain.usage();
        const signature = record.message.signature.slice();
        signature[40] = (signature[40] as number) ^ 1;
        const bad = { ...record, message: { ...record.message, signature } };
        expectRefused(world, await world.collector.vertex([good, bad]), "MS_SIGNATURE_BAD");
    });

    it("that comes before the entry ahead of it", async () => {
        await world.take([await world.chain.usage()]);
        const entry = await world.collector.vertex([await world.chain.usage()]);
        expectRefused(world, entry, "MS_CLOCK", TEST_LATER_MS - 1);
        expect(codeOf(world.accept(entry))).toBe("ok");
    });
});

describe("an enrolment", () => {
    async function enrolled(
        payload: Partial<EnrolPayload>,
        descriptor: Partial<StreamDescriptor> = {},
    ): Promise<{ enrolment: Enrolment }> {
        return await world.network.meter("second", { payload, descriptor });
    }

    function expectNotEnrolled(who: { enrolment: Enrolment }, code = "MS_ENROLMENT"): void {
        expectRefused(world, { kind: "enrolment", enrolment: who.enrolment }, code, 0);
        expect(world.state.keys.size).toBe(2);
        expect(world.state.streams.size).toBe(1);
    }

    it("is refused when somebody else than the operator signed it", async () => {
        const { enrolment } = await enrolled({});
        for (const signer of [
            testSigner("somebody", "edDsa"),
            world.collector.signer,
            world.network.logSigner,
        ]) {
            const forged = await world.network.enrol(enrolment, signer);
            expectNotEnrolled({ enrolment: forged }, "MS_SIGNATURE_BAD");
        }
    });

    it("is refused when it is for another network", async () => {
        expectNotEnrolled(await enrolled({ network: testBytes("another network", 32) }));
    });

    it("is refused when its key serves already", async () => {
        expectNotEnrolled(await enrolled({ key: world.meter.signer.publicKey }));
        expectNotEnrolled(await enrolled({ key: world.collector.signer.publicKey }));
    });

    it("is refused when it was accepted before", () => {
        expectNotEnrolled(world.meter);
        expectNotEnrolled(world.collector);
    });

    it("is refused when its id is enrolled, but for a later epoch of the same role", async () => {
        expectNotEnrolled(await enrolled({ id: world.meter.subject }));
        expectNotEnrolled(await enrolled({ id: world.collector.enrolment.id, epoch: 1 }));
        expectNotEnrolled(
            await world.network.collector("other", { id: world.meter.subject, epoch: 1 }),
        );
        expectNotEnrolled(
            await world.network.collector("other", { id: world.collector.enrolment.id }),
        );
        expect(codeOf(world.enrol(await enrolled({ id: world.meter.subject, epoch: 1 })))).toBe(
            "ok",
        );
    });

    it("is refused when a stream of it is another one's, or twice in it", async () => {
        const { descriptor } = world.meter;
        expectNotEnrolled(await enrolled({}, { stream: descriptor.stream }));
        const own = { ...descriptor, stream: testBytes("stream second", 16) };
        expectNotEnrolled(await enrolled({ streams: [own, own] }));
        expectNotEnrolled(await enrolled({ streams: [own, { ...own, scale: 3 }] }));
        const later = { ...own, sealEpoch: 1 };
        expect(codeOf(world.enrol(await enrolled({ streams: [own, later] })))).toBe("ok");
    });

    it("is refused when its streams are open in a network of sealed ones, and the other way", async () => {
        expectNotEnrolled(await enrolled({}, { mode: 1 }));
        const open = await World.open(1);
        const sealed = await open.network.meter("second", { descriptor: { mode: 0 } });
        expectRefused(open, { kind: "enrolment", enrolment: sealed.enrolment }, "MS_ENROLMENT", 0);
    });

    it("is refused before the entry ahead of it", async () => {
        await world.take([await world.chain.usage()]);
        const { enrolment } = await enrolled({});
        expectRefused(world, { kind: "enrolment", enrolment }, "MS_CLOCK", TEST_LATER_MS - 1);
    });

    it("of a collector's next key takes over its author chain", async () => {
        await world.take([await world.chain.usage()]);
        const { id } = world.collector.enrolment;
        const next = await world.network.collector("collector, new key", { id, epoch: 1 });
        expect(codeOf(world.enrol(next))).toBe("ok");
        expectRefused(world, await changed(() => ({})), "MS_VERTEX_AUTHOR");
        const record = await new TestChain(await world.network.meter("third")).usage();
        const parents = genesisVertexIds(world.network.networkId);
        const forked = await next.sign({ ...next.header([record]), parents, round: 1 });
        expectRefused(
            world,
            { kind: "vertex", vertex: forked, records: [record] },
            "MS_VERTEX_FORK",
        );
    });
});

it("networks with other names have other ids", () => {
    expect(new TestNetwork("a").networkId).not.toEqual(new TestNetwork("b").networkId);
    expect(LIMITS.vertexParents).toBe(8);
});
