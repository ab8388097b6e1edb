import {
    bytesEqual,
    concatBytes,
    LIMITS,
    type Log,
    type MeterLink,
    type PublicKey,
    plainBytes,
    type Timers,
} from "@meterseal/core";
import {
    fitsMessage,
    type MeterStore,
    type OutboxRecord,
    parseReceipt,
    parseUnsignedReceipt,
    RECEIPT_LEVEL,
    type Receipt,
    verifySign1,
} from "@meterseal/record";

/** What an outbox works with. */
export type OutboxOptions = {
    readonly subject: Uint8Array;
    readonly collectorKey: PublicKey;
    readonly store: MeterStore;
    readonly link: MeterLink;
    readonly timers: Timers;
    readonly log: Log;
};

/** A meter asks again when nothing moved for this long. */
const PROBE_AFTER_MS = 5_000;
/** Wait after an unsigned refusal, which may be anybody's. */
const UNSIGNED_RETRY_MS = 5_000;
/** Refusals that pass: gap, busy, internal, clock. */
const PASSING_CODES = [6, 12, 13, 14];

/**
 * The records of one meter that are not final: sends them in order, resends what is not stored, and
 * forgets only what a signed receipt calls final (formats 5).
 */
export class Outbox {
    readonly #options: OutboxOptions;
    readonly #records: OutboxRecord[] = [];
    /** Position in {@link #records} of the next one to send. */
    #cursor = 0;
    #storedSeq = 0;
    #inFlight = 0;
    #up = false;
    #refusal: Receipt | null = null;
    #cancelProbe: (() => void) | null = null;
    #waiters: { readonly until: () => boolean; readonly done: () => void }[] = [];
    #writes: Promise<void> = Promise.resolve();

    private constructor(options: OutboxOptions, records: readonly OutboxRecord[]) {
        this.#options = options;
        this.#records.push(...records);
    }

    /** Loads what a meter has not got rid of. */
    static async open(options: OutboxOptions): Promise<Outbox> {
        return new Outbox(options, await options.store.outbox());
    }

    /** Records that are not final. */
    get size(): number {
        return this.#records.length;
    }

    /** The refusal that stopped this meter; null while it works. */
    get refusal(): Receipt | null {
        return this.#refusal;
    }

    /** Adds a record that is on disk already. */
    add(record: OutboxRecord): void {
        this.#records.push(record);
        this.#pump();
    }

    /** Resolves when fewer than so many records are not final, or the meter was stopped by a refusal. */
    async below(size: number): Promise<void> {
        const until = (): boolean => this.#records.length < size || this.#refusal !== null;
        if (!until()) await new Promise<void>((done) => this.#waiters.push({ until, done }));
        await this.#writes;
    }

    /** The link is up: what was not stored may be lost, so it goes again. */
    up(): void {
        this.#up = true;
        this.#inFlight = 0;
        this.#rewind();
        this.#probe();
    }

    /** The link is down. */
    down(): void {
        this.#up = false;
    }

    /** Ends the timers; nothing is lost, the store has it all. */
    close(): void {
        this.#up = false;
        this.#cancelProbe?.();
    }

    /** Takes a message that came down the link. */
    message(bytes: Uint8Array): void {
        const signed = parseReceipt(plainBytes(bytes));
        if (signed.ok) {
            if (verifySign1(signed.value.message, this.#options.collectorKey)) {
                this.#takeReceipt(signed.value, bytes.slice());
            } else this.#warn("a receipt with a bad signature was ignored", signed.value.code);
            return;
        }
        const unsigned = parseUnsignedReceipt(bytes);
        if (unsigned.ok) {
            this.#warn("the collector refused a message without a signature", unsigned.value.code);
            this.#retryAfter(UNSIGNED_RETRY_MS);
        } else this.#warn("an unreadable answer was ignored", 1);
    }

    #takeReceipt(receipt: Receipt, bytes: Uint8Array): void {
        if (!bytesEqual(receipt.subject, this.#options.subject)) return;
        if (receipt.level === RECEIPT_LEVEL.refused) {
            this.#takeRefusal(receipt);
            return;
        }
        const index = this.#indexOf(receipt);
        if (index < 0) return; // about a record that is final already
        if (!bytesEqual((this.#records[index] as OutboxRecord).hash, receipt.recordHash)) {
            this.#warn("a receipt names another record than the one sent", receipt.code);
            return;
        }
        this.#storedSeq = Math.max(this.#storedSeq, receipt.seq);
        if (receipt.level === RECEIPT_LEVEL.final) {
            this.#write(() =>
                this.#options.store.keepFinal(bytes, receipt.chainEpoch, receipt.seq),
            );
            this.#records.splice(0, index + 1);
            this.#cursor = Math.max(0, this.#cursor - index - 1);
        } else this.#write(() => this.#options.store.keepStored(bytes));
        this.#wake();
        this.#pump();
    }

    #takeRefusal(receipt: Receipt): void {
        const index = this.#indexOf(receipt);
        if (index < 0) return;
        if (!PASSING_CODES.includes(receipt.code)) {
            this.#warn("the collector refused a record for good", receipt.code);
            this.#refusal = receipt;
            this.#wake();
            return;
        }
        if (receipt.code === 6 && receipt.nextSeq !== undefined) {
            this.#cursor = Math.max(0, index - (receipt.seq - receipt.nextSeq));
            this.#pump();
        } else this.#retryAfter((receipt.retryAfterSeconds ?? 5) * 1000);
    }

    #indexOf(receipt: Receipt): number {
        return this.#records.findIndex(
            (record) => record.seq === receipt.seq && record.chainEpoch === receipt.chainEpoch,
        );
    }

    #rewind(): void {
        const stored = this.#records.findIndex((record) => record.seq > this.#storedSeq);
        this.#cursor = stored < 0 ? this.#records.length : stored;
        this.#pump();
    }

