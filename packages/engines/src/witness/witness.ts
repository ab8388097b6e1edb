import { type Clock, error, type MetersealError } from "@meterseal/core";
import {
    type CheckpointHead,
    type Cosigner,
    cosign,
    formatSignatureLine,
    judgeAddCheckpoint,
    parseAddCheckpoint,
    type WitnessedLogs,
} from "@meterseal/ledger";

/** What a witness remembers of a log: the tree head that it cosigned last, and the log's note. */
export type WitnessedHead = { readonly head: CheckpointHead; readonly note: string };

/** Durable memory of a witness; both calls are on disk when they return. */
export interface WitnessStore {
    /** Null for a log that nothing was cosigned of. */
    latest(origin: string): WitnessedHead | null;
    /** Replaces what is remembered of a log. */
    advance(origin: string, latest: WitnessedHead): void;
    /**
     * Keeps the first two notes of a log that contradict each other, as evidence against it. One pair
     * proves it; of later ones anybody can make as many as he likes, from lines that no key signed.
     */
    keepSplitView(origin: string, notes: readonly [string, string]): void;
}

/** What a witness works with. */
export type WitnessOptions = {
    /** One or more keys; each gives a cosignature of its own. */
    readonly cosigners: readonly Cosigner[];
    readonly logs: WitnessedLogs;
    readonly store: WitnessStore;
    readonly clock: Clock;
    /** Told once of each log that contradicts itself, and why its notes could not be kept, or null. */
    readonly onSplitView?: (origin: string, reason: string, unkept: unknown) => void;
};

/** Answer to a request, as HTTP has it. */
export type WitnessAnswer = {
    readonly status: 200 | 400 | 403 | 404 | 409 | 422;
    readonly contentType: string;
    readonly body: string;
};

const TEXT = "text/plain; charset=utf-8";
const SIZE = "text/x.tlog.size";

/**
 * Cosigns checkpoints of the logs that it follows (C2SP tlog-witness): never two that contradict
 * each other, and none before the new tree head is on disk. Requests are taken one by one, so that
 * none can roll another one back.
 */
export class Witness {
    readonly #options: WitnessOptions;
    #queue: Promise<unknown> = Promise.resolve();
    #failure: MetersealError | null = null;
    /** Origins that were told of; they are among those that it follows. */
    readonly #told: Set<string> = new Set();

    constructor(options: WitnessOptions) {
        this.#options = options;
    }

    /**
     * Answers the body of an `add-checkpoint` request.
     * @throws MetersealError MS_STORE_UNWRITABLE where the new tree head could not be kept: nothing
     * was signed, and nothing is signed from then on.
     */
    addCheckpoint(body: string | Uint8Array): Promise<WitnessAnswer> {
        const answer = this.#queue.then(() => this.#answer(body));
        this.#queue = answer.catch(() => undefined);
        return answer;
    }

    async #answer(body: string | Uint8Array): Promise<WitnessAnswer> {
        if (this.#failure !== null) throw this.#failure;
        const request = parseAddCheckpoint(body);
        if (!request.ok) return text(400, request.error.message);
        const { cosigners, clock, logs, store } = this.#options;
        let latest: WitnessedHead | null = null;
        const verdict = judgeAddCheckpoint(request.value, logs, (origin) => {
            latest = store.latest(origin);
            return latest?.head ?? null;
        });
        if (verdict.status === 200) {
            const { note } = request.value;
            this.#advance(verdict.head, note);
            const timeUnix = Math.floor(clock.nowMs() / 1000);
            const lines: string[] = [];
            for (const cosigner of cosigners) {
                lines.push(formatSignatureLine(await cosign(cosigner, note, timeUnix)));
            }
            return { status: 200, contentType: TEXT, body: lines.join("") };
        }
        if (verdict.status !== 409) return text(verdict.status, verdict.reason);
        const before = latest as WitnessedHead | null;
        if (verdict.contradicts !== null && before !== null) {
            const notes = [before.note, request.value.note] as const;
            this.#keepSplitView(verdict.contradicts, verdict.reason, notes);
        }
        return { status: 409, contentType: SIZE, body: `${verdict.size}\n` };
    }

    /** What one log does ends no cosigning of the others, also where there is no room for its proof. */
    #keepSplitView(origin: string, reason: string, notes: readonly [string, string]): void {
        let unkept: unknown = null;
        try {
            this.#options.store.keepSplitView(origin, notes);
        } catch (cause) {
            unkept = cause;
        }
        if (this.#told.has(origin)) return;
        this.#told.add(origin);
        this.#options.onSplitView?.(origin, reason, unkept);
    }

    /** A failed write leaves it unknown what is on disk: the witness signs nothing more. */
    #advance(head: CheckpointHead, note: string): void {
        try {
            this.#options.store.advance(head.origin, { head, note });
        } catch (cause) {
            this.#failure = error("MS_STORE_UNWRITABLE", { where: "witness", cause });
            throw this.#failure;
        }
    }
}

function text(status: 400 | 403 | 404 | 422, reason: string): WitnessAnswer {
    return { status, contentType: TEXT, body: `${reason}\n` };
}
