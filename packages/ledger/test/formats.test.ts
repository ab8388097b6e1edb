import * as dagCbor from "@ipld/dag-cbor";
import { concatBytes, type Result, toHex, unwrap } from "@meterseal/core";
import { createSign1, decodeCbor, encodeCbor, MESSAGE_TYPE } from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { seededRandom, seedOf } from "@meterseal/testkit/random";
import fc from "fast-check";
import { CID } from "multiformats/cid";
import * as Digest from "multiformats/hashes/digest";
import { beforeAll, describe, expect, it } from "vitest";
import { accept } from "../src/accept/accept.ts";
import { decodeEntry, encodeEntry, parseItem } from "../src/entry.ts";
import { decodeEvidence } from "../src/evidence/evidence.ts";
import { decodeGenesis, encodeGenesis, networkIdOf, originOf } from "../src/genesis.ts";
import { parseEntry, replayEntry, stateOfGenesis } from "../src/replay.ts";
import { genesisVertexIds } from "../src/vertex/cid.ts";
import { parseVertex, type Vertex } from "../src/vertex/vertex.ts";
import { codeOf, World } from "./world.ts";

const where = (result: Result<unknown>): string =>
    result.ok ? "ok" : (result.error.details.where ?? "");
const signer = testSigner("collector");

let world: World;
let vertex: Vertex;
beforeAll(async () => {
    world = await World.open();
    vertex = (await world.collector.vertex([await world.chain.usage()])).vertex;
});

/** A vertex message over a header with fields set anew; undefined leaves one out. */
async function vertexWith(changes: Record<string, unknown>): Promise<Result<Vertex>> {
    const fields = {
        ...dagCbor.decode<Record<string, unknown>>(vertex.message.payload),
        ...changes,
    };
    for (const [key, value] of Object.entries(changes)) if (value === undefined) delete fields[key];
    return parseVertex(await createSign1(signer, MESSAGE_TYPE.vertex, dagCbor.encode(fields)));
}

