import type { Clock } from "@meterseal/core";
import { REPLAY_LABEL } from "../fleet/neighbourhood.ts";
import { freePorts } from "./free-ports.ts";
import { type Member, startMember } from "./member.ts";
import type { Organisation } from "./organisations.ts";

/** How the processes of all members are started. */
export type MembersOptions = {
    readonly binary: string;
    /** HTTP port of the first organisation, the others have the next ones; 0 takes free ones. */
    readonly httpPort: number;
    readonly signal: AbortSignal;
};

const HOST = "127.0.0.1";

/** Starts all members side by side: the chain begins when most of them run. */
export async function startMembers(
    organisations: readonly Organisation[],
    clock: Clock,
    { binary, httpPort, signal }: MembersOptions,
): Promise<Member[]> {
    const count = organisations.length;
    const ports = await freePorts(count * 3);
    const addressOf = (i: number): string => `${HOST}:${ports[i]}`;
    const httpPortOf = (i: number): number =>
        httpPort === 0 ? (ports[2 * count + i] ?? 0) : httpPort + i;
    const ends = new AbortController();
    const starts = organisations.map((organisation, i) =>
        startMember({
            ...{ binary, organisation, p2p: addressOf(i), rpc: addressOf(count + i) },
            peers: organisations
                .map(({ nodeId }, other) => `${nodeId}@${addressOf(other)}`)
                .filter((_, other) => other !== i),
            checkpointsFrom: i === 0 ? null : `http://${HOST}:${httpPortOf(0)}`,
            start: {
                ...{ httpPort: httpPortOf(i), mqttPort: 0, mode: null },
                ...{ nowMs: clock.nowMs(), clockLabel: REPLAY_LABEL },
            },
            signal: AbortSignal.any([signal, ends.signal]),
        }),
    );
    try {
        return await Promise.all(starts);
    } catch (cause) {
        ends.abort();
        const settled = await Promise.allSettled(starts);
        await stopMembers(
            settled.flatMap((each) => (each.status === "fulfilled" ? [each.value] : [])),
        );
        throw cause;
    }
}

/** Ends the servers, and the nodes after them. */
export async function stopMembers(members: readonly Member[]): Promise<void> {
    await Promise.all(members.map(({ server }) => server.stop()));
    await Promise.all(members.map(({ node }) => node.stop()));
}