    /** Sends the oldest record again where all were sent: the answer says how far the chain is. */
    #probe(): void {
        const oldest = this.#records[0];
        if (oldest !== undefined && this.#up && this.#inFlight === 0) this.#send([oldest]);
    }

    #pump(): void {
        if (this.#refusal !== null) return;
        while (this.#up && this.#cursor < this.#records.length) {
            const batch = this.#nextBatch();
            if (this.#inFlight + batch.length > LIMITS.outboxInFlight) break;
            this.#cursor += batch.length;
            this.#send(batch);
        }
        this.#armProbe();
    }

    #nextBatch(): OutboxRecord[] {
        const batch: OutboxRecord[] = [];
        let bytes = 0;
        for (const record of this.#records.slice(
            this.#cursor,
            this.#cursor + LIMITS.messageRecords,
        )) {
            if (batch.length > 0 && !fitsMessage(bytes + record.bytes.length, batch.length + 1))
                break;
            batch.push(record);
            bytes += record.bytes.length;
        }
        return batch;
    }

    #send(batch: readonly OutboxRecord[]): void {
        this.#inFlight += batch.length;
        this.#options.link.send(concatBytes(...batch.map((record) => record.bytes))).then(
            () => {
                this.#inFlight = Math.max(0, this.#inFlight - batch.length);
                this.#pump();
            },
            () => {
                this.#inFlight = Math.max(0, this.#inFlight - batch.length);
                if (this.#up) this.#retryAfter(1_000);
            },
        );
    }

    #retryAfter(delayMs: number): void {
        this.#cancelProbe?.();
        this.#cancelProbe = this.#options.timers.after(delayMs, () => this.#askAgain());
    }

    #armProbe(): void {
        this.#cancelProbe?.();
        this.#cancelProbe = null;
        if (this.#records.length === 0 || this.#refusal !== null) return;
        this.#cancelProbe = this.#options.timers.after(PROBE_AFTER_MS, () => this.#askAgain());
    }

    #askAgain(): void {
        this.#cancelProbe = null;
        if (!this.#up) return;
        this.#rewind();
        this.#probe();
        this.#armProbe();
    }

    #write(work: () => Promise<void>): void {
        this.#writes = this.#writes.then(work).catch((cause: unknown) => {
            this.#options.log.warn("the outbox could not be written", { cause: String(cause) });
        });
    }

    #wake(): void {
        const ready = this.#waiters.filter((waiter) => waiter.until());
        this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter));
        for (const waiter of ready) waiter.done();
    }

    #warn(message: string, code: number): void {
        this.#options.log.warn(message, { code, subject: this.#options.subject.toHex() });
    }
}
