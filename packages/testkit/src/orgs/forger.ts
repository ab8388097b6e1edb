import { bytesEqual, LIMITS, type Signer, toHex, unwrap } from "@meterseal/core";
import {
    compareRecords,
    createVertex,
    genesisVertexIds,
    parseVertex,
    summarizeBody,
    type Vertex,
    type VertexHeader,
} from "@meterseal/ledger";
import {
    createSign1,
    decodeCbor,
    encodeCbor,
    MESSAGE_TYPE,
    type MeterRecord,
    parseRecord,
    splitSequence,
} from "@meterseal/record";
import type { SeededRandom } from "../random.ts";
import type { TestCollector } from "../records.ts";
import { stranger } from "./founding.ts";
import type { OrgHost } from "./host.ts";
import type { Forged } from "./oracle.ts";
import { organisationOf, txHash } from "./oracle.ts";

/** A transaction that must not get into the ledger, and how it may be refused. */
type ForgedTx = {
    readonly tx: Uint8Array;
    readonly kind: string;
    readonly codes: readonly string[];
    /** True for one that was genuine when it came first. */
    readonly isReplay: boolean;
};

/** Kinds of false vertices, with the codes that they may be refused with, and who is to blame. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
    "bad signature": ["MS_SIGNATURE_BAD"],
    "another key": ["MS_SIGNATURE_BAD"],
    "unknown author": ["MS_KEY_UNKNOWN", "MS_VERTEX_AUTHOR"],
    "wrong network": ["MS_GENESIS"],
    "other key epoch": ["MS_VERTEX_AUTHOR"],
    "false root": ["MS_VERTEX_BODY"],
    "false count": ["MS_VERTEX_BODY"],
    "false body hash": ["MS_VERTEX_BODY"],
    "unsorted body": ["MS_VERTEX_BODY"],
    "withheld body": ["MS_VERTEX_BODY"],
    "unknown parent": ["MS_VERTEX_PARENTS"],
    "false round": ["MS_VERTEX_PARENTS"],
    "one parent": ["MS_MALFORMED"],
    "same parent twice": ["MS_MALFORMED"],
    "unsorted parents": ["MS_MALFORMED"],
    fork: ["MS_VERTEX_FORK"],
    "forged record": ["MS_SIGNATURE_BAD"],
    "record of a stranger": ["MS_KEY_UNKNOWN"],
    "replayed vertex": ["MS_VERTEX_DUPLICATE"],
};
/** Kinds that an honest validator does not vote for. */
const FAULTY = [
    "bad signature",
    "another key",
    "one parent",
    "same parent twice",
    "unsorted parents",
    "forged record",
    "unknown parent",
];
/** Kinds that need no key of an enrolled collector. */
const OF_ANYBODY = ["bad signature", "another key", "unknown author", "replayed vertex"];
/** Refusals of an author whose last vertex is another by now, or who was removed. */
const OVERTAKEN = ["MS_VERTEX_FORK", "MS_VERTEX_PARENTS", "MS_FROZEN"];

/** Whoever has the key of a collector, or none, and signs false vertices. */
export class Forger {
    readonly #host: OrgHost;
    readonly #random: SeededRandom;
    readonly #smuggled: ForgedTx[] = [];
    /** Every forged transaction by its hash. */
    readonly made = new Map<string, ForgedTx>();

    constructor(host: OrgHost, random: SeededRandom) {
        this.#host = host;
        this.#random = random;
    }

    /** Makes one false vertex, and offers it to a node or hides it for a proposer that lies. */
    async strike(): Promise<void> {
        const { nodes, oracle, plan, trace } = this.#host;
        const isMember = plan.lyingCollector !== null;
        const forged = await this.#forge(
            this.#random.pick(isMember ? Object.keys(KINDS) : OF_ANYBODY),
        );
        if (forged === null) return;
        this.made.set(txHash(forged.tx), forged);
        trace.note("forgery", forged.kind);
        if (plan.lyingProposer !== null && this.#random.chance(0.5)) {
            this.#smuggled.push(forged);
            return;
        }
        const node = oracle.nodes[this.#random.below(nodes.length)];
        const answer = await node?.offer(forged.tx).catch(() => null);
        if (answer?.kind !== "refused") return;
        this.check(forged, answer.code);
    }

    /** Notes with which code a forged transaction was refused. */
    check({ codes, kind }: ForgedTx, code: string): void {
        const isRight = codes.includes(code) || OVERTAKEN.includes(code);
        this.#host.trace.check("I10", isRight, () => `${kind} is answered with "${code}"`);
    }

