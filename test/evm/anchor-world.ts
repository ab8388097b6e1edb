import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { afterEach } from "node:test";
import { MetersealError, sha256, utf8 } from "@meterseal/core";
import {
    type Address,
    AnchorWriter,
    deployAnchors,
    formatPending,
    type Hex,
    keySigner,
    logName,
    type PendingStore,
    type PendingTransaction,
    parsePending,
    type SenderOptions,
} from "@meterseal/engines/evm";
import type { TreeHead } from "@meterseal/ledger";
import { Anvil, type AnvilOptions } from "./anvil.ts";

export const ORIGIN = "meterseal/test";
export const LOG = logName(ORIGIN);
export const GWEI = 1_000_000_000n;
export const hex = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString("hex")}`;
const MONEY = "0x56bc75e2d63100000";
export const CHAIN = 31_337;

const running: Anvil[] = [];
afterEach(async () => {
    for (const anvil of running.splice(0)) await anvil.stop();
});

export async function start(options: AnvilOptions = {}): Promise<Anvil> {
    const anvil = await Anvil.start(options);
    running.push(anvil);
    return anvil;
}

/** The file of a process, as text: what survives it. */
export class Kept implements PendingStore {
    text: string | null = null;
    load(): PendingTransaction | null {
        return this.text === null ? null : parsePending(this.text, "kept");
    }

    save(pending: PendingTransaction | null): void {
        this.text = pending === null ? null : formatPending(pending);
    }
}

/** A tree head that has nothing behind it: the chain does not look. */
export const headOf = (size: number, word = "log"): TreeHead => ({
    size,
    root: sha256(utf8(`${word} ${size}`)),
});

export type World = {
    readonly anvil: Anvil;
    readonly kept: Kept;
    readonly said: string[];
    readonly options: SenderOptions;
    readonly stop: AbortController;
};

export async function worldOf(anvil: Anvil, changes: Partial<SenderOptions> = {}): Promise<World> {
    const signer = changes.signer ?? keySigner(randomBytes(32));
    await anvil.rpc.query("anvil_setBalance", [signer.address, MONEY]);
    const [kept, stop, said] = [new Kept(), new AbortController(), [] as string[]];
    const options: SenderOptions = {
        ...{ rpc: anvil.rpc, chainId: CHAIN, signer, pending: kept, signal: stop.signal },
        ...{ confirmations: 1, feeCapWei: 100n * GWEI, pollMs: 20, raiseAfterMs: 60_000 },
        ...{ clock: { nowMs: () => Date.now() }, waitMs: 30_000, say: (text) => said.push(text) },
        ...changes,
    };
    return { anvil, kept, said, options, stop };
}

export async function deployed(world: World): Promise<Address> {
    const { signer } = world.options;
    return await deployAnchors(world.options, { origin: ORIGIN, owner: signer.address });
}

export function writer(
    { options }: World,
    contract: Address,
    changes: Partial<SenderOptions> & {
        rootAt?: (size: number) => Promise<Uint8Array | null>;
    } = {},
): AnchorWriter {
    const place = { chainId: CHAIN, contract, origin: ORIGIN };
    const rootAt = (size: number): Promise<Uint8Array> => Promise.resolve(headOf(size).root);
    return new AnchorWriter({ ...options, place, rootAt, ...changes });
}

/** Sizes of all anchors that the chain holds. */
export async function anchored({ rpc }: Anvil, address: Address): Promise<number[]> {
    const asked = { address, fromBlock: "0x0", topics: [null, LOG] };
    const logs = (await rpc.query("eth_getLogs", [asked])) as { topics: Hex[] }[];
    // The other events of a log have an account in this place: far larger than any size.
    return logs.map(({ topics }) => Number(topics[2])).filter(Number.isSafeInteger);
}

export async function refusal(run: Promise<unknown>): Promise<string> {
    return await run.then(
        () => "taken",
        (cause: unknown) => (cause instanceof MetersealError ? cause.code : String(cause)),
    );
}

/** Waits until something is said that matches. */
export async function until({ said }: World, pattern: RegExp): Promise<void> {
    for (let i = 0; i < 500; i++) {
        if (said.some((text) => pattern.test(text))) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.fail(`${pattern} was not said, but: ${said.join(" | ")}`);
}
