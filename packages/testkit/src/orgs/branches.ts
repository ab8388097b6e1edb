import { error, unwrap } from "@meterseal/core";
import { BranchEngine, SequencerDoor, type VerifySignatures } from "@meterseal/engines/branch";
import { EmbeddedEngine } from "@meterseal/engines/embedded";
import {
    decodeAnswers,
    decodeHeads,
    decodeLogPage,
    decodeVertices,
    type EngineObserver,
    type Exchange,
    encodeAnswers,
    encodeHeads,
    encodeLogPage,
    encodeVertices,
} from "@meterseal/ledger";
import { MemoryServerStore } from "@meterseal/stores/memory";
import type { Founding } from "./founding.ts";
import type { OrgHost } from "./host.ts";
import type { NodeEngine, OrgNode } from "./org-node.ts";

/** Whoever writes the log, where the ledger is one server with branches. */
export const SEQUENCER = 0;
/** Other branches that each one exchanges vertices with: its neighbours. */
const NEIGHBOURS = [1, 5];

/** Virtual time that a server waits for another one's answer, in milliseconds. */
const PATIENCE_MS = 5_000;

/** What a process of this profile opens its engine with. */
export type BranchParts = {
    readonly observer: EngineObserver;
    readonly timers: { after(delayMs: number, callback: () => void): () => void };
    readonly onFatal: (cause: unknown) => void;
};

/** Store of the server that writes the log, with all members in it; or of a branch before it follows. */
export async function foundedStore(founding: Founding, index: number): Promise<MemoryServerStore> {
    const { logSigner, genesis } = founding.network;
    const store = new MemoryServerStore();
    await store.initialize(genesis);
    if (index !== SEQUENCER) return store;
    const engine = await EmbeddedEngine.open({
        ...{ store, logSigner },
        clock: { nowMs: () => 0 },
        observer: { entryFinal: () => undefined },
    });
    for (const { enrolment } of [...founding.collectors, ...founding.meters]) {
        await engine.append(enrolment.message.bytes, []);
    }
    return store;
}

/** Opens the engine of a node: the embedded one of the sequencer, or that of a branch. */
export async function openBranchNode(
    host: OrgHost,
    node: OrgNode,
    { observer, onFatal, timers }: BranchParts,
): Promise<{
    readonly engine: NodeEngine;
    readonly exchange: Exchange;
    readonly start: () => void;
}> {
    const { clock, disk: store } = node;
    const verify: VerifySignatures = (jobs) =>
        Promise.resolve(jobs.map((job) => host.signatures.verify(job)));
    if (node.index === SEQUENCER) {
        const { logSigner } = host.founding.network;
        const engine = await EmbeddedEngine.open({
            ...{ store, clock, logSigner, observer, onFatal },
        });
        const author = node.identity.enrolment.id;
        const exchange = await SequencerDoor.open({ engine, store, clock, verify, author });
        return { engine, exchange, start: () => undefined };
    }
    const peers = NEIGHBOURS.map((step) => {
        const to = 1 + ((node.index - 1 + step) % (host.nodes.length - 1));
        return { name: `node ${to}`, exchange: way(host, node.index, to) };
    });
    const engine = await BranchEngine.open({
        ...{ store, observer, clock, timers, verify, peers, onFatal },
        log: { info: () => undefined, warn: () => undefined },
        author: node.identity.enrolment.id,
        sequencer: way(host, node.index, SEQUENCER),
        onEvidence: ({ kind }) => host.trace.complain("I11", `node ${node.index}: ${kind}`),
    });
    return { engine, exchange: engine, start: () => engine.start() };
}

/** The way from one server to another, over which bytes pass or nothing does. */
function way(host: OrgHost, from: number, to: number): Exchange {
    const cross = async <T>(ask: (far: Exchange) => Promise<T>): Promise<T> => {
        await pause();
        const far = host.nodes[to]?.exchange ?? null;
        if (far === null || !host.reaches(from, to) || host.strikes(host.plan.lossRate)) {
            throw error("MS_LINK", { got: "no answer" });
        }
        // A server that dies while it answers never does: its caller's patience ends.
        const answer = await Promise.race([ask(far), impatience()]);
        await pause();
        if (!host.reaches(from, to) || host.strikes(host.plan.lossRate)) {
            throw error("MS_LINK", { got: "no answer" });
        }
        return answer;
    };
    const impatience = (): Promise<never> =>
        new Promise((_resolve, reject) => {
            host.time.after(PATIENCE_MS, () =>
                reject(error("MS_LINK", { got: "no answer in time" })),
            );
        });
    const pause = (): Promise<void> =>
        new Promise((resolve) => {
            host.time.after(1 + host.random.below(host.plan.delayMs), resolve);
        });
    return {
        logPage: async (index) => {
            const page = await cross((far) => far.logPage(index));
            return unwrap(decodeLogPage(encodeLogPage(page)));
        },
        heads: async () => unwrap(decodeHeads(encodeHeads(await cross((far) => far.heads())))),
        missing: async (heads) => {
            const asked = unwrap(decodeHeads(encodeHeads(heads)));
            const found = await cross((far) => far.missing(asked));
            return unwrap(decodeVertices(encodeVertices(found)));
        },
        offer: async (vertices) => {
            const sent = unwrap(decodeVertices(encodeVertices(vertices)));
            const answers = await cross((far) => far.offer(sent));
            return unwrap(decodeAnswers(encodeAnswers(answers)));
        },
        submit: async (item) => await cross((far) => far.submit(item)),
    };
}
