/** The worker that checks a bill: a month of quarter-hours takes a good part of a second. */
import { checkBillText } from "./check.ts";
import type { FromBillWorker } from "./messages.ts";
import { describeBill } from "./problems.ts";

self.addEventListener("message", (event: MessageEvent<string>) => {
    void check(event.data);
});

async function check(text: string): Promise<void> {
    const answer: FromBillWorker = await checkBillText(text).then(
        (bill) => ({ type: "holds", bill }) as const,
        (cause: unknown) => ({ type: "fails", problem: describeBill(cause) }) as const,
    );
    self.postMessage(answer);
}
