import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
    type Address,
    AnchorWriter,
    CONTRACTS,
    decodeAnswer,
    deployAnchors,
    type EvmProfile,
    type EvmProfiles,
    type EvmSigner,
    encodeCall,
    encodeEvmCall,
    type Hex,
    keySigner,
    type PendingTransaction,
    packRegisters,
    type SenderOptions,
} from "@meterseal/engines/evm";
import { Anvil } from "../../test/evm/anvil.ts";

const CHAIN = 31_337;
const GWEI = 1_000_000_000n;
const REGISTER: Hex = `0x${"5a".repeat(16)}${"0".repeat(32)}`;
const START_UNIX = 1_356_998_400;
const ORIGIN = "meterseal/bench";
const GAS = { single: 100_000n, deploy: 2_000_000n, batch: 29_000_000n };
/** Transactions that are on their way at one time in the pipelined run. */
const UNDER_WAY = 64;

/** What writing cost on the chain. */
export type ChainCost = {
    readonly seconds: number;
    readonly gas: number;
    /** Bytes of call data. */
    readonly bytes: number;
};

/**
 * One account at a node with the contracts of all profiles. Transactions are signed with numbers and
 * fees that are known beforehand, so that a write is one call and the look for its receipt.
 */
export class ChainLoad {
    readonly #anvil: Anvil;
    readonly #signer: EvmSigner;
    #nonce = 0;
    #seq = 0;
    #single: Address = "0x";
    #batch: Address = "0x";
    #group = 0;

    private constructor(anvil: Anvil, signer: EvmSigner) {
        this.#anvil = anvil;
        this.#signer = signer;
    }

    /** @param blockTimeS - seconds between blocks; null makes a block of each transaction at once. */
    static async open(blockTimeS: number | null): Promise<ChainLoad> {
        const anvil = await Anvil.start(blockTimeS === null ? {} : { blockTimeS });
        const load = new ChainLoad(anvil, keySigner(randomBytes(32)));
        const { address } = load.#signer;
        await anvil.rpc.query("anvil_setBalance", [address, "0x56bc75e2d63100000"]);
        load.#single = await load.#deploy("single-write");
        load.#batch = await load.#deploy("committed-batch");
        await load.#call("single-write", { call: "proposeServer", server: address });
        await load.#call("single-write", { call: "acceptServer" });
        return load;
    }

    close(): Promise<void> {
        return this.#anvil.stop();
    }

