import { setTimeout as sleep } from "node:timers/promises";
import { error, LIMITS, toHex } from "@meterseal/core";
import { stateRoot } from "@meterseal/ledger";
import { REPLAY_START_MS } from "../fleet/replay.ts";
import { METERS_OF_REAL, type SimulatedNetwork, type SimulatedNode } from "./network.ts";

/** How things stood at the end of a day. */
export type DayReport = {
    readonly day: number;
    /** Links to the sequencer that stood, of how many. */
    readonly up: number;
    readonly links: number;
    /** Own vertices that waited, over all simulated branches. */
    readonly waiting: number;
    /** Vertices of others that a branch had at most before the log had them. */
    readonly heard: number;
    readonly logSize: number;
    /** What happened besides; empty for nothing. */
    readonly event: string;
};

const DAY_MS = 86_400_000;
/** Longer than a vertex stays open, and then some for an exchange. */
const ROUND_MS = LIMITS.vertexAgeMs + 1_500;
/** Share of the days on which a link to the sequencer stands, and one to a peer. */
const [HOME_UP, PEER_UP] = [0.3, 0.6];
const MERGE_MS = 180_000;

/**
 * Runs days of readings over links that come and go. In the middle one simulated branch loses its power,
 * and the meter of another goes to a third.
 */
export async function runDays(
    network: SimulatedNetwork,
    days: number,
    onDay: (report: DayReport) => void,
    signal: AbortSignal,
): Promise<void> {
    const { draws, nodes } = network;
    const middle = Math.ceil(days / 2);
    for (let day = 1; day <= days && !signal.aborted; day++) {
        for (const { home, peers } of nodes) {
            home.up = draws.next() < HOME_UP;
            for (const { exchange } of peers) exchange.up = draws.next() < PEER_UP;
        }
        await network.advanceTo(REPLAY_START_MS + day * DAY_MS);
        await sleep(ROUND_MS, undefined, { signal }).catch(() => undefined);
        const event = day === middle ? await trouble(network) : "";
        onDay(await reportOf(network, day, event));
    }
}

/** A meter changes its collector, and a branch its life. */
async function trouble(network: SimulatedNetwork): Promise<string> {
    const [node, , third] = network.nodes;
    if (node === undefined) return "";
    await network.restart(node);
    const lost = "simulated 1 loses its power";
    if (third === undefined) return lost;
    await network.move(1, 2);
    return `${lost}; the meter of simulated 2 goes to simulated 3`;
}

async function reportOf(network: SimulatedNetwork, day: number, event: string): Promise<DayReport> {
    const statuses = network.nodes.map(({ branch }) => branch.engine.status());
    const [sequencer] = network.servers;
    if (sequencer === undefined) throw error("MS_INTERNAL");
    return {
        day,
        up: network.nodes.filter(({ home }) => home.up).length,
        links: network.nodes.length,
        waiting: statuses.reduce((sum, { waiting }) => sum + waiting.own, 0),
        heard: Math.max(0, ...statuses.map(({ waiting }) => waiting.foreign)),
        logSize: (await network.statusOf(sequencer)).log.size,
        event,
    };
}

/** What one participant came to. */
export type Standing = {
    readonly name: string;
    readonly size: number;
    /** Root of the log, hexadecimal. */
    readonly logRoot: string;
    /** State root of a simulated branch, hexadecimal; null for a real server, whose directory tells it. */
    readonly stateRoot: string | null;
    readonly heads: number;
    readonly waiting: number;
};

/**
 * Lets every link stand and waits until nothing waits anywhere; resolves with where everybody stands,
 * whether they agree or not.
 */
export async function settle(network: SimulatedNetwork, signal: AbortSignal): Promise<Standing[]> {
    for (const { home, peers } of network.nodes) {
        home.up = true;
        for (const { exchange } of peers) exchange.up = true;
    }
    const settled = Promise.all(network.meters.map(({ agent }) => agent.settled()));
    settled.catch(() => undefined);
    let standings = await standingsOf(network);
    for (const endMs = Date.now() + MERGE_MS; !signal.aborted; await sleep(250)) {
        standings = await standingsOf(network);
        const open = network.meters.some(({ agent }) => agent.openRecords > 0);
        const roots = new Set(standings.map(({ logRoot }) => logRoot));
        const isStill = roots.size === 1 && standings.every(({ waiting }) => waiting === 0);
        if ((isStill && !open) || Date.now() > endMs) break;
    }
    return standings;
}

async function standingsOf(network: SimulatedNetwork): Promise<Standing[]> {
    const real = await Promise.all(
        network.servers.map(async (server): Promise<Standing> => {
            const status = await network.statusOf(server);
            const waiting =
                status.role === "branch" ? status.waiting.own + status.waiting.foreign : 0;
            return standing(server.name, status, null, waiting);
        }),
    );
    return [...real, ...network.nodes.map(standingOfNode)];
}

function standingOfNode({ branch }: SimulatedNode, i: number): Standing {
    const { engine } = branch;
    const status = engine.status();
    const root = toHex(stateRoot(engine.state));
    return standing(
        `simulated ${i + 1}`,
        status,
        root,
        status.waiting.own + status.waiting.foreign,
    );
}

function standing(
    name: string,
    { heads, log }: { heads: readonly unknown[]; log: { size: number; root: string } },
    root: string | null,
    waiting: number,
): Standing {
    return {
        name,
        size: log.size,
        logRoot: log.root,
        stateRoot: root,
        heads: heads.length,
        waiting,
    };
}

/** Meters of a simulation. */
export function meterCount(simulated: number, real: number): number {
    return simulated + METERS_OF_REAL * real;
}
