import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { OrgReport } from "@meterseal/testkit/orgs";

/** A seed in which something did not hold. */
export type FailedSeed = {
    readonly seed: number;
    readonly traceHash: string;
    readonly findings: OrgReport["findings"];
};

/** What a worker answers. */
export type Answer =
    | { readonly report: OrgReport; readonly cpuSeconds: number }
    | { readonly seed: number; readonly failure: string };

/** What has been run so far. */
export type TallyState = {
    readonly from: number;
    readonly to: number;
    /** Every seed below this one was run … */
    next: number;
    /** … and these above it. */
    readonly ahead: number[];
    readonly failed: FailedSeed[];
    cpuSeconds: number;
    readonly counts: Record<string, number>;
    /** How often each invariant was looked at. */
    readonly checked: Record<string, number>;
};

/** Counts what seeds came to, and keeps it in a file so that an interrupted run goes on. */
export class Tally {
    readonly state: TallyState;
    readonly #path: string | null;

    /**
     * @param path of the progress file; null for none.
     * @throws Error where the file is one of other seeds.
     */
    constructor(from: number, to: number, path: string | null) {
        this.#path = path;
        const fresh: TallyState = {
            ...{ from, to, next: from, ahead: [], failed: [] },
            ...{ cpuSeconds: 0, counts: {}, checked: {} },
        };
        if (path === null || !existsSync(path)) {
            this.state = fresh;
            return;
        }
        this.state = JSON.parse(readFileSync(path, "utf8")) as TallyState;
        if (this.state.from !== from || this.state.to !== to) {
            const { from: first, to: last } = this.state;
            throw new Error(
                `${path} is about seeds ${first}..${last}: give those, or another file.`,
            );
        }
    }

    /** Number of seeds that were run. */
    get done(): number {
        return this.state.next - this.state.from + this.state.ahead.length;
    }

    /** Number of seeds in all. */
    get total(): number {
        return this.state.to - this.state.from + 1;
    }

    /** Seeds that were not run yet. */
    *left(): Generator<number, void, undefined> {
        const ahead = new Set(this.state.ahead);
        for (let seed = this.state.next; seed <= this.state.to; seed++) {
            if (!ahead.has(seed)) yield seed;
        }
    }

    /** Counts one answer; the seed where something did not hold, else null. */
    take(answer: Answer): FailedSeed | null {
        const failed = failureOf(answer);
        if (failed !== null) this.state.failed.push(failed);
        if ("report" in answer) {
            const { blocks, checked, counts, records, steps } = answer.report;
            add(this.state.checked, checked);
            add(this.state.counts, { ...counts, blocks, records, steps });
            this.state.cpuSeconds += answer.cpuSeconds;
        }
        this.#pass("report" in answer ? answer.report.seed : answer.seed);
        return failed;
    }

    /** Writes the progress file, whole or not at all. */
    save(): void {
        if (this.#path === null) return;
        writeFileSync(`${this.#path}.new`, JSON.stringify(this.state));
        renameSync(`${this.#path}.new`, this.#path);
    }

    #pass(seed: number): void {
        const { ahead } = this.state;
        ahead.push(seed);
        for (let at = ahead.indexOf(this.state.next); at >= 0; ) {
            ahead.splice(at, 1);
            this.state.next++;
            at = ahead.indexOf(this.state.next);
        }
    }
}

function failureOf(answer: Answer): FailedSeed | null {
    if ("failure" in answer) {
        const finding = { invariant: "none", step: 0, what: answer.failure };
        return { seed: answer.seed, traceHash: "", findings: [finding] };
    }
    const { findings, seed, traceHash } = answer.report;
    return findings.length === 0 ? null : { seed, traceHash, findings };
}

function add(to: Record<string, number>, counts: Readonly<Record<string, number>>): void {
    for (const [name, count] of Object.entries(counts)) to[name] = (to[name] ?? 0) + count;
}
