import { unwrap, utf8 } from "@meterseal/core";
import { checkCommits, checkDoubleVote } from "@meterseal/engines/cometbft";
import {
    type Contradiction,
    CULPRIT,
    checkContradiction,
    decodeCarHeader,
    decodeContradiction,
    encodeCarHeader,
    encodeContradiction,
    messageBlocks,
    originOf,
    pageBlock,
    parseCheckpointPage,
    parseEntryPage,
    parseRoot,
    parseVertex,
    parseWaitingPage,
    rawBlock,
    rootBlock,
    signCheckpoint,
} from "@meterseal/ledger";
import { TestChain, TestNetwork } from "@meterseal/testkit/records";
import { cometCommits, network as vectors } from "./corpus.ts";
import { bytesTarget } from "./make-target.ts";
import { type FuzzTarget, type FuzzVerdict, requireSame, verdictOf } from "./target.ts";

const network = new TestNetwork("fuzz audit");

/** Proofs against a meter, a collector and the log. */
async function contradictions(): Promise<Uint8Array[]> {
    const meter = await network.meter();
    const author = await network.collector();
    const chain = new TestChain(meter);
    const other = chain.fork();
    const [a, b] = [await chain.usage(), await other.warning()];
    const header = author.header([a]);
    const v = [await author.sign(header), await author.sign({ ...header, t1: header.t1 + 1 })];
    const note = async (root: number): Promise<Uint8Array> => {
        const origin = originOf(network.networkId);
        return utf8(
            await signCheckpoint(network.logSigner, origin, 1, new Uint8Array(32).fill(root)),
        );
    };
    const { genesis } = network;
    const enrolments = [meter, author].map(({ enrolment }) => enrolment.message.bytes);
    const vertices = v.map(({ message }) => message.bytes) as [Uint8Array, Uint8Array];
    const proofs: Contradiction[] = [
        {
            ...{ culprit: CULPRIT.meter, genesis, enrolment: enrolments[0] ?? null, context: [] },
            statements: [a.message.bytes, b.message.bytes],
        },
        {
            ...{ culprit: CULPRIT.collector, genesis, enrolment: enrolments[1] ?? null },
            ...{ statements: vertices, context: [header, header].map(() => new Uint8Array(3)) },
        },
        {
            ...{ culprit: CULPRIT.log, genesis, enrolment: null, context: [] },
            statements: [await note(1), await note(2)],
        },
        {
            ...{ culprit: CULPRIT.validator, genesis, enrolment: null },
            ...{ statements: vertices, context: [utf8("chain"), new Uint8Array(32)] },
        },
    ];
    return proofs.map(encodeContradiction);
}

function takeContradiction(bytes: Uint8Array): FuzzVerdict {
    const read = decodeContradiction(bytes);
    if (!read.ok) return verdictOf(read);
    requireSame(encodeContradiction(read.value), bytes);
    verdictOf(checkDoubleVote(read.value, network.networkId));
    return verdictOf(checkContradiction(read.value, network.networkId));
}

/** Blocks of an archive: its header, root and one page of each kind. */
function carBlocks(): Uint8Array[] {
    const bytes = Uint8Array.fromHex(vectors.vertex.bytes);
    const header = unwrap(parseVertex(bytes)).message.payload;
    const records = [Uint8Array.fromHex(vectors.vertex.body)];
    const vertex = messageBlocks("vertex", bytes, { header, records }).links;
    const { links } = messageBlocks("enrolment", bytes);
    const entries = pageBlock([
        { ...links, time: 1 },
        { ...vertex, time: 2 },
    ]);
    const checkpoints = pageBlock([{ size: 1, note: vectors.log.checkpoint }]);
    const waiting = pageBlock([vertex, messageBlocks("record", bytes).links]);
    const { cid } = rawBlock(bytes);
    const root = rootBlock({
        ...{ genesis: cid, size: 2, entries: [entries.cid], checkpoints: [checkpoints.cid] },
        ...{ waiting: [waiting.cid], contradictions: [cid], anchors: [cid] },
        block: { height: 3, appHash: new Uint8Array(32), state: bytes, commits: cid },
    });
    const pages = [root, entries, checkpoints, waiting].map((block) => block.bytes);
    return [encodeCarHeader(root.cid).subarray(1), ...pages];
}

function takeCar(bytes: Uint8Array): FuzzVerdict {
    const parsers = [decodeCarHeader, parseRoot, parseEntryPage, parseCheckpointPage];
    const verdicts = [...parsers, parseWaitingPage].map((parse) => verdictOf(parse(bytes)));
    return verdicts.includes("accepted") ? "accepted" : "refused";
}

/** What an auditor gets from whoever hands it over. */
export const AUDIT: readonly FuzzTarget[] = [
    bytesTarget("contradiction", 20_000, contradictions, takeContradiction),
    bytesTarget("blocks of an archive", 20_000, carBlocks, takeCar),
    bytesTarget(
        "commits of validators",
        20_000,
        () => [cometCommits()],
        (bytes) => verdictOf(checkCommits(bytes)),
    ),
];
