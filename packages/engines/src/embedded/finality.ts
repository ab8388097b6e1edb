import { error, LIMITS, MetersealError, type Timers } from "@meterseal/core";
import type { EngineObserver, Entry, Finality, RecordOutcome, TreeHead } from "@meterseal/ledger";

/** Gathers the cosignatures that a policy asks for. */
export interface CheckpointCosigner {
    /** True where a note carries them already. */
    isMet(note: string): boolean;
    /**
     * The note with enough cosignatures on it.
     * @throws MetersealError MS_WITNESS where too few witnesses gave one.
     */
    cosign(
        note: string,
        size: number,
        pathFrom: (oldSize: number) => readonly Uint8Array[],
    ): Promise<string>;
}

/** Witnesses whose cosignatures a checkpoint needs before what it covers is final. */
export type Witnesses = {
    readonly cosigner: CheckpointCosigner;
    readonly timers: Timers;
    /** Told each time that too few of them gave one: entries wait. */
    readonly onWaiting: (cause: MetersealError) => void;
};

/** What finality needs of the engine. */
export type FinalityOptions = {
    readonly observer: EngineObserver;
    /** Null where a checkpoint on disk is final. */
    readonly witnesses: Witnesses | null;
    /** Latest signed checkpoint on disk, and consistency paths up to it. */
    readonly latest: () => { readonly note: string; readonly head: TreeHead };
    readonly pathFrom: (oldSize: number, size: number) => readonly Uint8Array[];
    /** Keeps a cosigned checkpoint on disk. */
    readonly keep: (size: number, note: string) => Promise<void>;
    /** The engine is out of step with its disk or its observer, and stops for good. */
    readonly onFailure: (cause: unknown) => void;
};

/** An entry that is in the log, and what it did. */
export type LoggedEntry = {
    readonly entry: Entry;
    readonly timeMs: number;
    readonly leafIndex: number;
    /** What became of the records of a vertex, in body order. */
    readonly outcomes: readonly RecordOutcome[];
};

/** An entry of the log that is not final yet. */
type Waiting = LoggedEntry & {
    readonly final: Promise<Finality>;
    readonly settle: (finality: Finality) => void;
    readonly refuse: (cause: unknown) => void;
};

const RETRY_FIRST_MS = 250;
const RETRY_LONGEST_MS = 10_000;

/**
 * Makes entries final in the order of the log: at once, or when the checkpoint over them is cosigned.
 * One checkpoint is under way at a time, the latest one; whatever came meanwhile goes with the next.
 */
export class FinalityGate {
    readonly #options: FinalityOptions;
    #waiting: Waiting[] = [];
    #roomWanted: (() => void)[] = [];
    #running = false;
    #closed = false;
    #cancel: () => void = () => undefined;
    #head: TreeHead;

    constructor(head: TreeHead, options: FinalityOptions) {
        this.#head = head;
        this.#options = options;
    }

    /** Tree head up to which everything is final. */
    get head(): TreeHead {
        return this.#head;
    }

    /** Takes the next entry of the log, whose checkpoint is on disk; resolves once it is final. */
    add(logged: LoggedEntry): Promise<Finality> {
        const { promise: final, reject, resolve } = Promise.withResolvers<Finality>();
        this.#waiting.push({ ...logged, final, settle: resolve, refuse: reject });
        final.catch(() => undefined); // who appends without waiting does not hear of it
        if (this.#options.witnesses === null) this.#advance(this.#options.latest().head);
        else this.#start(this.#options.witnesses);
        return final;
    }

    /** Resolves once all that waits now is final; rejects where the gate is closed before. */
    async settled(): Promise<void> {
        await this.#waiting.at(-1)?.final;
    }

    /**
     * Resolves while fewer than {@link LIMITS.unwitnessedEntries} entries wait: witnesses that stay
     * away hold up the log, not the memory.
     */
    async room(): Promise<void> {
        while (this.#waiting.length >= LIMITS.unwitnessedEntries && !this.#closed) {
            await new Promise<void>((resolve) => this.#roomWanted.push(resolve));
        }
    }

    /** Asks no witness any more; what waits stays in the log, for the next start. */
    close(): void {
        this.#end(error("MS_WITNESS", { got: "the ledger stops before enough have cosigned" }));
    }

    #end(cause: unknown): void {
        this.#closed = true;
        this.#cancel();
        for (const { refuse } of this.#waiting.splice(0)) refuse(cause);
        this.#letIn();
    }

    #start(witnesses: Witnesses): void {
        if (this.#running || this.#closed) return;
        this.#running = true;
        this.#gather(witnesses).catch((cause) => {
            this.#options.onFailure(cause);
            this.#end(cause);
        });
    }

    async #gather({ cosigner, onWaiting, timers }: Witnesses): Promise<void> {
        const { keep, latest, pathFrom } = this.#options;
        let delayMs = RETRY_FIRST_MS;
        while (this.#waiting.length > 0 && !this.#closed) {
            const { head, note } = latest();
            try {
                const cosigned = await cosigner.cosign(note, head.size, (oldSize) =>
                    pathFrom(oldSize, head.size),
                );
                await keep(head.size, cosigned);
                this.#advance(head);
                delayMs = RETRY_FIRST_MS;
            } catch (cause) {
                if (!(cause instanceof MetersealError) || cause.code !== "MS_WITNESS") throw cause;
                onWaiting(cause);
                await this.#pause(delayMs, timers);
                delayMs = Math.min(RETRY_LONGEST_MS, 2 * delayMs);
            }
        }
        this.#running = false;
    }

    #pause(delayMs: number, timers: Timers): Promise<void> {
        return new Promise((resolve) => {
            const cancel = timers.after(delayMs, resolve);
            this.#cancel = () => {
                cancel();
                resolve();
            };
        });
    }

    /** Tells of all entries below the size, in order, and then lets their senders know. */
    #advance(head: TreeHead): void {
        this.#head = head;
        const final = this.#waiting.filter(({ leafIndex }) => leafIndex < head.size);
        this.#waiting = this.#waiting.slice(final.length);
        for (const { entry, leafIndex, outcomes, settle, timeMs } of final) {
            const finality = { leafIndex, checkpoint: head };
            this.#options.observer.entryFinal(entry, timeMs, finality, outcomes);
            settle(finality);
        }
        this.#letIn();
    }

    #letIn(): void {
        for (const resolve of this.#roomWanted.splice(0)) resolve();
    }
}
