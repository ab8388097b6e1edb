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
import { type ClockAhead, type ClockWatcher, clockAheadOf, clockRetryMs } from "./clock-ahead.ts";

/** What an outbox works with. */
export type OutboxOptions = {
    readonly subject: Uint8Array;
    readonly collectorKey: PublicKey;
    readonly store: MeterStore;
    readonly link: MeterLink;
    readonly timers: Timers;
    readonly log: Log;
    readonly onClockAhead: ClockWatcher;
};

/** A meter asks again when nothing moved for this long. */
const PROBE_AFTER_MS = 5_000;
/** Wait after an unsigned refusal, which may be anybody's. */
const UNSIGNED_RETRY_MS = 5_000;
/** Wait after a message that the link did not get through. */
const SEND_RETRY_MS = 1_000;
/** Receipt code of a gap. */
const GAP_CODE = 6;
/** Receipt code of a record that is dated too far ahead. */
const CLOCK_CODE = 14;
/** Refusals that pass: gap, busy, internal, clock. */
const PASSING_CODES = [GAP_CODE, 12, 13, CLOCK_CODE];

/**
 * The records of one meter that are not final: sends them in order, resends what is not stored, and
 * forgets only what a signed receipt calls final (formats 5).
 */
export class Outbox {
    readonly #options: OutboxOptions;
    readonly #records: OutboxRecord[] = [];
    /** Records at the front of {@link #records} that are stored: not sent again. */
    #stored = 0;
    /** Position in {@link #records} of the next one to send. */
    #cursor = 0;
    /** Messages under way on the present connection. */
    readonly #flying = new Set<readonly OutboxRecord[]>();
    #up = false;
    #closed = false;
    #refusal: Receipt | null = null;
    #clockAhead: ClockAhead | null = null;
    #cancelProbe: (() => void) | null = null;
    /** Ends the pause after a refusal that passes; null while there is none. */
    #cancelPause: (() => void) | null = null;
    #waiters: { readonly until: () => boolean; readonly done: () => void }[] = [];
    #writes: Promise<void> = Promise.resolve();

    private constructor(options: OutboxOptions, records: readonly OutboxRecord[]) {
        this.#options = options;
        this.#records.push(...records);
    }

    /** Loads what a meter has not got rid of, and how much of it the collector has stored. */
    static async open(options: OutboxOptions): Promise<Outbox> {
        const outbox = new Outbox(options, await options.store.outbox());
        const { stored } = await options.store.receipts();
        const receipt = stored === null ? null : parseReceipt(stored);
        if (receipt?.ok && verifySign1(receipt.value.message, options.collectorKey)) {
            const index = outbox.#indexOf(receipt.value);
            if (index >= 0 && outbox.#isAbout(index, receipt.value)) outbox.#stored = index + 1;
        }
        outbox.#cursor = outbox.#stored;
        return outbox;
    }

    /** Records that are not final. */
    get size(): number {
        return this.#records.length;
    }

    /** The refusal that stopped this meter; null while it works. */
    get refusal(): Receipt | null {
        return this.#refusal;
    }

    /** The record that waits for the collector's clock; null where none does. */
    get clockAhead(): ClockAhead | null {
        return this.#clockAhead;
    }

    /** True after {@link close}. */
    get closed(): boolean {
        return this.#closed;
    }

    /** The records that are not final, the oldest first. */
    get records(): readonly OutboxRecord[] {
        return this.#records;
    }

    /** Adds a record that is on disk already. */
    add(record: OutboxRecord): void {
        this.#records.push(record);
        this.#pump();
    }

    /**
     * Resolves when fewer than so many records are not final, when something else is true that was
     * told by {@link recheck}, or when the meter was stopped by a refusal or closed.
     */
    async below(size: number, isElse: () => boolean = () => false): Promise<void> {
        const until = (): boolean =>
            this.#records.length < size || this.#refusal !== null || this.#closed || isElse();
        if (!until()) await new Promise<void>((done) => this.#waiters.push({ until, done }));
        await this.#writes;
    }

    /** Lets those go on who wait in {@link below} for something that is true now. */
    recheck(): void {
        const ready = this.#waiters.filter((waiter) => waiter.until());
        this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter));
        for (const waiter of ready) waiter.done();
    }

