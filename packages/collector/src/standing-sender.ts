import { chainKey } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import type { ReceiptBook } from "./receipts.ts";
import type { NextTurn } from "./turns.ts";

/** What waits for one meter: its chains by a record of each, and who waits for the answer. */
type Lane = { chains: Map<string, MeterRecord>; waiting: (() => void)[] };

/** What a {@link StandingSender} works with. */
export type StandingSenderOptions = {
    readonly book: ReceiptBook;
    readonly nextTurn: NextTurn;
    /** Sends to a meter; an answer that does not arrive is asked for again. */
    readonly send: (subjectHex: string, receipt: Uint8Array) => Promise<void>;
    /** Told of an answer that could not be made. */
    readonly onFailure: (cause: unknown) => void;
};

/**
 * Answers meters with where their chains stand. Receipts are cumulative, so one speaks for all
 * messages that became durable together, and whatever changes while one is on its way waits for the
 * next: a meter has one answer under way at a time, however fast it sends.
 */
export class StandingSender {
    readonly #options: StandingSenderOptions;
    readonly #lanes = new Map<string, Lane>();

    constructor(options: StandingSenderOptions) {
        this.#options = options;
    }

    /** Resolves when an answer about the record's chain, made after this call, was sent. */
    send(subjectHex: string, record: MeterRecord): Promise<void> {
        let lane = this.#lanes.get(subjectHex);
        if (lane === undefined) {
            lane = { chains: new Map(), waiting: [] };
            this.#lanes.set(subjectHex, lane);
            void this.#run(subjectHex, lane);
        }
        lane.chains.set(chainKey(record.subject, record.chainEpoch), record);
        const { waiting } = lane;
        return new Promise((done) => waiting.push(done));
    }

    async #run(subjectHex: string, lane: Lane): Promise<void> {
        await this.#options.nextTurn(); // for the messages of the same commit
        while (lane.chains.size > 0) {
            const { chains, waiting } = lane;
            lane.chains = new Map();
            lane.waiting = [];
            for (const record of chains.values()) await this.#answer(subjectHex, record);
            for (const done of waiting) done();
        }
        this.#lanes.delete(subjectHex);
    }

    async #answer(subjectHex: string, record: MeterRecord): Promise<void> {
        const { book, onFailure, send } = this.#options;
        try {
            for (const receipt of await book.standing(record)) await send(subjectHex, receipt);
        } catch (cause) {
            onFailure(cause);
        }
    }
}