describe("a vertex header", () => {
    const other = (name: string): CID => genesisVertexIds(testBytes(name, 32))[0];
    const sorted = (...ids: CID[]): CID[] => ids.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
    const nine = Array.from({ length: 9 }, (_, i) => other(`${i}`));

    it("comes back as it was made", async () => {
        const { id, message, ...header } = vertex;
        expect(unwrap(parseVertex(message.bytes))).toEqual(vertex);
        const { id: again } = await world.collector.sign(header);
        expect(again.toString()).toBe(id.toString());
        expect(id.toString()).toMatch(/^bafyrei[a-z2-7]{52}$/);
    });

    it.each<[string, Record<string, unknown>, string]>([
        ["version 2", { v: 2 }, "vertex.v"],
        ["a short network id", { net: new Uint8Array(31) }, "vertex.net"],
        ["a long author id", { author: new Uint8Array(17) }, "vertex.author"],
        ["a negative key epoch", { keyEpoch: -1 }, "vertex.keyEpoch"],
        ["round 0", { round: 0 }, "vertex.round"],
        ["a round as text", { round: "1" }, "vertex.round"],
        ["a round that is no integer", { round: 1.5 }, "vertex.round"],
        ["no parent", { parents: [] }, "vertex.parents"],
        ["one parent", { parents: [other("a")] }, "vertex.parents"],
        ["nine parents", { parents: sorted(...nine) }, "vertex.parents"],
        ["a parent twice", { parents: [other("a"), other("a")] }, "vertex.parents"],
        [
            "parents out of order",
            { parents: sorted(other("a"), other("b")).reverse() },
            "vertex.parents",
        ],
        ["a parent as text", { parents: ["a", "b"] }, "vertex.parents"],
        [
            "a raw parent",
            { parents: sorted(other("a"), CID.createV1(0x55, other("b").multihash)) },
            "vertex.parents",
        ],
        [
            "a parent of version 0",
            { parents: sorted(other("a"), CID.createV0(other("b").multihash as never)) },
            "vertex.parents",
        ],
        [
            "a parent by another hash",
            {
                parents: sorted(
                    other("a"),
                    CID.createV1(0x71, Digest.create(0x13, new Uint8Array(64))),
                ),
            },
            "vertex.parents",
        ],
        [
            "a parent by a short hash",
            {
                parents: sorted(
                    other("a"),
                    CID.createV1(0x71, Digest.create(0x12, new Uint8Array(31))),
                ),
            },
            "vertex.parents",
        ],
        ["no record", { count: 0 }, "vertex.count"],
        ["501 records", { count: 501 }, "vertex.count"],
        ["a short root", { root: new Uint8Array(31) }, "vertex.root"],
        ["a short body hash", { bodyHash: new Uint8Array(31) }, "vertex.bodyHash"],
        ["an empty body", { size: 0 }, "vertex.size"],
        ["a body over its limit", { size: 262_144 + 65_536 + 1 }, "vertex.size"],
        ["a negative time", { t0: -1 }, "vertex.t0"],
        ["a time of 2^53", { t1: 2n ** 53n }, "vertex.t1"],
        ["no tree head", { seen: null }, "vertex.seen"],
        ["a tree head of one field", { seen: { size: 0 } }, "vertex.seen"],
        [
            "a tree head of three fields",
            { seen: { size: 0, root: new Uint8Array(32), x: 0 } },
            "vertex.seen",
        ],
        ["a short tree root", { seen: { size: 0, root: new Uint8Array(3) } }, "vertex.seen.root"],
        [
            "a negative tree size",
            { seen: { size: -1, root: new Uint8Array(32) } },
            "vertex.seen.size",
        ],
        ["a further field", { w: 0 }, "vertex"],
        ...[
            "v",
            "net",
            "author",
            "keyEpoch",
            "round",
            "parents",
            "count",
            "root",
            "bodyHash",
            "size",
            "t0",
            "t1",
            "seen",
        ].map((key): [string, Record<string, unknown>, string] => [
            `no ${key}`,
            { [key]: undefined },
            "vertex",
        ]),
        ["a field of another name", { t1: undefined, t2: 0 }, "vertex.t1"],
        ["a field named like one of every object", { t1: undefined, toString: 0 }, "vertex.t1"],
    ])("with %s is refused", async (_, changes, place) => {
        const parsed = await vertexWith(changes);
        expect([codeOf(parsed), where(parsed)]).toEqual(["MS_MALFORMED", place]);
    });

    it.each<[string, Uint8Array]>([
        ["is an array", dagCbor.encode([1])],
        ["is nothing", dagCbor.encode(null)],
        ["is a number", dagCbor.encode(1)],
        ["has trailing bytes", Uint8Array.of(0xa0, 0)],
        ["is of indefinite length", Uint8Array.of(0xbf, 0xff)],
        ["is nested deeply", new Uint8Array(60_000).fill(0x81)],
        ["has integer keys", encodeCbor(new Map([[1, 1]]))],
    ])("that %s is refused", async (_, payload) => {
        expect(codeOf(parseVertex(await createSign1(signer, MESSAGE_TYPE.vertex, payload)))).toBe(
            "MS_MALFORMED",
        );
    });

    it("in another order of its keys is refused", async () => {
        const hex = toHex(vertex.message.payload);
        const swapped = hex.replace(/617601(6274301a.{8})/, (_, t0: string) => `${t0}617601`);
        expect(swapped).not.toBe(hex);
        const payload = Uint8Array.fromHex(swapped);
        expect(codeOf(parseVertex(await createSign1(signer, MESSAGE_TYPE.vertex, payload)))).toBe(
            "MS_MALFORMED",
        );
    });

    it("is refused when it is cut at any byte", () => {
        const { bytes } = vertex.message;
        for (let length = 0; length < bytes.length; length++) {
            expect(codeOf(parseVertex(bytes.subarray(0, length)))).toBe("MS_MALFORMED");
        }
    });
});

