import { sha256, toHex, utf8 } from "@meterseal/core";

/** What did not hold, of which invariant (docs/reference/simulation.md), and when. */
export type Finding = { readonly invariant: string; readonly step: number; readonly what: string };

/** Findings of one run that are kept: the first ones matter. */
const FINDINGS_MAX = 20;

/** Everything that happens in a run, step by step: equal seeds give equal traces. */
export class Trace {
    readonly findings: Finding[] = [];
    /** How often each invariant was looked at. */
    readonly checked: Record<string, number> = {};
    /** How often each kind of step happened. */
    readonly counts: Record<string, number> = {};
    readonly #lines: string[] = [];
    readonly #watch: ((line: string) => void) | null;

    /** @param watch is told of each step. */
    constructor(watch: ((line: string) => void) | null = null) {
        this.#watch = watch;
    }

    /** Number of steps so far. */
    get step(): number {
        return this.#lines.length;
    }

    /** Notes a step. */
    note(kind: string, text: string): void {
        this.counts[kind] = (this.counts[kind] ?? 0) + 1;
        const line = `${this.step} ${kind} ${text}`;
        this.#lines.push(line);
        this.#watch?.(line);
    }

    /** Notes that an invariant was looked at and, where it does not hold, what was found. */
    check(invariant: string, holds: boolean, what: () => string): void {
        this.checked[invariant] = (this.checked[invariant] ?? 0) + 1;
        if (!holds) this.complain(invariant, what());
    }

    /** Notes a violation. */
    complain(invariant: string, what: string): void {
        if (this.findings.length >= FINDINGS_MAX) return;
        this.findings.push({ invariant, step: this.step, what });
        this.#watch?.(`${this.step} VIOLATION of ${invariant}: ${what}`);
    }

    /** Hash of all steps, hexadecimal. */
    hash(): string {
        return toHex(sha256(utf8(this.#lines.join("\n"))));
    }
}
