import { error, toHex, unwrap } from "@meterseal/core";
import { parseRecord, RECEIPT_LEVEL, RECORD_CLASS, type Receipt, usageOf } from "@meterseal/record";
import { expandAddresses } from "@meterseal/seal";

/** Text of every fault that a simulation injects: any other failure is a finding. */
const INJECTED = "injected fault";

/** A final receipt that a meter saw. */
export type SeenFinal = Receipt & { readonly leafIndex: number };

/** What an outsider notes down while a simulated world runs, and checks at once or at the end. */
export class SimNotes {
    /** What went against a promise; a clean run has none. */
    readonly violations: string[] = [];
    /** Hash of the record at each place that a meter wrote, by `subject/epoch/seq`. */
    readonly written = new Map<string, string>();
    /** Places whose records a meter saw acknowledged as stored. */
    readonly acknowledged = new Set<string>();
    readonly finals: SeenFinal[] = [];
    readonly counts = {
        crashes: 0,
        fullDisks: 0,
        thinned: 0,
        messages: 0,
        mischief: 0,
        notices: 0,
        receipts: 0,
    };
    /** Sealed bytes by `stream/epoch/tree/index`. */
    readonly #sealed = new Map<string, string>();
    readonly #bytes = new Map<string, string>();

    /** Notes down a violation. */
    complain(what: string): void {
        this.violations.push(what);
    }

    /** Notes a failure; one that nobody injected is a violation. */
    failure(where: string, cause: unknown): void {
        if (!describe(cause).includes(INJECTED)) this.complain(`${where}: ${describe(cause)}`);
    }

    /** A meter's record, when it is on disk and whenever it is sent: no place and no leaf has two. */
    record(bytes: Uint8Array): void {
        const record = unwrap(parseRecord(bytes));
        const place = placeOf(record.subject, record.chainEpoch, record.seq);
        const text = toHex(bytes);
        const known = this.#bytes.get(place);
        if (known === text) return;
        if (known !== undefined) this.complain(`${place} was written twice`);
        this.#bytes.set(place, text);
        this.written.set(place, toHex(record.message.hash));
        if (record.recordClass !== RECORD_CLASS.usage) return;
        const usage = unwrap(usageOf(record));
        if (usage.values.mode === "open") return;
        const { bytes: sealed } = usage.values;
        const width = sealed.length / usage.count;
        const addresses = unwrap(expandAddresses(usage));
        for (const [i, { index, level }] of addresses.entries()) {
            const leaf = `${toHex(usage.stream)}/${usage.sealEpoch}/${level}/${index}`;
            if (this.#sealed.has(leaf)) this.complain(`leaf ${leaf} was sealed twice`);
            this.#sealed.set(leaf, toHex(sealed.subarray(i * width, (i + 1) * width)));
        }
    }

    /** A genuine receipt that reached a meter. */
    receipt(receipt: Receipt): void {
        this.counts.receipts++;
        if (receipt.level === RECEIPT_LEVEL.refused) return;
        const subject = receipt.subject;
        const named = this.written.get(placeOf(subject, receipt.chainEpoch, receipt.seq));
        if (named !== toHex(receipt.recordHash)) {
            this.complain(`a receipt for ${toHex(subject)}/${receipt.seq} names another record`);
        }
        for (let seq = 1; seq <= receipt.seq; seq++) {
            this.acknowledged.add(placeOf(subject, receipt.chainEpoch, seq));
        }
        if (receipt.level !== RECEIPT_LEVEL.final) return;
        if (receipt.leafIndex === undefined) this.complain("a final receipt names no leaf");
        else this.finals.push({ ...receipt, leafIndex: receipt.leafIndex });
    }

    /** Every acknowledged record is among these, and each just once. */
    requireAcknowledged(records: Iterable<Uint8Array>, where: string): void {
        const times = new Map<string, number>();
        for (const bytes of records) {
            const name = toHex(bytes);
            times.set(name, (times.get(name) ?? 0) + 1);
        }
        for (const place of this.acknowledged) {
            const found = times.get(this.#bytes.get(place) ?? "") ?? 0;
            if (found !== 1)
                this.complain(`${where}: acknowledged ${place} is there ${found} times`);
        }
    }
}

/** Name of a place in a chain. */
export function placeOf(subject: Uint8Array, chainEpoch: number, seq: number): string {
    return `${toHex(subject)}/${chainEpoch}/${seq}`;
}

/** The error of an injected fault. */
export function injected(where: string): Error {
    return error("MS_STORE_UNWRITABLE", { where, got: INJECTED });
}

/** Text of a failure with its causes. */
function describe(cause: unknown): string {
    if (!(cause instanceof Error)) return String(cause);
    return cause.cause === undefined
        ? cause.message
        : `${cause.message} < ${describe(cause.cause)}`;
}
