import { fromHex, toHex, unwrap } from "@meterseal/core";
import { encodeCoseKey, type MeterRecord } from "@meterseal/record";
import { signerFromSecret, testBytes, testSecret } from "@meterseal/testkit/keys";
import { TEST_LATER_MS, TestChain, TestCollector, TestNetwork } from "@meterseal/testkit/records";
import { stateRoot } from "../src/accept/state-root.ts";
import { signCheckpoint } from "../src/checkpoint/checkpoint.ts";
import { encodeEntry, entryLeafHash } from "../src/entry.ts";
import { encodeEvidence } from "../src/evidence/evidence.ts";
import { decodeGenesis, originOf } from "../src/genesis.ts";
import { MerkleLog } from "../src/merkle/log.ts";
import { replayEntry } from "../src/replay.ts";
import { bodyBytes, recordLeafHash } from "../src/vertex/body.ts";
import { genesisVertexIds } from "../src/vertex/cid.ts";
import type { Vertex } from "../src/vertex/vertex.ts";

const NAMES = ["vector operator", "vector log", "vector meter", "vector collector"];

type LogVector = {
    timeMs: number;
    item: string;
    body: string[];
    leafData: string;
    leafHash: string;
    stateRoot: string;
};
type VertexVector = {
    id: string;
    header: string;
    bytes: string;
    body: string;
    records: { hash: string; leafHash: string }[];
    fields: Record<string, unknown>;
};
type Refused = {
    name: string;
    what: "genesis" | "vertex" | "entry" | "evidence" | "accept";
    hex: string;
    body?: string[];
    code: string;
};
export type Vectors = {
    about: string[];
    keys: Record<string, { kind: string; secret: string; coseKey: string }>;
    genesis: {
        bytes: string;
        networkId: string;
        origin: string;
        vertexIds: string[];
        fields: unknown;
    };
    vertex: VertexVector;
    log: { entries: LogVector[]; size: number; root: string; checkpoint: string };
    evidence: { bytes: string; subject: string };
    refused: Refused[];
};

const edDsa = (name: string) => signerFromSecret("edDsa", testSecret(name));
const SUBJECT = testBytes("subject vector meter", 16);

/** Header of a vertex as JSON. */
export function fieldsOf(vertex: Vertex): Record<string, unknown> {
    const { id: _i, message: _m, net, author, parents, root, bodyHash, seen, ...numbers } = vertex;
    return {
        ...numbers,
        net: toHex(net),
        author: toHex(author),
        parents: parents.map((parent) => parent.toString()),
        root: toHex(root),
        bodyHash: toHex(bodyHash),
        seen: { size: seen.size, root: toHex(seen.root) },
    };
}

/** Content of a genesis as JSON. */
export function genesisFields(bytes: Uint8Array): unknown {
    const { operator, logKey, createdUnix, nonce, mode } = unwrap(decodeGenesis(bytes));
    return {
        operator: toHex(encodeCoseKey(operator)),
        logKey: toHex(encodeCoseKey(logKey)),
        createdUnix,
        nonce: toHex(nonce),
        mode,
    };
}

/** Makes the vectors anew. */
export async function makeVectors(): Promise<Vectors> {
    const network = new TestNetwork("vector");
    const meter = await network.meter("vector meter", { signer: edDsa("vector meter") });
    const { enrolment } = await network.collector("vector collector", {
        key: edDsa("vector collector").publicKey,
    });
    const collector = new TestCollector(network, edDsa("vector collector"), enrolment);
    const chain = new TestChain(meter);
    const records = [await chain.usage(), await chain.warning(3), await chain.usage()];
    const { vertex } = await collector.vertex(records);
    const items: [Uint8Array, MeterRecord[]][] = [
        [meter.enrolment.message.bytes, []],
        [enrolment.message.bytes, []],
        [vertex.message.bytes, records],
    ];
    const state = network.state();
    const log = new MerkleLog();
    const entries = items.map(([item, body], i): LogVector => {
        const entry = { timeMs: TEST_LATER_MS + i, item };
        const bytes = body.map((record) => record.message.bytes);
        unwrap(replayEntry(state, entry, bytes));
        log.append(entryLeafHash(entry));
        return {
            timeMs: entry.timeMs,
            item: toHex(item),
            body: bytes.map(toHex),
            leafData: toHex(encodeEntry(entry)),
            leafHash: toHex(entryLeafHash(entry)),
            stateRoot: toHex(stateRoot(state)),
        };
    });
    const origin = originOf(network.networkId);
    const checkpoint = await signCheckpoint(network.logSigner, origin, 3, log.root());
    const tree = MerkleLog.of(records.map(recordLeafHash));
    const leaf = (index: number) => ({
        index,
        entry: fromHex(entries[index]?.leafData ?? ""),
        path: log.inclusionPath(index),
    });
    const evidence = encodeEvidence({
        genesis: network.genesis,
        checkpoint,
        enrolments: [leaf(0), leaf(1)],
        vertices: [leaf(2)],
        records: records.map(({ message }, position) => ({
            bytes: message.bytes,
            vertex: 0,
            position,
            path: tree.inclusionPath(position),
        })),
    });
    return {
        about: [
            "A network of Meterseal from its genesis to evidence (docs/reference/formats.cddl). Private keys are here for tests only.",
            "log: three entries in order; stateRoot is the state's hash after each; body holds the records of a vertex.",
            "refused: `code` is what a strict parser answers; what = accept: the state after the log refuses the entry.",
        ],
        keys: Object.fromEntries(
            NAMES.map((name) => [
                name,
                {
                    kind: "edDsa",
                    secret: testSecret(name),
                    coseKey: toHex(encodeCoseKey(edDsa(name).publicKey)),
                },
            ]),
        ),
        genesis: {
            bytes: toHex(network.genesis),
            networkId: toHex(network.networkId),
            origin,
            vertexIds: genesisVertexIds(network.networkId).map(String),
            fields: genesisFields(network.genesis),
        },
        vertex: {
            id: vertex.id.toString(),
            header: toHex(vertex.message.payload),
            bytes: toHex(vertex.message.bytes),
            body: toHex(bodyBytes(records)),
            records: records.map((record) => ({
                hash: toHex(record.message.hash),
                leafHash: toHex(recordLeafHash(record)),
            })),
            fields: fieldsOf(vertex),
        },
        log: { entries, size: 3, root: toHex(log.root()), checkpoint },
        evidence: { bytes: toHex(evidence), subject: toHex(SUBJECT) },
        refused: await makeRefused(network, collector, chain, evidence),
    };
}