describe("a genesis", () => {
    it("comes back as it was made, and names its network and log", () => {
        const { genesis, networkId } = world.network;
        expect(encodeGenesis(unwrap(decodeGenesis(genesis)))).toEqual(genesis);
        expect(networkIdOf(genesis)).toEqual(networkId);
        expect(originOf(networkId)).toBe(`meterseal/${toHex(networkId)}`);
        const [one, other] = genesisVertexIds(networkId);
        expect(one.toString()).not.toBe(other.toString());
    });

    it.each<[string, number, unknown]>([
        ["version 2", 0, 2],
        ["no version", 0, undefined],
        ["an operator key of another kind", 1, new Uint8Array(4)],
        ["no operator key", 1, undefined],
        ["a log key of another kind", 2, encodeCbor(new Map())],
        ["a log key that signs no checkpoints", 2, "es256"],
        ["no log key", 2, undefined],
        ["a negative time", 3, -1],
        ["no time", 3, undefined],
        ["a short nonce", 4, new Uint8Array(15)],
        ["no nonce", 4, undefined],
        ["mode 2", 5, 2],
        ["no mode", 5, undefined],
        ["a further field", 6, 0],
    ])("with %s is refused", (_, key, value) => {
        const map = decodeCbor(world.network.genesis) as Map<number, unknown>;
        const es256 = encodeCbor(
            new Map<number, unknown>([
                [1, 2],
                [-1, 1],
                [-2, new Uint8Array(32)],
                [-3, new Uint8Array(32)],
            ]),
        );
        if (value === undefined) map.delete(key);
        else map.set(key, value === "es256" ? es256 : value);
        expect(codeOf(decodeGenesis(encodeCbor(map)))).toBe("MS_MALFORMED");
        expect(codeOf(stateOfGenesis(encodeCbor(map)))).toBe("MS_MALFORMED");
    });

    it("is refused when it is cut at any byte", () => {
        const { genesis } = world.network;
        for (let length = 0; length < genesis.length; length++) {
            expect(codeOf(decodeGenesis(genesis.subarray(0, length)))).toBe("MS_MALFORMED");
        }
    });
});

describe("a log entry", () => {
    it("comes back as it was made", () => {
        const entry = { timeMs: 1_356_998_400_123, item: vertex.message.bytes };
        expect(unwrap(decodeEntry(encodeEntry(entry)))).toEqual(entry);
        expect(unwrap(parseItem(entry.item)).kind).toBe("vertex");
        expect(unwrap(parseItem(world.meter.enrolment.message.bytes)).kind).toBe("enrolment");
    });

    it.each<[string, unknown]>([
        ["a negative time", [-1, new Uint8Array(1)]],
        ["a time of 2^53", [1n << 53n, new Uint8Array(1)]],
        ["no item", [1]],
        ["an empty item", [1, new Uint8Array(0)]],
        ["an item over its limit", [1, new Uint8Array(65_537)]],
        ["an item as text", [1, "x"]],
        ["three parts", [1, new Uint8Array(1), 0]],
        ["a map", new Map()],
    ])("with %s is refused", (_, value) => {
        expect(codeOf(decodeEntry(encodeCbor(value)))).toBe("MS_MALFORMED");
    });

    it("of another type, or with bodies that do not fit, is refused", async () => {
        const record = await world.chain.fork().warning();
        const body = [record.message.bytes];
        expect(codeOf(parseItem(record.message.bytes))).toBe("MS_VERSION");
        expect(codeOf(parseEntry(world.meter.enrolment.message.bytes, body))).toBe("MS_LOG_LEAF");
        expect(codeOf(parseEntry(vertex.message.bytes, [new Uint8Array(3)]))).toBe("MS_MALFORMED");
        const state = world.network.state();
        expect(codeOf(replayEntry(state, { timeMs: 0, item: new Uint8Array(3) }, []))).toBe(
            "MS_MALFORMED",
        );
    });
});

describe("every parser of the ledger", () => {
    it("answers arbitrary bytes, and changed ones, with a value or a typed error", () => {
        const seed = seedOf(99);
        const state = world.network.state();
        const parsers = [decodeEntry, decodeEvidence, decodeGenesis, parseItem, parseVertex];
        const tryAll = (bytes: Uint8Array): void => {
            for (const parser of parsers) parser(bytes);
            const parsed = parseEntry(bytes, []);
            if (parsed.ok) accept(state, parsed.value, 0);
        };
        fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), tryAll), { seed, numRuns: 500 });
        const random = seededRandom(seed);
        const valid = [
            vertex.message.bytes,
            world.meter.enrolment.message.bytes,
            world.network.genesis,
        ];
        const before = state.vertices.size;
        for (let i = 0; i < 2000; i++) {
            const bytes = random.pick(valid).slice();
            for (let n = 1 + random.below(3); n > 0; n--)
                bytes[random.below(bytes.length)] = random.below(256);
            tryAll(random.chance(0.1) ? concatBytes(bytes, random.bytes(3)) : bytes);
        }
        expect(state.vertices.size).toBe(before);
    });
});
