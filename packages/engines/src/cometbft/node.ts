import { type AbciAddress, type AbciHandler, AbciServer } from "./abci/server.ts";
import { type BroadcastAnswer, CometRpc } from "./rpc.ts";

/** A CometBFT node, as the engine works with it: it asks our application, and takes transactions. */
export interface CometNode {
    /**
     * Begins to serve the application to the node.
     * @param onFatal - told of a failure of the application, which must stop.
     * @returns address for the node's `proxy_app`.
     */
    serve(handle: AbciHandler, onFatal: (cause: unknown) => void): Promise<string>;
    /**
     * Offers a transaction to the node's mempool.
     * @throws MetersealError MS_LINK where the node is not reached or has no room.
     */
    broadcast(tx: Uint8Array): Promise<BroadcastAnswer>;
    /** Serves the application no more. */
    close(): Promise<void>;
}

const RPC_TIMEOUT_MS = 10_000;

/**
 * The node on this machine, over its socket and its RPC.
 * @param abci - where our application listens for it.
 * @param rpcUrl - of its RPC, such as http://127.0.0.1:26657.
 */
export function localNode(abci: AbciAddress, rpcUrl: string): CometNode {
    const rpc = new CometRpc(rpcUrl, RPC_TIMEOUT_MS);
    let server: AbciServer | null = null;
    return {
        async serve(handle, onFatal) {
            server = new AbciServer({ address: abci, handle, onFatal });
            return await server.listen();
        },
        broadcast: (tx) => rpc.broadcast(tx),
        close: async () => await server?.close(),
    };
}
