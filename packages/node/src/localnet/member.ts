import { error } from "@meterseal/core";
import { ServerProcess } from "../fleet/server-process.ts";
import { askApi } from "../http-client.ts";
import type { StartMessage } from "../server/messages.ts";
import { configureComet } from "./comet-home.ts";
import { CometNode } from "./comet-node.ts";
import { genesisOf, type Organisation } from "./organisations.ts";

/** An organisation whose server and node run. */
export type Member = {
    readonly organisation: Organisation;
    readonly server: ServerProcess;
    readonly node: CometNode;
};

/** What a member's processes are started with. */
export type MemberPlan = {
    readonly binary: string;
    readonly organisation: Organisation;
    readonly p2p: string;
    readonly rpc: string;
    /** Other nodes as `id@host:port`. */
    readonly peers: readonly string[];
    /** Server that signs checkpoints; null for that one itself. */
    readonly checkpointsFrom: string | null;
    readonly start: Omit<StartMessage, "type" | "dataDir" | "comet">;
    readonly signal: AbortSignal;
};

/** What a server says of the ledger. */
export type LedgerView = {
    /** Size and root of what is final. */
    readonly size: number;
    readonly root: string;
    readonly records: number;
    readonly readings: number;
    /** Size under the latest signed checkpoint; 0 while there is none. */
    readonly signedSize: number;
};

/**
 * Starts an organisation's server, and its node as soon as the server listens for it; resolves when
 * the chain goes on, for which more than two thirds of the nodes must run.
 * @throws MetersealError what the server could not do, MS_LINK where its node ended.
 */
export async function startMember(plan: MemberPlan): Promise<Member> {
    const { binary, checkpointsFrom, organisation, p2p, peers, rpc, signal, start } = plan;
    const { dataDir, home } = organisation;
    configureComet(home, { p2p, rpc }, peers);
    const genesisFile = genesisOf(organisation);
    const comet = { rpcUrl: `http://${rpc}`, abci: "abci.sock", genesisFile, checkpointsFrom };
    const failed = new AbortController();
    const started: { node: CometNode | null; isReady: boolean } = { node: null, isReady: false };
    const startNode = (proxyApp: string): void => {
        const node = new CometNode({ binary, home, proxyApp, rpc });
        started.node = node;
        void node.ended.then(() => started.isReady || failed.abort());
    };
    try {
        const server = await ServerProcess.start(
            { ...start, dataDir, comet },
            AbortSignal.any([signal, failed.signal]),
            startNode,
        );
        started.isReady = true;
        if (started.node !== null) return { organisation, server, node: started.node };
        throw error("MS_INTERNAL", { where: organisation.name, got: "a server without a node" });
    } catch (cause) {
        await started.node?.stop();
        if (!failed.signal.aborted) throw cause;
        throw nodeEnded(organisation.name, started.node?.logFile ?? "");
    }
}

/** The failure of a node that ended by itself. */
export function nodeEnded(name: string, logFile: string): Error {
    const got = `the CometBFT node of ${name} ended`;
    return error("MS_LINK", { got, todo: `Its last lines are in ${logFile}` });
}

/** The ledger as a server's API shows it. */
export async function viewOf(httpUrl: string): Promise<LedgerView> {
    const answer = await askApi(httpUrl, "/api/v1/network");
    const { checkpoint, ledger } = (await answer.json()) as {
        readonly checkpoint: string | null;
        readonly ledger: Omit<LedgerView, "signedSize">;
    };
    const signedSize = Number(checkpoint?.split("\n")[1] ?? 0); // C2SP tlog-checkpoint, second line
    const { readings, records, root, size } = ledger;
    return { size, root, records, readings, signedSize };
}
