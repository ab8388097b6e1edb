import { availableParallelism } from "node:os";
import { type SignatureJob, toHex } from "@meterseal/core";
import { VerifierPool, verifySignatureInPool } from "@meterseal/core/node";
import type { LedgerState } from "@meterseal/ledger";
import { isSummarized, type MeterRecord, type Sign1 } from "@meterseal/record";

/** Signatures in records before which the process's own thread pool does. */
const THREADS_FROM = 1_000;

/** Checks the signatures of records by the keys of a log, many of them in threads of their own. */
export class RecordSignatures {
    readonly #state: LedgerState;
    readonly #verifier = new VerifierPool({ threads: availableParallelism() });
    /** Those that are known of: those asked for so far, or all of the ledger. */
    #asked: number;

    /** @param records - in the ledger, where that is known before. */
    constructor(state: LedgerState, records: number) {
        this.#state = state;
        this.#asked = records;
    }

    /** Verdict on one, by a key that the log admits; undefined where it admits none. */
    async verdictOn({ message }: MeterRecord): Promise<boolean | undefined> {
        const key = this.#state.keys.get(toHex(message.kid))?.key;
        const { algorithm, signature, toBeSigned } = message;
        return key && (await verifySignatureInPool(key, algorithm, toBeSigned, signature));
    }

    /** Verdicts on those by keys that the log has admitted so far; none on others. */
    async verdictsOn(records: readonly MeterRecord[]): Promise<ReadonlyMap<Sign1, boolean>> {
        const messages: Sign1[] = [];
        const jobs: SignatureJob[] = [];
        for (const { message } of records.filter((record) => !isSummarized(record))) {
            const key = this.#state.keys.get(toHex(message.kid))?.key;
            if (key === undefined) continue;
            const { algorithm, signature, toBeSigned } = message;
            messages.push(message);
            jobs.push({ key, algorithm, message: toBeSigned, signature });
        }
        const verdicts = await this.#verify(jobs);
        return new Map(messages.map((message, i) => [message, verdicts[i] ?? false]));
    }

    /** Ends the threads. */
    close(): Promise<void> {
        return this.#verifier.close();
    }

    /** Threads of their own are worth their start only where there is much to check. */
    #verify(jobs: readonly SignatureJob[]): Promise<boolean[]> {
        this.#asked += jobs.length;
        if (this.#asked > THREADS_FROM) return this.#verifier.verify(jobs);
        return Promise.all(
            jobs.map(({ algorithm, key, message, signature }) =>
                verifySignatureInPool(key, algorithm, message, signature),
            ),
        );
    }
}
