import { error, fail, ok, type Result, unwrap } from "@meterseal/core";
import {
    accept,
    type BlockHead,
    type BlockStore,
    type Entry,
    entryLeafHash,
    type ImagedLedger,
    type LedgerState,
    type LogEntry,
    MerkleLog,
    parseStoredEntry,
    type RecordOutcome,
    stateOfGenesis,
    type TreeHead,
} from "@meterseal/ledger";
import { type EngineImages, readImage } from "../image.ts";
import { appHashOf, checkBlockHead } from "./app-hash.ts";
import { decodeEngineState, type EngineState } from "./engine-state.ts";
import type { Tx } from "./tx.ts";
import { ValidatorSet } from "./validators.ts";
import type { SignatureVerdicts } from "./verdicts.ts";

/** An entry that was taken in, at its place. */
export type TakenEntry = {
    readonly entry: Entry;
    readonly timeMs: number;
    readonly leafIndex: number;
    readonly logged: LogEntry;
    /** What became of the records of a vertex, in body order. */
    readonly outcomes: readonly RecordOutcome[];
    /** Hash of the transaction that brought it, hexadecimal; null where it was replayed. */
    readonly txHash: string | null;
};

/** Ledger state, log and validators of an application, as far as the blocks have come. */
export class BlockLedger {
    readonly state: LedgerState;
    readonly log: MerkleLog;
    readonly validators = new ValidatorSet([]);

    /** @param imaged - state and log of an image; without one the ledger begins. */
    constructor(genesis: Uint8Array, imaged: ImagedLedger | null = null) {
        this.state = imaged?.state ?? unwrap(stateOfGenesis(genesis));
        this.log = imaged?.log ?? new MerkleLog();
    }

    /**
     * Takes a transaction in at a block's time, by the ledger's one rule; a refusal changes nothing.
     * @param timeMs - time of the block, milliseconds since 1970.
     */
    take(
        tx: Pick<Tx, "entry" | "item">,
        timeMs: number,
        verdicts: SignatureVerdicts,
    ): Result<TakenEntry> {
        const { entry, item } = tx;
        const accepted = accept(this.state, entry, timeMs, verdicts.check);
        if (!accepted.ok) return accepted;
        const logged = { timeMs, item };
        const leafIndex = this.log.append(entryLeafHash(logged));
        return ok({
            entry,
            timeMs,
            leafIndex,
            logged,
            outcomes: accepted.value.outcomes,
            txHash: null,
        });
    }

    /** What the validators agree on, 32 bytes. */
    appHash(): Uint8Array {
        return appHashOf(this.state, this.log, this.validators);
    }

    head(): TreeHead {
        return { size: this.log.size, root: this.log.root() };
    }
}

/** A ledger as a store holds it. */
export type OpenedLedger = {
    readonly ledger: BlockLedger;
    readonly height: number;
    readonly appHash: Uint8Array;
    /** Size of the log before the last block: what is below it is final. */
    readonly finalSize: number;
    /** Entries of the log that were replayed, in order; those before are in an image. */
    readonly replayed: readonly TakenEntry[];
};

/**
 * Opens the ledger of a store: replays its log, from the latest image on where there is one, and
 * compares the outcome with what was agreed on, so that a damaged store is found before it votes. Where
 * an image does not lead there the whole log is replayed.
 * @returns null for a store without a block; MS_CHECKPOINT where log and agreed hash part, the refusal
 * of `accept()` where an entry does not fit.
 */
export async function openLedger(
    store: BlockStore,
    images?: EngineImages,
): Promise<Result<OpenedLedger | null>> {
    const [genesis, head] = [await store.genesis(), await store.blockHead()];
    if (genesis === null || head === null) return ok(null);
    const kept = decodeEngineState(head.engineState);
    if (!kept.ok) return kept;
    const { finalSize } = kept.value;
    const imaged = images && (await readImage(images, store, genesis, finalSize));
    const opened = await replayed(
        store,
        new BlockLedger(genesis, imaged ?? null),
        head,
        kept.value,
    );
    if (opened.ok || !imaged) return opened;
    images?.onFailed(opened.error);
    return await replayed(store, new BlockLedger(genesis), head, kept.value);
}

async function replayed(
    store: BlockStore,
    ledger: BlockLedger,
    head: BlockHead,
    { finalSize, validators }: EngineState,
): Promise<Result<OpenedLedger>> {
    const entries: TakenEntry[] = [];
    for (const validator of validators) ledger.validators.set(validator);
    for await (const { body, index, item, timeMs } of store.entries(ledger.log.size)) {
        const entry = parseStoredEntry(item, body);
        if (!entry.ok) return entry;
        const accepted = accept(ledger.state, entry.value, timeMs, () => true);
        if (!accepted.ok) return accepted;
        const logged = { timeMs, item };
        const leafIndex = ledger.log.append(entryLeafHash(logged));
        if (leafIndex !== index) return fail(error("MS_LOG_LEAF", { where: `leaf ${index}` }));
        const { outcomes } = accepted.value;
        entries.push({ entry: entry.value, timeMs, leafIndex, logged, outcomes, txHash: null });
    }
    const { appHash, height } = head;
    const fault = checkBlockHead(head, ledger.state, ledger.log);
    if (fault !== null) return fail(fault);
    return ok({ ledger, height, appHash, finalSize, replayed: entries });
}
