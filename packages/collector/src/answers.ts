import {
    type Clock,
    type CollectorLink,
    fromHex,
    type Log,
    type MetersealError,
    toHex,
} from "@meterseal/core";
import { isUnsignedCode, type ReceiptBook } from "./receipts.ts";
import type { Refusal } from "./verdict.ts";

/** What {@link Answers} works with. */
export type AnswersOptions = {
    readonly receipts: ReceiptBook;
    /** Real time: rates. */
    readonly steadyClock: Clock;
    readonly log: Log;
    /** Links that a meter may be on, in the order in which they are tried. */
    readonly links: readonly CollectorLink[];
};

/** Least time between two answers that cost more than the message which asks for them. */
const RARE_ANSWER_MS = 1_000;

/** Tells senders what was refused; signed where an enrolled key stands behind it. */
export class Answers {
    readonly #options: AnswersOptions;
    readonly #lastRare = new Map<string, number>();
    #ended = false;

    constructor(options: AnswersOptions) {
        this.#options = options;
    }

    /** Says nothing any more: a collector that failed acknowledges nothing. */
    end(): void {
        this.#ended = true;
    }

    /** Answers for a refused record. */
    async refuse(subjectHex: string, { error, nextSeq, record }: Refusal): Promise<void> {
        const { receipts } = this.#options;
        // Nobody gets our word on another meter's record.
        const isForeign = toHex(record.subject) !== subjectHex;
        if (isForeign) await this.reject(subjectHex, error);
        else if (isUnsignedCode(error.receiptCode) || error.code === "MS_BUSY") {
            await this.#sendRarely(subjectHex, error, () => receipts.refusal(record, error));
        } else await this.send(subjectHex, await receipts.refusal(record, error, nextSeq));
    }

    /** Answers a message that is no sequence of records of its sender. */
    async reject(subjectHex: string, reason: MetersealError): Promise<void> {
        await this.#sendRarely(subjectHex, reason, () =>
            this.#options.receipts.rejection(fromHex(subjectHex), reason),
        );
    }

    /** Sends; an answer that does not arrive is asked for again: it must not undo what was taken. */
    async send(subjectHex: string, message: Uint8Array): Promise<void> {
        if (this.#ended) return;
        for (const link of this.#options.links) {
            try {
                if (await link.deliver(subjectHex, message)) return;
            } catch (cause) {
                this.#options.log.warn("receipt not sent", { cause: String(cause) });
            }
        }
    }

    /** At most one such answer a second to each sender: garbage must not buy answers. */
    async #sendRarely(
        subjectHex: string,
        reason: MetersealError,
        answer: () => Promise<Uint8Array>,
    ): Promise<void> {
        const { log, steadyClock } = this.#options;
        const nowMs = steadyClock.nowMs();
        const sinceMs = Math.abs(nowMs - (this.#lastRare.get(subjectHex) ?? -RARE_ANSWER_MS));
        if (sinceMs < RARE_ANSWER_MS) return;
        this.#lastRare.set(subjectHex, nowMs);
        log.warn("message refused", { subject: subjectHex, code: reason.code });
        await this.send(subjectHex, await answer());
    }
}