async function makeRefused(
    network: TestNetwork,
    collector: TestCollector,
    chain: TestChain,
    evidence: Uint8Array,
): Promise<Refused[]> {
    const out: Refused[] = [];
    const cut = (hex: string): string => hex.slice(0, -2);
    const genesis = toHex(network.genesis);
    out.push({
        name: "a genesis of version 2",
        what: "genesis",
        hex: genesis.replace(/^a60001/, "a60002"),
        code: "MS_MALFORMED",
    });
    out.push({
        name: "a genesis without its mode",
        what: "genesis",
        hex: genesis.replace(/^a6/, "a5").slice(0, -4),
        code: "MS_MALFORMED",
    });
    out.push({
        name: "a genesis with a byte more",
        what: "genesis",
        hex: `${genesis}00`,
        code: "MS_MALFORMED",
    });
    const records = [await chain.usage()];
    const header = collector.header(records);
    const body = records.map((record) => toHex(record.message.bytes));
    const good = await collector.sign(header);
    const goodHex = toHex(good.message.bytes);
    out.push({
        name: "a vertex cut by a byte",
        what: "vertex",
        hex: cut(goodHex),
        code: "MS_MALFORMED",
    });
    out.push({
        name: "a vertex without its body",
        what: "accept",
        hex: goodHex,
        body: [],
        code: "MS_VERTEX_BODY",
    });
    const signed = async (
        name: string,
        changes: Partial<typeof header>,
        code: string,
        signer = collector.signer,
    ): Promise<void> => {
        const vertex = await collector.sign({ ...header, ...changes }, signer);
        out.push({ name, what: "accept", hex: toHex(vertex.message.bytes), body, code });
    };
    await signed("a vertex of another network", { net: testBytes("elsewhere", 32) }, "MS_GENESIS");
    await signed(
        "a vertex of an unknown author",
        { author: testBytes("nobody", 16) },
        "MS_VERTEX_AUTHOR",
    );
    await signed("a vertex of another key epoch", { keyEpoch: 1 }, "MS_VERTEX_AUTHOR");
    await signed("a vertex signed by the meter", {}, "MS_SIGNATURE_BAD", edDsa("vector meter"));
    await signed("a vertex of another round", { round: 3 }, "MS_VERTEX_PARENTS");
    await signed(
        "a vertex beside its author's previous one",
        { parents: genesisVertexIds(network.networkId), round: 1 },
        "MS_VERTEX_FORK",
    );
    await signed(
        "a vertex with an unknown parent",
        { parents: genesisVertexIds(testBytes("elsewhere", 32)) },
        "MS_VERTEX_PARENTS",
    );
    await signed("a vertex that counts two records", { count: 2 }, "MS_VERTEX_BODY");
    await signed(
        "a vertex with another body hash",
        { bodyHash: testBytes("else", 32) },
        "MS_VERTEX_BODY",
    );
    const stranger = await network.enrol({
        ...chain.meter.enrolment,
        id: testBytes("second", 16),
        streams: [],
    });
    out.push({
        name: "an enrolment with a key that serves already",
        what: "accept",
        hex: toHex(stranger.message.bytes),
        body: [],
        code: "MS_ENROLMENT",
    });
    const forged = await network.enrol(
        { ...stranger, key: edDsa("vector log").publicKey },
        collector.signer,
    );
    out.push({
        name: "an enrolment that the operator did not sign",
        what: "accept",
        hex: toHex(forged.message.bytes),
        body: [],
        code: "MS_SIGNATURE_BAD",
    });
    out.push({
        name: "an entry of three parts",
        what: "entry",
        hex: "8301410000",
        code: "MS_MALFORMED",
    });
    out.push({
        name: "an entry with a negative time",
        what: "entry",
        hex: "82204100",
        code: "MS_MALFORMED",
    });
    out.push({
        name: "evidence cut by a byte",
        what: "evidence",
        hex: cut(toHex(evidence)),
        code: "MS_MALFORMED",
    });
    out.push({
        name: "evidence that is an empty map",
        what: "evidence",
        hex: "a0",
        code: "MS_MALFORMED",
    });
    return out;
}
