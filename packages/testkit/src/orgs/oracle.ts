import { sha256, toHex } from "@meterseal/core";
import type { SeededRandom } from "../random.ts";
import type { SimulatedTime } from "../sim-time.ts";
import { ORGANISATIONS } from "./founding.ts";
import { OracleNode } from "./oracle-node.ts";
import type { Trace } from "./trace.ts";

/** A block that was agreed on, and what the first application to execute it came to. */
export type Block = {
    readonly height: number;
    readonly timeMs: number;
    readonly txs: readonly Uint8Array[];
    readonly misbehavior: readonly object[];
    appHash?: string;
    digest?: string;
    codes?: readonly string[];
};

/** The world as nodes see it. */
export type OracleHost = {
    readonly time: SimulatedTime;
    readonly random: SeededRandom;
    readonly trace: Trace;
    readonly chain: Block[];
    readonly appState: Uint8Array;
    readonly startMs: number;
    readonly validators: readonly Uint8Array[];
    firstHash?: string;
    /** Whether the network carries messages between two nodes now. */
    reaches(from: number, to: number): boolean;
    /** Whether a node hears of the chain now. */
    hears(node: number): boolean;
    /** Clock of a node, ms. */
    clockMs(node: number): number;
    /** Whether trouble of this probability strikes now. */
    strikes(probability: number): boolean;
    /** What a proposer that means ill puts into its block; null where it does not. */
    forge(proposer: number, honest: readonly Uint8Array[]): Forged | null;
};

/** A block of a proposer that means ill. */
export type Forged = {
    readonly txs: readonly Uint8Array[];
    /** Whether no honest validator may vote for it. */
    readonly isFaulty: boolean;
};

const DUPLICATE_VOTE = 1;
/** A block is made after this time also where it has nothing to say (formats 10). */
const EMPTY_BLOCK_MS = 30_000;
/** Nodes 0, 3, 6 and 9 are the validators of the four organisations. */
const NODES_EACH = 3;

/**
 * Stands for CometBFT in a simulation: one total order of blocks, delivered to each node in its own
 * time. It is not a protocol: it sees all nodes at once and decides by itself. What it keeps of
 * CometBFT is what applications may rely on and must bear: more than two thirds of the validators
 * must be alive, connected and caught up, or nothing is decided; proposers take turns and may lie;
 * a block needs the votes of more than two thirds; its time is the median of their clocks; who was
 * away executes the same blocks later; and an application is asked as the real node asks it.
 */
export class OrderingOracle {
    readonly nodes: readonly OracleNode[];
    readonly #host: OracleHost;
    readonly #removed = new Set<number>();
    #turn = 0;
    #isBusy = false;
    #lastMs = 0;
    #doubleVoter: number | null = null;

    constructor(host: OracleHost, nodes: number) {
        this.#host = host;
        this.nodes = Array.from({ length: nodes }, (_, i) => new OracleNode(i, host));
    }

    /** A validator of this organisation is caught voting twice; the next block says so. */
    catchDoubleVote(organisation: number): void {
        this.#doubleVoter = organisation;
    }