    /** The link is up: what was not stored may be lost, so it goes again. */
    up(): void {
        if (this.#closed) return;
        this.#up = true;
        this.#flying.clear();
        this.#endPause();
        this.#askAgain();
    }

    /** The link is down. */
    down(): void {
        this.#up = false;
    }

    /** Ends the timers and whoever waits; nothing is lost, the store has it all. */
    close(): void {
        this.#closed = true;
        this.#up = false;
        this.#endPause();
        this.#cancelProbe?.();
        this.#cancelProbe = null;
        this.recheck();
    }

    /** Takes a message that came down the link. */
    message(bytes: Uint8Array): void {
        if (this.#closed) return;
        const signed = parseReceipt(plainBytes(bytes));
        if (signed.ok) {
            if (verifySign1(signed.value.message, this.#options.collectorKey)) {
                this.#takeReceipt(signed.value, bytes.slice());
            } else this.#warn("a receipt with a bad signature was ignored", signed.value.code);
            return;
        }
        const unsigned = parseUnsignedReceipt(plainBytes(bytes));
        if (unsigned.ok) {
            this.#warn("the collector refused a message without a signature", unsigned.value.code);
            this.#pause(UNSIGNED_RETRY_MS);
        } else this.#warn("an unreadable answer was ignored", 1);
    }

    #takeReceipt(receipt: Receipt, bytes: Uint8Array): void {
        if (!bytesEqual(receipt.subject, this.#options.subject)) {
            this.#warn("a receipt for another meter was ignored", receipt.code);
            return;
        }
        this.#compareClocks(receipt);
        const index = this.#indexOf(receipt);
        if (index < 0) {
            // About a record that is final already, or about none of ours.
            if (PASSING_CODES.includes(receipt.code)) this.#pause(retryMs(receipt));
            return;
        }
        if (!this.#isAbout(index, receipt)) {
            this.#warn("a receipt names another record than the one sent", receipt.code);
        } else if (receipt.level === RECEIPT_LEVEL.refused) this.#takeRefusal(receipt, index);
        else if (receipt.code !== 0) {
            this.#warn("a receipt contradicts itself", receipt.code);
        } else if (receipt.level === RECEIPT_LEVEL.stored) this.#takeStored(index, bytes);
        else if (receipt.leafIndex === undefined || receipt.checkpoint === undefined) {
            this.#warn("a final receipt without its place in the ledger was ignored", receipt.code);
        } else this.#takeFinal(receipt, index, bytes);
    }

    #takeStored(index: number, bytes: Uint8Array): void {
        this.#clearClockAhead(index);
        if (index >= this.#stored) {
            this.#stored = index + 1;
            this.#cursor = Math.max(this.#cursor, this.#stored);
            this.#write(() => this.#options.store.keepStored(bytes));
        }
        this.#progress();
    }

    #takeFinal(receipt: Receipt, index: number, bytes: Uint8Array): void {
        this.#clearClockAhead(index);
        this.#write(() => this.#options.store.keepFinal(bytes, receipt.chainEpoch, receipt.seq));
        this.#records.splice(0, index + 1);
        this.#stored = Math.max(0, this.#stored - index - 1);
        this.#cursor = Math.max(this.#stored, this.#cursor - index - 1);
        this.#progress();
    }

    /** A cumulative receipt covers the record that waited for the collector's clock. */
    #clearClockAhead(index: number): void {
        const seq = this.#records[index]?.seq ?? 0;
        if (this.#clockAhead !== null && seq >= this.#clockAhead.seq) this.#setClockAhead(null);
    }

    /** Any signed time of the collector may show that the clocks have met; then the record goes again. */
    #compareClocks(receipt: Receipt): void {
        const waiting = this.#records.find(({ seq }) => seq === this.#clockAhead?.seq);
        if (waiting === undefined || clockAheadOf(waiting, receipt).waitSeconds > 0) return;
        this.#setClockAhead(null);
        this.#endPause();
        if (receipt.level !== RECEIPT_LEVEL.refused) this.#askAgain();
    }

