import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type Address, EvmRpc, type Hex } from "@meterseal/engines/evm";
import { findAnvil } from "./find-anvil.ts";

/** How a node of the tests runs. */
export type AnvilOptions = {
    readonly chainId?: number;
    /** 0 = any free one. */
    readonly port?: number;
    /** Seconds between blocks; without it each transaction makes its block at once. */
    readonly blockTimeS?: number;
    /** Makes a block when it is asked to only. */
    readonly isManual?: boolean;
    /** File that the chain is written to at a gentle end, and read from at the start. */
    readonly stateFile?: string;
};

const LISTENING = /Listening on 127\.0\.0\.1:(\d+)/;
const TRANSACTION_GAS: Hex = "0x1c9c380";

/** A JSON-RPC node with a chain of its own: one process, no consensus. */
export class Anvil {
    readonly url: string;
    readonly rpc: EvmRpc;
    readonly #child: ChildProcess;

    private constructor(child: ChildProcess, port: number) {
        this.#child = child;
        this.url = `http://127.0.0.1:${port}`;
        this.rpc = new EvmRpc(this.url);
    }

    /** Starts a node on the loopback; resolves when it listens. */
    static async start(options: AnvilOptions = {}): Promise<Anvil> {
        const binary = findAnvil();
        if (binary === null) throw new Error("no anvil: node scripts/ready-evm.mjs installs it");
        const words = ["--port", String(options.port ?? 0), "--accounts", "6"];
        if (options.chainId !== undefined) words.push("--chain-id", String(options.chainId));
        if (options.blockTimeS !== undefined)
            words.push("--block-time", String(options.blockTimeS));
        if (options.isManual === true) words.push("--no-mining");
        if (options.stateFile !== undefined) words.push("--state", options.stateFile);
        const child = spawn(binary, words, { stdio: ["ignore", "pipe", "inherit"] });
        const ended = once(child, "exit").then(() => {
            throw new Error("anvil ended before it listened");
        });
        const lines = createInterface({ input: child.stdout });
        const port = await Promise.race([ended, listening(lines)]);
        ended.catch(() => undefined);
        return new Anvil(child, port);
    }

    /** Addresses of its unlocked accounts, each with much money. */
    async accounts(): Promise<Address[]> {
        return (await this.rpc.query("eth_accounts", [])) as Address[];
    }

    /** Sends as one of its accounts, mined at once; whether it was taken. */
    async send(from: Address, to: Address | null, data: Hex): Promise<SendOutcome> {
        const call = { from, data, gas: TRANSACTION_GAS, ...(to === null ? {} : { to }) };
        const hash = await this.rpc.query("eth_sendTransaction", [call]);
        let receipt: unknown = null;
        while (receipt === null)
            receipt = await this.rpc.query("eth_getTransactionReceipt", [hash]);
        const { contractAddress, gasUsed, status } = receipt as Record<string, string>;
        return {
            isTaken: status === "0x1",
            gas: Number(gasUsed),
            contract: (contractAddress ?? null) as Address | null,
        };
    }

    /** Deploys a contract as one of its accounts. */
    async deploy(from: Address, bytecode: Hex): Promise<Address> {
        const { contract, isTaken } = await this.send(from, null, bytecode);
        if (!isTaken || contract === null) throw new Error("the contract was not deployed");
        return contract;
    }

    async mine(blocks = 1): Promise<void> {
        await this.rpc.query("anvil_mine", [`0x${blocks.toString(16)}`]);
    }

    /** Ends it; without its signal handler for `SIGKILL`, as when a machine loses its power. */
    async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
        if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
        this.#child.kill(signal);
        await once(this.#child, "exit");
    }
}

/** What became of a transaction that a test sent. */
export type SendOutcome = {
    readonly isTaken: boolean;
    readonly gas: number;
    readonly contract: Address | null;
};

async function listening(lines: AsyncIterable<string>): Promise<number> {
    for await (const line of lines) {
        const port = LISTENING.exec(line)?.[1];
        if (port !== undefined) return Number(port);
    }
    throw new Error("anvil said no port");
}
