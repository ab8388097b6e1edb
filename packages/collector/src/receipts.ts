import type { Clock, MetersealError, Signer } from "@meterseal/core";
import {
    chainKey,
    type Finality,
    type LedgerState,
    type RecordPlaceName,
    type TreeHead,
} from "@meterseal/ledger";
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

/** Where the records of the log are, for receipts on what nobody was told of. */
export type LedgerPlaces = {
    readonly state: Pick<LedgerState, "chains">;
    /** Tree head up to which everything is final. */
    readonly head: () => TreeHead;
    readonly leafOf: (place: RecordPlaceName, hash: Uint8Array) => Promise<number | null>;
};

/** Chains of which the book remembers more than the ledger says, and those asked for last. */
const CHAINS_MAX = 65_536;

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
    #places: LedgerPlaces | null = null;

    constructor(signer: Signer, clock: Clock) {
        this.#signer = signer;
        this.#clock = clock;
    }

    /** Looks up in the log from now on what it was not told, so that it need not remember every chain. */
    lookUpIn(places: LedgerPlaces): void {
        this.#places = places;
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

    /** Notes that a record is in the ledger, accepted, with an entry that was not told. */
    noteUnplaced(record: MeterRecord): void {
        this.noteStored(record);
        const book = this.#book(record);
        book.final = null;
        book.standing = null;
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
        book.final ??= await this.#lookUp(record);
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
        const known = this.#chains.get(key);
        if (known !== undefined) return known;
        const stored = this.#places === null ? null : headOf(this.#places, key);
        const book: ChainBook = { stored, final: null, standing: null };
        this.#chains.set(key, book);
        if (this.#places !== null && this.#chains.size > CHAINS_MAX) this.#forgetOldest();
        return book;
    }

    /** Forgets the chain that was asked for first, unless the log does not have all that is stored of it. */
    #forgetOldest(): void {
        const [oldest] = this.#chains;
        if (oldest === undefined) return;
        const [key, book] = oldest;
        this.#chains.delete(key);
        const { final, stored } = book;
        if ((stored?.seq ?? 0) > (final?.seq ?? 0)) this.#chains.set(key, book);
    }

    /** Where the head of a chain stands in the log; null where it is not final yet, or nobody can say. */
    async #lookUp({ chainEpoch, subject }: MeterRecord): Promise<ChainBook["final"]> {
        const places = this.#places;
        const place = places && headOf(places, chainKey(subject, chainEpoch));
        if (places === null || place === null) return null;
        const leafIndex = await places.leafOf({ subject, chainEpoch, seq: place.seq }, place.hash);
        const checkpoint = places.head();
        const isFinal = leafIndex !== null && leafIndex < checkpoint.size;
        return isFinal ? { ...place, finality: { leafIndex, checkpoint } } : null;
    }
}

function headOf({ state }: LedgerPlaces, key: string): Place | null {
    const chain = state.chains.get(key);
    return chain === undefined || chain.headSeq === 0
        ? null
        : { seq: chain.headSeq, hash: chain.headHash };
}
