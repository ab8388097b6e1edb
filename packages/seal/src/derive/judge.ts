import { type Ladder, LIMITS, unixOfSlot } from "@meterseal/core";
import { Knowledge } from "./knowledge.ts";
import { hullOf, type Known, lengthOf, type Stretch } from "./known.ts";
import { findShortSums } from "./short-sums.ts";

/** What a grant lets its holder compute, for each of its groups. */
export type Holding = { readonly groups: readonly number[]; readonly known: Known };

/** How something becomes derivable that a household may not want. */
export type FindingCode =
    /** The grant itself gives stretches shorter than the minimum. */
    | "short"
    /** The grant itself gives sums of squares over less than a day. */
    | "squares"
    /** With what is held, the sum over a stretch that no grant speaks of. */
    | "gap"
    /** With what is held, stretches within grants that none of them gives. */
    | "refinement"
    /** With what is held, a sum over few short stretches, none of which follows alone. */
    | "parts"
    /** Prices of so few slots that their sum tells what one of them used. */
    | "weights"
    /** A further weighted sum over a time that has one. */
    | "second-tariff"
    /** Cohort sums whose difference, or whose members' own data, leaves too small a crowd. */
    | "crowd"
    /** Keys or sums of a household for who adds its cohort up. */
    | "monitor-grant"
    /** The question is larger than {@link LIMITS.deriveEntries}: count it as the worst. */
    | "undecided";

/** Something that becomes derivable with a grant; the shortest stretch stands for all of them. */
export type Finding = {
    readonly code: FindingCode;
    readonly group: number;
    readonly fromUnix: number;
    readonly toUnix: number;
    /** Stretches (gap, refinement, short pairs), prices, sums, or households in the crowd. */
    readonly count: number;
};

/** What a household agrees to. */
export type Agreement = {
    /** Shortest stretch that may become known; 0 where each grant says for itself. */
    readonly minimumSeconds: number;
};

/** Shortest civil day, over offset changes of up to two hours. */
export const DAY_SECONDS_MIN = 22 * 3600;
/** A price that fewer slots have is a reading in disguise (formats 9). */
const PRICE_SLOTS_MIN = 8;

/**
 * What becomes derivable when a grant is added to what its recipient (or a coalition) holds of the
 * same stream, beyond what the grant says in plain words; nothing where all is well. A finding that
 * was there before the grant is not named again (privacy 3.6, formats 9).
 * @param ladder - of the stream's zone and slot length.
 */
export function judgeGrant(
    held: readonly Holding[],
    candidate: Holding,
    ladder: Ladder,
    agreement: Agreement,
): Finding[] {
    return candidate.groups.flatMap((group) => {
        const items = held.filter(({ groups }) => groups.includes(group));
        const known = items.map((item) => item.known);
        return new GroupCase(group, known, candidate.known, ladder, agreement).findings();
    });
}

/** The question for one group. */
class GroupCase {
    readonly #group: number;
    readonly #held: readonly Known[];
    readonly #candidate: Known;
    readonly #ladder: Ladder;
    readonly #minimumSeconds: number;
    readonly #knowledgeOf: (items: readonly Known[]) => Knowledge;
    readonly #alone: Knowledge;
    readonly #after: Knowledge;
    #known: Knowledge | null = null;
    readonly #found = new Map<FindingCode, { shortest: Stretch; count: number }>();

    constructor(
        group: number,
        held: readonly Known[],
        candidate: Known,
        ladder: Ladder,
        agreement: Agreement,
    ) {
        const knowledgeOf = (items: readonly Known[]): Knowledge =>
            new Knowledge(items, ladder, LIMITS.deriveEntries);
        this.#group = group;
        this.#held = held;
        this.#candidate = candidate;
        this.#ladder = ladder;
        const { minimumSeconds } = agreement;
        this.#minimumSeconds =
            group === 2 ? Math.max(minimumSeconds, DAY_SECONDS_MIN) : minimumSeconds;
        this.#knowledgeOf = knowledgeOf;
        this.#alone = knowledgeOf([candidate]);
        this.#after = knowledgeOf([...held, candidate]);
    }

