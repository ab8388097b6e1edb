import type { Clock, MetersealError, Signer } from "@meterseal/core";
import { chainKey, type Finality } from "@meterseal/ledger";
import {
    createReceipt,
    encodeReceipt,
    type MeterRecord,
    RECEIPT_LEVEL,
    type Receipt,
} from "@meterseal/record";

type Place = { readonly seq: number; readonly hash: Uint8Array };
type ChainBook = {
    stored: Place | null;
    final: (Place & { readonly finality: Finality }) | null;
    /** Receipts on the above, signed once; null when they changed. */
    standing: Promise<Uint8Array[]> | null;
};

/** How long a meter waits after a refusal that may pass, seconds. */
const RETRY_AFTER_SECONDS = 2;
/** Codes whose refusal is not signed: no enrolled key stands behind the message. */
const UNSIGNED_CODES = [1, 2, 3, 4];

/** True for a receipt code whose answers carry no signature. */
export function isUnsignedCode(code: number): boolean {
    return UNSIGNED_CODES.includes(code);
}

/** What the collector has promised to each chain, and the receipts that say so (formats 5). */
export class ReceiptBook {
    readonly #signer: Signer;
    readonly #clock: Clock;
    readonly #chains = new Map<string, ChainBook>();

    constructor(signer: Signer, clock: Clock) {
        this.#signer = signer;
        this.#clock = clock;
    }

    /** True when a record, or a later one of its chain, is on our disk. */
    isStored(record: MeterRecord): boolean {
        return record.seq <= (this.#book(record).stored?.seq ?? 0);
    }

    /** Notes that an accepted record is on our disk. */
    noteStored(record: MeterRecord): void {
        const book = this.#book(record);
        if (record.seq > (book.stored?.seq ?? 0)) {
            book.stored = { seq: record.seq, hash: record.message.hash };
            book.standing = null;
        }
    }

    /** Notes that a record is in the ledger, accepted. */
    noteFinal(record: MeterRecord, finality: Finality): void {
        this.noteStored(record);
        const book = this.#book(record);
        if (record.seq > (book.final?.seq ?? 0)) {
            book.final = { seq: record.seq, hash: record.message.hash, finality };
            book.standing = null;
        }
    }

    /** Signed receipts on where the chain of a record stands: final, then stored where it is further. */
    async standing(record: MeterRecord): Promise<Uint8Array[]> {
        const book = this.#book(record);
        book.standing ??= this.#signStanding(record, book);
        try {
            return await book.standing;
        } catch (cause) {
            book.standing = null;
            throw cause;
        }
    }

    async #signStanding(record: MeterRecord, book: ChainBook): Promise<Uint8Array[]> {
        const { final, stored } = book;
        const receipts: Promise<Uint8Array>[] = [];
        if (final !== null) {
            const { leafIndex, checkpoint } = final.finality;
            const receipt = this.#receipt(record, final, RECEIPT_LEVEL.final);
            receipts.push(createReceipt(this.#signer, { ...receipt, leafIndex, checkpoint }));
        }
        if (stored !== null && stored.seq > (final?.seq ?? 0)) {
            const receipt = this.#receipt(record, stored, RECEIPT_LEVEL.stored);
            receipts.push(createReceipt(this.#signer, receipt));
        }
        return await Promise.all(receipts);
    }

    /** Refusal of one record: signed for a known key, a bare payload otherwise. */
    async refusal(
        record: MeterRecord,
        error: MetersealError,
        nextSeq?: number,
    ): Promise<Uint8Array> {
        const place = { seq: record.seq, hash: record.message.hash };
        const base = this.#receipt(record, place, RECEIPT_LEVEL.refused);
        const code = error.receiptCode;
        const retry = [6, 12, 13, 14].includes(code)
            ? { retryAfterSeconds: RETRY_AFTER_SECONDS }
            : {};
        const receipt = { ...base, code, ...retry, ...(nextSeq === undefined ? {} : { nextSeq }) };
        return await this.#encode(receipt);
    }

    /** Answer to a message that is not about a record of its sender: names none. */
    async rejection(subject: Uint8Array, error: MetersealError): Promise<Uint8Array> {
        const place = { seq: 0, hash: new Uint8Array(32) };
        const base = this.#receipt({ subject, chainEpoch: 0 }, place, RECEIPT_LEVEL.refused);
        return await this.#encode({ ...base, code: error.receiptCode });
    }

    async #encode(receipt: Receipt): Promise<Uint8Array> {
        return isUnsignedCode(receipt.code)
            ? encodeReceipt(receipt)
            : await createReceipt(this.#signer, receipt);
    }

    #receipt(
        chain: Pick<MeterRecord, "subject" | "chainEpoch">,
        place: Place,
        level: number,
    ): Receipt {
        return {
            subject: chain.subject,
            chainEpoch: chain.chainEpoch,
            seq: place.seq,
            recordHash: place.hash,
            level,
            code: 0,
            timeUnix: Math.floor(this.#clock.nowMs() / 1000),
        };
    }

    #book(record: Pick<MeterRecord, "subject" | "chainEpoch">): ChainBook {
        const key = chainKey(record.subject, record.chainEpoch);
        const book = this.#chains.get(key) ?? { stored: null, final: null, standing: null };
        this.#chains.set(key, book);
        return book;
    }
}