    /** Writes readings singly, each awaited before the next; ms of each. */
    async awaited(count: number): Promise<ChainCost & { readonly eachMs: readonly number[] }> {
        const [eachMs, startMs]: [number[], number] = [[], performance.now()];
        let [gas, bytes] = [0, 0];
        for (let i = 0; i < count; i++) {
            const beforeMs = performance.now();
            const data = this.#write();
            gas += (await this.#receipt(await this.#send(this.#single, data, GAS.single))).gas;
            bytes += (data.length - 2) / 2;
            eachMs.push(performance.now() - beforeMs);
        }
        return { seconds: (performance.now() - startMs) / 1000, gas, bytes, eachMs };
    }

    /** Writes readings singly without awaiting each. */
    async pipelined(count: number): Promise<ChainCost> {
        const startMs = performance.now();
        const hashes: Hex[] = [];
        let bytes = 0;
        for (let i = 0; i < count; i += UNDER_WAY) {
            const some = Array.from({ length: Math.min(UNDER_WAY, count - i) }, () =>
                this.#write(),
            );
            bytes += some.reduce((sum, data) => sum + (data.length - 2) / 2, 0);
            hashes.push(
                ...(await Promise.all(
                    some.map((data) => this.#send(this.#single, data, GAS.single)),
                )),
            );
        }
        let gas = 0;
        for (const hash of hashes) gas += (await this.#receipt(hash)).gas;
        return { seconds: (performance.now() - startMs) / 1000, gas, bytes };
    }

    /** Writes so many registers as one committed batch, on one that was written before. */
    async batch(count: number): Promise<ChainCost> {
        const group = ++this.#group;
        const owner = this.#signer.address;
        await this.#call("committed-batch", { call: "proposeGroupOwner", group, owner });
        await this.#call("committed-batch", { call: "acceptGroup", group });
        const registers = (seq: number): Uint8Array =>
            packRegisters(
                Array.from({ length: count }, (_, i) => BigInt(1e6 + i * 977 + seq * 250)),
            );
        const dataOf = (seq: number): Hex =>
            encodeEvmCall("committed-batch", {
                ...({ call: "write", group, seq, time: START_UNIX + seq * 900 } as const),
                ...{
                    previous: seq === 1 ? new Uint8Array() : registers(seq - 1),
                    next: registers(seq),
                },
            });
        await this.#receipt(await this.#send(this.#batch, dataOf(1), GAS.batch));
        const startMs = performance.now();
        const data = dataOf(2);
        const { gas } = await this.#receipt(await this.#send(this.#batch, data, GAS.batch));
        const bytes = (data.length - 2) / 2;
        return { seconds: (performance.now() - startMs) / 1000, gas, bytes };
    }

    /** Deploys the contract of anchors; then each call anchors a larger tree with the product's client. */
    async anchors(): Promise<() => Promise<ChainCost>> {
        let kept: PendingTransaction | null = null;
        const pending = {
            load: () => kept,
            save: (next: PendingTransaction | null) => {
                kept = next;
            },
        };
        const signer = keySigner(randomBytes(32));
        await this.#anvil.rpc.query("anvil_setBalance", [signer.address, "0x56bc75e2d63100000"]);
        const options: SenderOptions = {
            ...{ rpc: this.#anvil.rpc, chainId: CHAIN, signer, pending, confirmations: 1 },
            ...{ feeCapWei: 100n * GWEI, pollMs: 5, raiseAfterMs: 60_000, waitMs: 60_000 },
            ...{ clock: { nowMs: () => Date.now() }, signal: new AbortController().signal },
        };
        const contract = await deployAnchors(options, { origin: ORIGIN, owner: signer.address });
        const place = { chainId: CHAIN, contract, origin: ORIGIN };
        const rootAt = (): Promise<null> => Promise.resolve(null);
        const writer = new AnchorWriter({ ...options, place, rootAt });
        let size = 0;
        return async () => {
            const startMs = performance.now();
            size += 1_000;
            const outcome = await writer.anchor({ size, root: new Uint8Array(randomBytes(32)) });
            const gas = outcome.kind === "anchored" ? outcome.mined.gasUsed : 0;
            const data = encodeEvmCall("root-anchor", {
                ...({ call: "anchor", log: REGISTER, size } as const),
                ...{ previousRoot: REGISTER, root: REGISTER },
            });
            const bytes = (data.length - 2) / 2;
            return { seconds: (performance.now() - startMs) / 1000, gas, bytes };
        };
    }

    /** Reads the last value of the register through the contract; ms of each. */
    async read(count: number): Promise<number[]> {
        const contract = CONTRACTS["single-write"];
        const data = encodeCall(contract, "readings", { register: REGISTER });
        const eachMs: number[] = [];
        for (let i = 0; i < count; i++) {
            const startMs = performance.now();
            const call = { to: this.#single, data };
            const answer = await this.#anvil.rpc.query("eth_call", [call, "latest"]);
            decodeAnswer(contract, "readings", answer as Hex);
            eachMs.push(performance.now() - startMs);
        }
        return eachMs;
    }

    #write(): Hex {
        const seq = ++this.#seq;
        const value = 12_345_678n + BigInt(seq) * 250n;
        const call = { call: "write", register: REGISTER, seq, value } as const;
        return encodeEvmCall("single-write", { ...call, time: START_UNIX + seq * 900 });
    }

    async #deploy(profile: EvmProfile): Promise<Address> {
        const hash = await this.#send(null, CONTRACTS[profile].bytecode, GAS.deploy);
        return (await this.#receipt(hash)).contract;
    }

    async #call<P extends EvmProfile>(profile: P, call: EvmProfiles[P]["call"]): Promise<void> {
        const to = profile === "single-write" ? this.#single : this.#batch;
        await this.#receipt(await this.#send(to, encodeEvmCall(profile, call), GAS.single));
    }

    async #send(to: Address | null, data: Hex, gasLimit: bigint): Promise<Hex> {
        const raw = await this.#signer.sign({
            ...{ chainId: CHAIN, nonce: this.#nonce++, to, data, gasLimit },
            ...{ maxFeePerGas: 100n * GWEI, maxPriorityFeePerGas: GWEI },
        });
        return (await this.#anvil.rpc.query("eth_sendRawTransaction", [raw])) as Hex;
    }

    async #receipt(hash: Hex): Promise<{ readonly gas: number; readonly contract: Address }> {
        for (;;) {
            const found = await this.#anvil.rpc.query("eth_getTransactionReceipt", [hash]);
            const { contractAddress, gasUsed, status } = (found ?? {}) as Record<string, string>;
            if (status === "0x0") throw new Error("the contract refused a call of the benchmark");
            if (status === "0x1") {
                return { gas: Number(gasUsed), contract: (contractAddress ?? "0x") as Address };
            }
            await sleep(1);
        }
    }
}