    /** The block of a proposer that lies. */
    propose(proposer: number, honest: readonly Uint8Array[]): Forged | null {
        if (organisationOf(proposer) !== this.#host.plan.lyingProposer) return null;
        if (!this.#host.strikes(0.6)) return null;
        const hidden = this.#smuggled.shift();
        if (hidden !== undefined) {
            const isKnown = honest.some((tx) => bytesEqual(tx, hidden.tx));
            const isFaulty = isKnown || FAULTY.includes(hidden.kind);
            return { txs: [...honest, hidden.tx], isFaulty };
        }
        const [first] = honest;
        if (this.#random.chance(0.5) && first !== undefined) {
            return { txs: [...honest, first], isFaulty: true };
        }
        if (this.#random.chance(0.5)) {
            return { txs: [...honest, this.#random.bytes(40)], isFaulty: true };
        }
        if (this.#random.chance(0.6)) {
            const txs = this.#random.chance(0.5) ? honest.slice(1) : [...honest].reverse();
            return { txs, isFaulty: isOutOfOrder(txs, honest) };
        }
        return { txs: [], isFaulty: false }; // leaves out whatever there is
    }

    async #forge(kind: string): Promise<ForgedTx | null> {
        const { founding, nodes, plan } = this.#host;
        const index = plan.lyingCollector ?? this.#random.below(nodes.length);
        const author = founding.collectors[index] as TestCollector;
        const codes = KINDS[kind] ?? [];
        if (kind === "replayed vertex") {
            const tx = this.#logged();
            return tx === null ? null : { tx, kind, codes, isReplay: true };
        }
        const records = this.#records();
        const header = this.#header(author, records);
        if (header === null) return null;
        const made = await this.#variant(kind, header, records, author);
        if (made === null) return null;
        const parsed = parseVertex(made.item);
        if (parsed.ok) {
            this.#host.watch.forbidden.set(toHex(parsed.value.message.hash), kind);
        }
        return { tx: encodeCbor([made.item, made.body]), kind, codes, isReplay: false };
    }

    async #variant(
        kind: string,
        header: VertexHeader,
        records: readonly MeterRecord[],
        { signer }: TestCollector,
    ): Promise<{ item: Uint8Array; body: Uint8Array[] } | null> {
        const body = records.map(({ message }) => message.bytes);
        const noise = this.#random.bytes(32);
        const sign = async (changes: Partial<VertexHeader>, by: Signer = signer) => ({
            item: await createVertex(by, { ...header, ...changes }),
            body,
        });
        const [one, two] = header.parents;
        switch (kind) {
            case "bad signature": // under the author's name and key id
                return await sign({}, { ...stranger().signer, publicKey: signer.publicKey });
            case "another key":
                return await sign({}, stranger().signer);
            case "unknown author":
                return await sign({ author: noise.subarray(0, 16) }, stranger().signer);
            case "wrong network":
                return await sign({ net: noise });
            case "other key epoch":
                return await sign({ keyEpoch: 1 + this.#random.below(3) });
            case "false root":
                return await sign({ root: noise });
            case "false count":
                return await sign({ count: header.count + 1 });
            case "false body hash":
                return await sign({ bodyHash: noise });
            case "unsorted body": {
                const reversed = [...records].reverse();
                if (reversed.length < 2) return null;
                const item = await createVertex(signer, { ...header, ...summarizeBody(reversed) });
                return { item, body: [...body].reverse() };
            }
            case "withheld body":
                return { ...(await sign({ t0: header.t0 })), body: [] };
            case "unknown parent": {
                const fake = parseVertex(await createVertex(signer, { ...header, net: noise }));
                return await sign({ parents: [one, unwrap(fake).id] as VertexHeader["parents"] });
            }
            case "false round":
                return await sign({ round: header.round + 1 + this.#random.below(3) });
            case "one parent":
                return await sign({ parents: [one] as VertexHeader["parents"] });
            case "same parent twice":
                return await sign({ parents: [one, one] as VertexHeader["parents"] });
            case "unsorted parents":
                if (one === undefined || two === undefined) return null;
                return { item: await this.#swapParents(header, signer, one, two), body };
            case "fork":
                return await this.#fork(header, body, signer);
            case "forged record":
                return await this.#withBody(header, records, signer, true);
            case "record of a stranger":
                return await this.#withBody(header, records, signer, false);
            default:
                return null;
        }
    }

    /** A body whose first record is not what its meter signed, or is signed by nobody enrolled. */
    async #withBody(
        header: VertexHeader,
        records: readonly MeterRecord[],
        signer: Signer,
        isFlipped: boolean,
    ): Promise<{ item: Uint8Array; body: Uint8Array[] }> {
        const [first, ...rest] = records as [MeterRecord, ...MeterRecord[]];
        const { bytes, payload } = first.message;
        const changed = bytes.slice();
        changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
        const made = isFlipped
            ? changed
            : await createSign1(stranger().signer, MESSAGE_TYPE.record, payload);
        const body = [unwrap(parseRecord(made)), ...rest].sort(compareRecords);
        const item = await createVertex(signer, { ...header, ...summarizeBody(body) });
        return { item, body: body.map(({ message }) => message.bytes) };
    }

    /** A vertex beside the author's last one, where there is one. */
    async #fork(
        header: VertexHeader,
        body: Uint8Array[],
        signer: Signer,
    ): Promise<{ item: Uint8Array; body: Uint8Array[] } | null> {
        const genesis = genesisVertexIds(header.net);
        const isFirst = header.round === 1;
        if (isFirst) return null;
        const item = await createVertex(signer, { ...header, parents: genesis, round: 1 });
        return { item, body };
    }

    async #swapParents(
        header: VertexHeader,
        signer: Signer,
        one: Vertex["id"],
        two: Vertex["id"],
    ): Promise<Uint8Array> {
        const { payload } = unwrap(parseVertex(await createVertex(signer, header))).message;
        const text = Buffer.from(payload);
        const [a, b] = [text.indexOf(one.bytes), text.indexOf(two.bytes)];
        const swapped = payload.slice();
        swapped.set(two.bytes, a);
        swapped.set(one.bytes, b);
        return await createSign1(signer, MESSAGE_TYPE.vertex, swapped);
    }

    /** Header of the author's next vertex, as it would be right. */
    #header(author: TestCollector, records: readonly MeterRecord[]): VertexHeader | null {
        const engine = this.#host.nodes.find((node) => node.engine !== null)?.engine;
        if (engine === null || engine === undefined || records.length === 0) return null;
        const { enrolment, network } = author;
        const known = engine.state.authors.get(toHex(enrolment.id));
        const last = known?.lastVertex ?? null;
        const genesis = [...genesisVertexIds(network.networkId)];
        const own = last === null ? undefined : this.#host.watch.vertexIds.get(last);
        const parents = own === undefined ? genesis : [own, genesis[1] as Vertex["id"]];
        return {
            ...summarizeBody(records),
            net: network.networkId,
            author: enrolment.id,
            keyEpoch: enrolment.epoch,
            round: (known?.round ?? 0) + 1,
            parents,
            seen: { size: 0, root: new Uint8Array(32) },
        };
    }

    /** Records of honest meters, sorted as a body is. */
    #records(): MeterRecord[] {
        const { overheard } = this.#host.liars;
        const byHash = new Map<string, MeterRecord>();
        for (let left = 3; left > 0 && overheard.length > 0; left--) {
            const { message } = this.#random.pick(overheard);
            for (const bytes of unwrap(splitSequence(message, LIMITS.messageRecords))) {
                const record = unwrap(parseRecord(bytes));
                byHash.set(toHex(record.message.hash), record);
            }
        }
        return [...byHash.values()].sort(compareRecords);
    }

    /** A transaction that the chain has already. */
    #logged(): Uint8Array | null {
        const { log } = this.#host.watch;
        const vertices = log.flatMap(({ entry }) => (entry.kind === "vertex" ? [entry] : []));
        if (vertices.length === 0) return null;
        const { records, vertex } = this.#random.pick(vertices);
        const body = records.map(({ message }) => message.bytes);
        return encodeCbor([vertex.message.bytes, body]);
    }
}

/** True where a vertex stands before a parent that a good block has before it, or without it. */
function isOutOfOrder(txs: readonly Uint8Array[], good: readonly Uint8Array[]): boolean {
    const missing = new Set(good.map((tx) => vertexOf(tx)?.id.toString()));
    return txs.some((tx) => {
        const vertex = vertexOf(tx);
        missing.delete(vertex?.id.toString());
        return vertex?.parents.some((parent) => missing.has(parent.toString())) === true;
    });
}

function vertexOf(tx: Uint8Array): Vertex | null {
    const [item] = decodeCbor(tx) as [Uint8Array, Uint8Array[]];
    const vertex = parseVertex(item);
    return vertex.ok ? vertex.value : null;
}
