import type { Clock, Log } from "@meterseal/core";
import {
    type Address,
    deployAnchors,
    type PendingTransaction,
    type SenderOptions,
} from "@meterseal/engines/evm";
import { type Options, textOption } from "../cli/arguments.ts";
import { addressOption, senderOf } from "./options.ts";
import { sourceOf } from "./run.ts";

/** Longest wait for one of the three transactions. */
const WAIT_MS = 600_000;
const POLL_MS = 1_000;
const RAISE_AFTER_MS = 120_000;

/**
 * Deploys the contract for the log that the options name. What is under way is kept in memory only: a
 * deployment that was cut off leaves a contract that nobody uses, and is begun again.
 */
export async function deployForLog(
    options: Options,
    { clock, log, signal }: { clock: Clock; log: Log; signal: AbortSignal },
): Promise<{ readonly address: Address; readonly chainId: number; readonly owner: Address }> {
    const sender = senderOf(options);
    const { origin } = await sourceOf(options, { proofOf: () => null });
    const isGiven = textOption(options, "owner") !== undefined;
    const owner = isGiven ? addressOption(options, "owner") : sender.signer.address;
    let kept: PendingTransaction | null = null;
    const watched: SenderOptions = {
        ...{ ...sender, clock, signal, waitMs: WAIT_MS, pollMs: POLL_MS },
        raiseAfterMs: RAISE_AFTER_MS,
        pending: {
            load: () => kept,
            save: (pending) => {
                kept = pending;
            },
        },
        say: (text) => log.info(text),
    };
    const address = await deployAnchors(watched, { origin, owner });
    return { address, chainId: sender.chainId, owner };
}
