import { setTimeout as sleep } from "node:timers/promises";
import { type Log, MetersealError } from "@meterseal/core";
import { type AnchorPlace, requireAnchorContract, requireChain } from "@meterseal/engines/evm";
import type { Options } from "../cli/arguments.ts";
import { hexOption, textOption } from "../cli/arguments.ts";
import { systemClock } from "../clocks.ts";
import { claimDirectory, requireDirectory } from "../files.ts";
import { addressOption, senderOf } from "./options.ts";
import { AnchorDirectory } from "./place.ts";
import { type AnchorRound, anchorRound } from "./round.ts";
import { type CheckpointSource, directorySource, serverSource } from "./source.ts";

/** Time between two looks at the chain while a transaction is under way. */
const POLL_MS = 1_000;
/** A transaction that no block took by then pays more. */
const RAISE_AFTER_MS = 120_000;
/** Longest wait for one transaction in a round; the next round goes on with it. */
const WAIT_MS = 1_800_000;
/** After a round that could not be finished, the next one comes at the latest then. */
const RETRY_SECONDS = 60;
/** What the next round may find better: a node that is away, a dear chain, a transaction under way. */
const PASSING: readonly string[] = ["MS_LINK", "MS_BUSY", "MS_EVM_FEE", "MS_NOT_FOUND"];

/** How long and how often to anchor, and who hears of it. */
export type AnchorRunOptions = {
    /** Seconds from one round to the next; null for one round. */
    readonly everySeconds: number | null;
    readonly signal: AbortSignal;
    readonly log: Log;
    readonly onRound: (round: AnchorRound) => void;
};

/**
 * Anchors the log of the options' data directory or server, once or on a schedule, until aborted. What
 * is under way at the end stays on disk, and the next run goes on with it.
 * @throws MetersealError what is not for the next round to find better.
 */
export async function runAnchors(options: Options, run: AnchorRunOptions): Promise<void> {
    const dataDir = textOption(options, "data") ?? "";
    const sender = senderOf(options);
    const contract = addressOption(options, "contract");
    if (textOption(options, "url") === undefined) requireDirectory(dataDir);
    else claimDirectory(dataDir);
    const directory = new AnchorDirectory(dataDir, { chainId: sender.chainId, contract });
    try {
        const source = await sourceOf(options, directory);
        directory.pinNetwork(source.networkId);
        await requireChain(sender.rpc, sender.chainId);
        await requireAnchorContract(sender.rpc, contract);
        const place: AnchorPlace = { chainId: sender.chainId, contract, origin: source.origin };
        const bounds = { pollMs: POLL_MS, raiseAfterMs: RAISE_AFTER_MS, waitMs: WAIT_MS };
        const { log, signal } = run;
        const watched = { ...sender, ...bounds, pending: directory, clock: systemClock, signal };
        const round = { place, source, directory, log };
        const say = (text: string): void => log.info(text);
        await repeat(() => anchorRound({ ...round, sender: { ...watched, say } }), run);
    } catch (cause) {
        if (!run.signal.aborted || cause instanceof MetersealError) throw cause;
    } finally {
        directory.close();
    }
}

/** The log that the options name. */
export async function sourceOf(
    options: Options,
    directory: Pick<AnchorDirectory, "proofOf">,
): Promise<CheckpointSource> {
    const url = textOption(options, "url");
    if (url === undefined) return await directorySource(textOption(options, "data") ?? "");
    const rootAt = (size: number): Promise<Uint8Array | null> =>
        Promise.resolve(directory.proofOf(size)?.root ?? null);
    return await serverSource(url, hexOption(options, "network", 32), rootAt);
}

async function repeat(
    round: () => Promise<AnchorRound>,
    { everySeconds, log, onRound, signal }: AnchorRunOptions,
): Promise<void> {
    while (!signal.aborted) {
        let waitSeconds = everySeconds ?? 0;
        try {
            onRound(await round());
        } catch (cause) {
            const isPassing = cause instanceof MetersealError && PASSING.includes(cause.code);
            if (everySeconds === null || !isPassing) throw cause;
            waitSeconds = Math.min(everySeconds, RETRY_SECONDS);
            log.warn(cause.message, { again: `in ${waitSeconds} s` });
        }
        if (everySeconds === null) return;
        await sleep(waitSeconds * 1_000, undefined, { signal }).catch(() => undefined);
    }
}