    /** One round: gossip, and a block where there is something for one and enough validators. */
    async round(): Promise<void> {
        if (this.#isBusy) return;
        this.#isBusy = true;
        try {
            await this.#gossip();
            for (const node of this.nodes) {
                if (node.isOnline && this.#host.hears(node.index)) void node.sync();
            }
            await this.#decide();
        } finally {
            this.#isBusy = false;
        }
    }

    /** Validators that can decide together now; null while they are too few. */
    quorum(): readonly OracleNode[] | null {
        const { chain } = this.#host;
        const all = this.nodes.filter(
            ({ index }) => index % NODES_EACH === 0 && !this.#removed.has(index),
        );
        const ready = all.filter((node) => node.isOnline && node.height === chain.length);
        for (const one of ready) {
            const group = ready.filter(({ index }) => this.#host.reaches(one.index, index));
            if (3 * group.length > 2 * all.length) return group;
        }
        return null;
    }

    async #gossip(): Promise<void> {
        for (const from of this.nodes) {
            for (const [hash, tx] of [...from.mempool]) {
                for (let to = 0; to < this.nodes.length; to += NODES_EACH) {
                    const node = this.nodes[to];
                    if (node === undefined || !node.lacks(hash)) continue;
                    if (!this.#host.reaches(from.index, to) || this.#host.strikes(0.3)) continue;
                    await node.offer(tx).catch(() => undefined);
                }
            }
        }
    }

    async #decide(): Promise<void> {
        const { chain, time, trace } = this.#host;
        const quorum = this.quorum();
        if (quorum === null) {
            trace.counts.halted = (trace.counts.halted ?? 0) + 1;
            return;
        }
        const last = chain.at(-1);
        const isChanged = chain.length < 2 || last?.appHash !== chain.at(-2)?.appHash;
        const hasWork = quorum.some(({ mempool }) => mempool.size > 0);
        const isDue = time.nowMs() - this.#lastMs >= EMPTY_BLOCK_MS;
        if (!isChanged && !hasWork && !isDue && this.#doubleVoter === null) return;
        const proposer = quorum[this.#turn++ % quorum.length] as OracleNode;
        const block = await this.#propose(proposer, quorum);
        if (block === null || this.#host.strikes(0.05)) return;
        // A round takes time, and somebody may be gone at the end of it.
        if (this.quorum() === null) return;
        this.#lastMs = time.nowMs();
        chain.push(block);
        trace.note("block", `${block.height} of ${block.txs.length} at ${block.timeMs}`);
        this.#punish();
        for (const node of this.nodes) {
            const delayMs = 1 + this.#host.random.below(this.#host.strikes(0.2) ? 3_000 : 60);
            time.after(delayMs, () => void node.sync());
        }
    }

    async #propose(proposer: OracleNode, quorum: readonly OracleNode[]): Promise<Block | null> {
        const { chain, random, trace } = this.#host;
        const height = chain.length + 1;
        const maxBytes = random.chance(0.2) ? 20_000 : 4_000_000;
        const txs = proposer.reap(maxBytes);
        let honest: Uint8Array[];
        try {
            honest = await proposer.prepare(txs, maxBytes, height);
        } catch {
            return null;
        }
        const size = honest.reduce((sum, { length }) => sum + length, 0);
        trace.check("I19", size <= maxBytes, () => `a block of ${size} above ${maxBytes} bytes`);
        const forged = this.#host.forge(proposer.index, honest);
        const block: Block = {
            height,
            timeMs: this.#time(quorum),
            txs: forged?.txs ?? honest,
            misbehavior: this.#misbehavior(),
        };
        const votes: boolean[] = [];
        for (const node of quorum) {
            try {
                votes.push(await node.votes(block));
            } catch {
                return null;
            }
        }
        const count = votes.filter(Boolean).length;
        if (forged?.isFaulty === true) {
            trace.note("faulty", `block ${height} of node ${proposer.index}`);
            trace.check("I10", count === 0, () => `${count} votes for a faulty block`);
            return null;
        }
        trace.check("I19", count === quorum.length, () => `block ${height} got ${count} votes`);
        return count === quorum.length ? block : null;
    }

    /** Median of the clocks of those who vote, and later than the block before. */
    #time(quorum: readonly OracleNode[]): number {
        const clocks = quorum.map(({ index }) => this.#host.clockMs(index)).sort((a, b) => a - b);
        const median = clocks[Math.floor((clocks.length - 1) / 2)] ?? 0;
        const before = this.#host.chain.at(-1)?.timeMs ?? this.#host.startMs;
        return Math.max(Math.floor(median), before + 1);
    }

    #misbehavior(): readonly object[] {
        if (this.#doubleVoter === null) return [];
        const key = this.#host.validators[this.#doubleVoter] as Uint8Array;
        const validator = { address: sha256(key).subarray(0, 20), power: 10n };
        return [{ type: DUPLICATE_VOTE, validator, height: 1n, totalVotingPower: 40n }];
    }

    #punish(): void {
        if (this.#doubleVoter === null) return;
        this.#removed.add(this.#doubleVoter * NODES_EACH);
        this.#host.trace.note("punished", `validator of organisation ${this.#doubleVoter}`);
        this.#doubleVoter = null;
    }
}

/** Organisation of a node. */
export function organisationOf(node: number): number {
    return Math.floor(node / NODES_EACH) % ORGANISATIONS;
}

/** Name that CometBFT gives a transaction. */
export function txHash(tx: Uint8Array): string {
    return toHex(sha256(tx));
}
