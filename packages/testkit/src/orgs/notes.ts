import { SimNotes } from "../sim-notes.ts";
import type { Trace } from "./trace.ts";

/** Invariant that a complaint is about; a process that fails for another reason than ours is I9. */
const ABOUT: readonly (readonly [RegExp, string])[] = [
    [/was (?:written|sealed) twice/, "I1"],
    [/receipt/, "I7"],
    [/opens to|has a boundary|the sum of all/, "I2"],
];

/** What meters wrote and were told, whose contradictions are findings of a trace. */
export class OrgNotes extends SimNotes {
    readonly #trace: Trace;

    constructor(trace: Trace) {
        super();
        this.#trace = trace;
    }

    override complain(what: string): void {
        super.complain(what);
        const about = ABOUT.find(([text]) => text.test(what));
        this.#trace.complain(about?.[1] ?? "I9", what);
    }
}