    #setClockAhead(ahead: ClockAhead | null): void {
        const changed = this.#clockAhead?.seq !== ahead?.seq;
        this.#clockAhead = ahead;
        if (changed) this.#options.onClockAhead(ahead);
    }

    #progress(): void {
        this.recheck();
        this.#cancelProbe?.();
        this.#cancelProbe = null;
        this.#pump();
    }

    #takeRefusal(receipt: Receipt, index: number): void {
        if (receipt.code === GAP_CODE && receipt.nextSeq !== undefined) {
            this.#goBack(index - (receipt.seq - receipt.nextSeq), index);
        } else if (receipt.code === CLOCK_CODE) this.#takeClockRefusal(receipt, index);
        else if (PASSING_CODES.includes(receipt.code)) {
            this.#pause(retryMs(receipt));
        } else if (receipt.code === 0) {
            this.#warn("a receipt contradicts itself", receipt.code);
        } else {
            this.#warn("the collector refused a record for good", receipt.code);
            this.#refusal = receipt;
            this.#endPause();
            this.recheck();
        }
    }

    /** Dated too far ahead: waits as long as it must. An old answer says nothing. */
    #takeClockRefusal(receipt: Receipt, index: number): void {
        if (index < this.#stored) return;
        const ahead = clockAheadOf(this.#records[index] as OutboxRecord, receipt);
        if (ahead.waitSeconds > 0) this.#setClockAhead(ahead);
        this.#pause(clockRetryMs(ahead, retryMs(receipt)));
    }

    /** The collector lacks an earlier record: sends from there, unless that one is under way. */
    #goBack(position: number, index: number): void {
        const wanted = this.#records[position];
        if (wanted === undefined || position > index) {
            this.#warn("the collector asks for a record that this meter no longer has", GAP_CODE);
            this.#pause(UNSIGNED_RETRY_MS);
            return;
        }
        for (const batch of this.#flying) if (batch.includes(wanted)) return;
        this.#cursor = Math.min(this.#cursor, position);
        this.#pump();
    }

    #indexOf(receipt: Receipt): number {
        return this.#records.findIndex(
            (record) => record.seq === receipt.seq && record.chainEpoch === receipt.chainEpoch,
        );
    }

    #isAbout(index: number, receipt: Receipt): boolean {
        const record = this.#records[index];
        return record !== undefined && bytesEqual(record.hash, receipt.recordHash);
    }

    /** Sends what fits; the probe asks again where nothing comes back. */
    #pump(): void {
        const idle = !this.#up || this.#refusal !== null || this.#cancelPause !== null;
        while (!idle && this.#cursor < this.#records.length) {
            const batch = this.#nextBatch();
            if (this.#inFlight() + batch.length > LIMITS.outboxInFlight) break;
            this.#cursor += batch.length;
            this.#send(batch);
        }
        this.#armProbe();
    }

    #inFlight(): number {
        let count = 0;
        for (const batch of this.#flying) count += batch.length;
        return count;
    }

    #nextBatch(): OutboxRecord[] {
        const batch: OutboxRecord[] = [];
        let bytes = 0;
        const end = this.#cursor + LIMITS.messageRecords;
        for (const record of this.#records.slice(this.#cursor, end)) {
            const size = bytes + record.bytes.length;
            if (batch.length > 0 && !fitsMessage(size, batch.length + 1)) break;
            batch.push(record);
            bytes = size;
        }
        return batch;
    }

    #send(batch: readonly OutboxRecord[]): void {
        this.#flying.add(batch);
        this.#options.link.send(concatBytes(...batch.map((record) => record.bytes))).then(
            () => {
                if (this.#flying.delete(batch)) this.#pump();
            },
            () => {
                if (this.#flying.delete(batch) && this.#up) this.#pause(SEND_RETRY_MS);
            },
        );
    }

    /** Sends nothing for a while, then asks again; a pause that runs already is not prolonged. */
    #pause(delayMs: number): void {
        if (this.#closed || this.#refusal !== null) return;
        this.#cancelPause ??= this.#options.timers.after(delayMs, () => {
            this.#cancelPause = null;
            this.#askAgain();
        });
    }

    #endPause(): void {
        this.#cancelPause?.();
        this.#cancelPause = null;
    }

    #armProbe(): void {
        if (this.#closed || this.#refusal !== null || this.#records.length === 0) return;
        this.#cancelProbe ??= this.#options.timers.after(PROBE_AFTER_MS, () => {
            this.#cancelProbe = null;
            this.#askAgain();
        });
    }

    /**
     * Sends again what is not stored. Where all is stored the oldest record goes again: the answer
     * says how far the chain is.
     */
    #askAgain(): void {
        if (this.#up && this.#refusal === null && this.#cancelPause === null) {
            this.#cursor = this.#stored;
            this.#pump();
            const oldest = this.#records[0];
            if (oldest !== undefined && this.#flying.size === 0) this.#send([oldest]);
        }
        if (this.#up) this.#armProbe();
    }

    #write(work: () => Promise<void>): void {
        this.#writes = this.#writes.then(work).catch((cause: unknown) => {
            this.#options.log.warn("the outbox could not be written", { cause: String(cause) });
        });
    }

    #warn(message: string, code: number): void {
        this.#options.log.warn(message, { code, subject: this.#options.subject.toHex() });
    }
}

function retryMs(receipt: Receipt): number {
    return receipt.retryAfterSeconds === undefined
        ? UNSIGNED_RETRY_MS
        : receipt.retryAfterSeconds * 1000;
}