    findings(): Finding[] {
        const hull = hullOf(this.#candidate);
        if (hull === null) return [];
        this.#judgeLevels();
        this.#judgePairs();
        if (this.#candidate.kind === "sums") this.#judgeSums(this.#candidate.rows, hull);
        if (!this.#judgeParts()) this.#note("undecided", hull);
        return [...this.#found].map(([code, { shortest, count }]) => ({
            code,
            group: this.#group,
            fromUnix: unixOfSlot(shortest.fromSlot, this.#ladder.slotSeconds),
            toUnix: unixOfSlot(shortest.toSlot, this.#ladder.slotSeconds),
            count,
        }));
    }

    /** What was known without the grant; worked out where something hangs on it. */
    get #before(): Knowledge {
        this.#known ??= this.#knowledgeOf(this.#held);
        return this.#known;
    }

    /** Whole levels that the grant opens, where they are finer than agreed and new. */
    #judgeLevels(): void {
        for (const { level, ...stretch } of this.#alone.pieces()) {
            if (level === null) continue;
            const seconds = [this.#ladder.slotSeconds, 3600, 86_400, 28 * 86_400][level] as number;
            if (seconds >= this.#minimumSeconds || this.#before.spans(stretch, level)) continue;
            this.#note(this.#plainCode(seconds), stretch);
        }
    }

    /** Pairs of neighbouring boundaries whose difference was not known before. */
    #judgePairs(): void {
        for (const { level, fromSlot, toSlot } of this.#after.pieces()) {
            if (level !== null || this.#before.knows(fromSlot, toSlot)) continue;
            const stretch = { fromSlot, toSlot };
            const seconds = this.#secondsOf(stretch);
            if (!this.#alone.knows(fromSlot, toSlot)) {
                this.#note(this.#isCovered(stretch) ? "refinement" : "gap", stretch);
            } else if (this.#candidate.kind === "sums") {
                if (seconds < this.#priceSecondsMin()) this.#note("weights", stretch);
            } else if (seconds < this.#minimumSeconds) {
                this.#note(this.#plainCode(seconds), stretch);
            }
        }
    }

    /** Sums over stretches that are together shorter than a price may be; false where it was given up. */
    #judgeParts(): boolean {
        const slotsMax = Math.ceil(this.#priceSecondsMin() / this.#ladder.slotSeconds);
        const rows = [...this.#held, this.#candidate].flatMap((item) =>
            item.kind === "sums" ? item.rows : [],
        );
        const { deriveEntries } = LIMITS;
        const before = (): Knowledge => this.#before;
        const found = findShortSums(this.#after, before, rows, slotsMax, deriveEntries);
        if (found === null) return false;
        for (const parts of found) {
            const isPlain = this.#candidate.kind === "sums" && this.#alone.countNew([parts]) === 0;
            const [longest] = parts.toSorted((a, b) => lengthOf(b) - lengthOf(a));
            if (longest === undefined) continue;
            const { fromSlot, toSlot } = longest;
            this.#note(isPlain ? "weights" : "parts", {
                fromSlot: Math.min(fromSlot, toSlot),
                toSlot: Math.max(fromSlot, toSlot),
            });
        }
        return true;
    }

    #judgeSums(rows: readonly (readonly Stretch[])[], hull: Stretch): void {
        for (const row of rows) {
            const seconds = row.reduce((sum, part) => sum + this.#secondsOf(part), 0);
            const shortest = row.toSorted((a, b) => this.#secondsOf(a) - this.#secondsOf(b))[0];
            if (shortest === undefined || seconds >= this.#priceSecondsMin()) continue;
            if (this.#before.countNew([row]) > 0) this.#note("weights", shortest);
        }
        const overlaps = this.#held.some((item) => {
            const other = item.kind === "sums" ? hullOf(item) : null;
            return other !== null && other.fromSlot < hull.toSlot && hull.fromSlot < other.toSlot;
        });
        const added = overlaps ? this.#before.countNew(rows) : 0;
        if (added > 0) this.#found.set("second-tariff", { shortest: hull, count: added });
    }

    #priceSecondsMin(): number {
        return Math.max(this.#minimumSeconds, PRICE_SLOTS_MIN * this.#ladder.slotSeconds);
    }

    #plainCode(seconds: number): FindingCode {
        return this.#group === 2 && seconds < DAY_SECONDS_MIN ? "squares" : "short";
    }

    /** Whether some grant reaches over the whole stretch. */
    #isCovered({ fromSlot, toSlot }: Stretch): boolean {
        return [...this.#held, this.#candidate].some((item) => {
            const hull = hullOf(item);
            return hull !== null && hull.fromSlot <= fromSlot && toSlot <= hull.toSlot;
        });
    }

    #secondsOf({ fromSlot, toSlot }: Stretch): number {
        return (toSlot - fromSlot) * this.#ladder.slotSeconds;
    }

    #note(code: FindingCode, stretch: Stretch): void {
        const known = this.#found.get(code);
        const isShorter =
            known === undefined || this.#secondsOf(stretch) < this.#secondsOf(known.shortest);
        const shortest = isShorter ? stretch : known.shortest;
        this.#found.set(code, { shortest, count: (known?.count ?? 0) + 1 });
    }
}
