import type { ErrorCode, MetersealError } from "@meterseal/core";
import { isBreach } from "@meterseal/ledger";
import { counted } from "../console.ts";
import type { Findings } from "./findings.ts";

/** Records with one code: how many, and what was said of the first. */
type Passed = { count: number; readonly first: MetersealError; readonly where: string };

/**
 * Counts the records of a log that the acceptance rules kept out of their chains. That is the rules' own
 * verdict, come to again, and no fault of the log: a clock that was ahead, a race, a meter that was removed
 * or that broke a rule. The log keeps such a record for ever, so a fault would never go away.
 */
export class PassedOver {
    readonly #byCode = new Map<ErrorCode, Passed>();

    /** Takes what the rules say of a record, and the entry that carries it. */
    add(refusal: MetersealError, where: string): void {
        const known = this.#byCode.get(refusal.code);
        if (known === undefined)
            this.#byCode.set(refusal.code, { count: 1, first: refusal, where });
        else known.count++;
    }

    /** Says how many there were, one note for each code. */
    note({ notes }: Findings): void {
        for (const [code, { count, first, where }] of this.#byCode) {
            const records = `${counted(count, "record")} of the log`;
            const what = isBreach(first)
                ? `broke a rule and froze ${count === 1 ? "its chain" : "their chains"}`
                : `${count === 1 ? "was" : "were"} passed over`;
            const place = `${count === 1 ? "at" : "the first at"} ${where}`;
            notes.push(`${records} ${what} (${code}), ${place}: ${first.explanation}`);
        }
    }
}
