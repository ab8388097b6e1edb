import { type ErrorCode, u64be } from "@meterseal/core";
import type { Entry, Vertex } from "@meterseal/ledger";
import type {
    RequestFinalizeBlock,
    ResponseFinalizeBlock,
} from "cosmjs-types/tendermint/abci/types";
import { authorOf } from "../author-of.ts";
import type { BlockLedger, TakenEntry } from "./ledger.ts";
import type { ReadTx } from "./tx-reader.ts";
import type { Validator } from "./validators.ts";
import type { SignatureVerdicts } from "./verdicts.ts";

/** A transaction of a block that the ledger's rule refused. */
export type Refused = {
    readonly txHash: string;
    readonly author: string | null;
    readonly code: ErrorCode;
    /** The vertex where its author has forked; null otherwise. */
    readonly forked: Vertex | null;
};

/** What a block has done to the ledger, to be kept by its commit. */
export type Executed = {
    readonly height: number;
    readonly appHash: Uint8Array;
    readonly taken: readonly TakenEntry[];
    readonly refused: readonly Refused[];
    readonly finalSize: number;
    /** Validators before the block. */
    readonly validators: readonly Validator[];
    /** Whether it carries evidence against validators. */
    readonly accuses: boolean;
};

const CODESPACE = "meterseal";
const REFUSED = 1;
/** Evidence of a validator that voted twice (CometBFT, MisbehaviorType). */
const DUPLICATE_VOTE = 1;

/**
 * Executes an agreed block on a ledger by `accept()` alone.
 * @param reads - its transactions; null stands for each that is none.
 */
export function executeBlock(
    ledger: BlockLedger,
    request: RequestFinalizeBlock,
    reads: readonly (ReadTx | null)[],
    verdicts: SignatureVerdicts,
): { readonly executed: Executed; readonly response: ResponseFinalizeBlock } {
    const [finalSize, validators] = [ledger.log.size, ledger.validators.list()];
    const timeMs = timeMsOf(request.time);
    const taken: TakenEntry[] = [];
    const refused: Refused[] = [];
    const txResults = reads.map((read, i) => {
        const outcome = read === null ? null : ledger.take(read.tx, timeMs, verdicts);
        if (outcome?.ok) {
            taken.push({ ...outcome.value, txHash: read?.hash ?? null });
            return resultOf(0, u64be(BigInt(outcome.value.leafIndex)), "");
        }
        const code = outcome === null ? "MS_MALFORMED" : outcome.error.code;
        const author = read === null ? null : authorOf(ledger.state, read.tx.entry);
        const forked = code === "MS_VERTEX_FORK" ? vertexOf(read?.tx.entry) : null;
        refused.push({ txHash: read?.hash ?? `tx ${i}`, author, code, forked });
        return resultOf(REFUSED, new Uint8Array(), code);
    });
    const accused = request.misbehavior.filter(({ type }) => type === DUPLICATE_VOTE);
    const validatorUpdates = accused.flatMap(({ validator }) => {
        const known = ledger.validators.find(validator.address);
        if (known === undefined) return [];
        ledger.validators.set({ ...known, power: 0n });
        return [{ pubKey: { ed25519: known.publicKey }, power: 0n }];
    });
    const appHash = ledger.appHash();
    const height = Number(request.height);
    const accuses = accused.length > 0;
    return {
        executed: { height, appHash, taken, refused, finalSize, validators, accuses },
        response: { events: [], txResults, validatorUpdates, appHash },
    };
}

/** Milliseconds since 1970 of a time of CometBFT's. */
export function timeMsOf(time: { readonly seconds: bigint; readonly nanos: number }): number {
    return Number(time.seconds) * 1000 + Math.floor(time.nanos / 1_000_000);
}

function vertexOf(entry: Entry | undefined): Vertex | null {
    return entry?.kind === "vertex" ? entry.vertex : null;
}

function resultOf(
    code: number,
    data: Uint8Array,
    log: string,
): ResponseFinalizeBlock["txResults"][0] {
    return {
        code,
        data,
        log,
        info: "",
        gasWanted: 0n,
        gasUsed: 0n,
        events: [],
        codespace: code === 0 ? "" : CODESPACE,
    };
}
