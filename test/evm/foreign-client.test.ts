import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { sha256, utf8 } from "@meterseal/core";
import {
    type Address,
    AnchorWriter,
    deployAnchors,
    type Hex,
    keySigner,
    logName,
    type PendingTransaction,
    type SenderOptions,
} from "@meterseal/engines/evm";
import { Anvil } from "./anvil.ts";

/** What of viem is used here; it stands beside the tests and brings no types into the project. */
type Viem = {
    readonly createPublicClient: (options: object) => {
        readContract: (call: object) => Promise<unknown>;
        getContractEvents: (filter: object) => Promise<{ args: Record<string, unknown> }[]>;
    };
    readonly createWalletClient: (options: object) => {
        writeContract: (call: object) => Promise<Hex>;
    };
    readonly http: (url: string) => object;
};

const tools = createRequire(join(import.meta.dirname, "tools", "package.json"));
const { createPublicClient, createWalletClient, http } = (await import(
    pathToFileURL(tools.resolve("viem")).href
)) as Viem;
const compiled = join(import.meta.dirname, "../../packages/engines/src/evm/compiled");
const { abi } = JSON.parse(readFileSync(join(compiled, "root-anchor.json"), "utf8")) as {
    abi: unknown;
};

const ORIGIN = "meterseal/foreign";
const CHAIN = 31_337;
const root = sha256(utf8("foreign"));
let anvil: Anvil;
before(async () => {
    anvil = await Anvil.start();
});
after(async () => await anvil.stop());

describe("a client that is not ours", () => {
    it("reads what ours wrote, and ours goes on behind what it wrote", async () => {
        const signer = keySigner(randomBytes(32));
        await anvil.rpc.query("anvil_setBalance", [signer.address, "0x56bc75e2d63100000"]);
        let kept: PendingTransaction | null = null;
        const options: SenderOptions = {
            ...{ rpc: anvil.rpc, chainId: CHAIN, signer, confirmations: 1, feeCapWei: 10n ** 11n },
            ...{
                pollMs: 10,
                raiseAfterMs: 60_000,
                waitMs: 30_000,
                clock: { nowMs: () => Date.now() },
            },
            pending: {
                load: () => kept,
                save: (pending) => {
                    kept = pending;
                },
            },
            signal: new AbortController().signal,
        };
        const address = await deployAnchors(options, { origin: ORIGIN, owner: signer.address });
        const place = { chainId: CHAIN, contract: address, origin: ORIGIN };
        const rootAt = (): Promise<null> => Promise.resolve(null);
        const writer = new AnchorWriter({ ...options, place, rootAt });
        await writer.anchor({ size: 7, root });

        const client = createPublicClient({ transport: http(anvil.url) });
        const log = logName(ORIGIN);
        const rootHex: Hex = `0x${Buffer.from(root).toString("hex")}`;
        const head = await client.readContract({
            address,
            abi,
            functionName: "headOf",
            args: [log],
        });
        const [owner, size, found] = head as [Address, bigint, Hex];
        assert.deepEqual([owner.toLowerCase(), size, found], [signer.address, 7n, rootHex]);
        const events = await client.getContractEvents({
            ...{ address, abi, eventName: "Anchored", fromBlock: 0n },
        });
        assert.deepEqual(
            events.map(({ args }) => [args.size, args.root]),
            [[7n, rootHex]],
        );

        const chain = {
            ...{ id: CHAIN, name: "test", rpcUrls: { default: { http: [anvil.url] } } },
            nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
        };
        await anvil.rpc.query("anvil_impersonateAccount", [signer.address]);
        const wallet = createWalletClient({
            account: signer.address,
            chain,
            transport: http(anvil.url),
        });
        const next: Hex = `0x${"11".repeat(32)}`;
        const call = { address, abi, functionName: "anchor", args: [log, rootHex, 9n, next] };
        await wallet.writeContract(call);
        const outcome = await writer.anchor({ size: 12, root });
        assert.equal(outcome.kind, "anchored");
    });
});
