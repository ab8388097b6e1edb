import { toHex, unwrap } from "@meterseal/core";
import { type MeterRecord, parseReceipt, RECEIPT_LEVEL } from "@meterseal/record";
import { testSigner } from "@meterseal/testkit/keys";
import { TestChain, TestNetwork } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { ReceiptBook } from "../src/receipts.ts";
import { StandingSender } from "../src/standing-sender.ts";
import { records, START_MS } from "./bed.ts";

let all: MeterRecord[];
let subject: string;
let book: ReceiptBook;
let sent: { readonly level: number; readonly seq: number }[];
let failures: unknown[];
/** Lets the answer that is on its way arrive; replaced by each. */
let arrive: () => void;

beforeEach(async () => {
    const meter = await new TestNetwork("standing").meter("one");
    all = await records(new TestChain(meter), 3);
    subject = toHex(meter.subject);
    book = new ReceiptBook(testSigner("collector"), { nowMs: () => START_MS });
    sent = [];
    failures = [];
    arrive = () => undefined;
});

function sender(): StandingSender {
    return new StandingSender({
        book,
        nextTurn: () => Promise.resolve(),
        send: async (_to, receipt) => {
            const { level, seq } = unwrap(parseReceipt(receipt));
            sent.push({ level, seq });
            await new Promise<void>((resolve) => {
                arrive = resolve;
            });
        },
        onFailure: (cause) => failures.push(cause),
    });
}

async function settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
}

describe("answers about where a meter stands", () => {
    it("speak once for all that became durable together", async () => {
        const standing = sender();
        for (const record of all) book.noteStored(record);
        const answered = Promise.all(all.map((record) => standing.send(subject, record)));
        await settle();
        expect(sent).toEqual([{ level: RECEIPT_LEVEL.stored, seq: 3 }]);
        arrive();
        await answered;
        expect(sent).toHaveLength(1);
    });

    it("never name what is not noted yet, and wait for the one on its way", async () => {
        const standing = sender();
        const [first, second, third] = all as [MeterRecord, MeterRecord, MeterRecord];
        book.noteStored(first);
        let done = 0;
        const count = (): number => done++;
        const one = standing.send(subject, first).then(count);
        await settle();
        book.noteStored(second);
        const two = standing.send(subject, second).then(count);
        book.noteStored(third);
        const three = standing.send(subject, third).then(count);
        await settle();
        expect(sent.map(({ seq }) => seq)).toEqual([1]);
        arrive();
        await one;
        await settle();
        expect(sent.map(({ seq }) => seq)).toEqual([1, 3]);
        expect(done).toBe(1); // the others wait for an answer that was made after they asked
        arrive();
        await Promise.all([two, three]);
    });

    it("go on after one that could not be made", async () => {
        const standing = sender();
        const [first] = all as [MeterRecord];
        const real = book.standing.bind(book);
        book.standing = () => Promise.reject(new Error("the key is locked"));
        await standing.send(subject, first);
        expect(failures).toHaveLength(1);
        book.standing = real;
        book.noteStored(first);
        const again = standing.send(subject, first);
        await settle();
        arrive();
        await again;
        expect(sent).toEqual([{ level: RECEIPT_LEVEL.stored, seq: 1 }]);
    });
});
