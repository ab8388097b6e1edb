import { assert, error, fail, ok, type Result } from "@meterseal/core";
import { FLAG, type RegisterEvent } from "@meterseal/record";
import type { BoundaryLine } from "./boundary-line.ts";
import { FLAG_COUNT, type Tally } from "./quality.ts";

/** Where a record stands in the chains of its subject. */
export type RecordPlace = { readonly chainEpoch: number; readonly seq: number };

/** A register event of a stream and the record that carries it. */
export type PlacedEvent = { readonly event: RegisterEvent; readonly place: RecordPlace };

/** What is there of one seal epoch. */
export type EpochLine = {
    readonly sealEpoch: number;
    readonly line: BoundaryLine;
    /** Boundaries after this slot do not count: their chain is in dispute. */
    readonly endSlot: number;
    readonly opening: PlacedEvent | null;
    readonly closing: PlacedEvent | null;
};

/** A slot boundary of a seal epoch. */
export type BoundaryPoint = {
    readonly kind: "boundary";
    readonly sealEpoch: number;
    readonly slot: number;
};

/** A slot boundary of a seal epoch, or the registers at one of its ends. */
export type Point =
    | BoundaryPoint
    | { readonly kind: "event"; readonly sealEpoch: number; readonly placed: PlacedEvent }
    /** What the opening of a later epoch states of the end of this one, sealed under the later. */
    | { readonly kind: "stated"; readonly sealEpoch: number; readonly placed: PlacedEvent };

/** A stretch within one seal epoch. */
export type Part = { readonly from: Point; readonly to: Point };

/** How well the registers at the end of a seal epoch are known; see {@link handoverOf}. */
export type Handover = "signed" | "stated" | "unknown";

const FLAG_OF_HANDOVER = { signed: null, stated: FLAG.estimated, unknown: FLAG.missing } as const;

/**
 * How well the registers at the end of a device are known: its own signed closing record; what
 * somebody read off it; or not at all, and what it measured since its last reading is missing.
 * @param hasClosing - whether the epoch that ended has a closing record.
 * @param opening - event that opens the epoch after it; null where none does.
 */
export function handoverOf(hasClosing: boolean, opening: RegisterEvent | null): Handover {
    if (opening === null) return "unknown";
    if (hasClosing) return "signed";
    return opening.before?.stated === undefined ? "unknown" : "stated";
}

/** Flag of the first boundary of an epoch that has none of its own; null keeps the one before. */
export function flagOfHandover(handover: Handover): number | null {
    return FLAG_OF_HANDOVER[handover];
}

/** An epoch in a {@link StreamLine}: its boundaries, and what the join to the one before says. */
type Joined = EpochLine & {
    readonly firstSlot: number;
    readonly lastSlot: number;
    /** Flag of the first boundary. */
    readonly firstFlag: number;
    /** Whether the slot before the first boundary has one, in the epoch before. */
    readonly follows: boolean;
};

/**
 * The boundaries of a stream over all its seal epochs as one line; at a slot that two devices share
 * the newer one counts. The rules are those by which the household joins its own series.
 */
export class StreamLine {
    /** Epochs with something in them, ascending. */
    readonly #epochs: readonly EpochLine[];
    /** Those of them with a boundary. */
    readonly #joined: readonly Joined[];

    private constructor(epochs: readonly EpochLine[], joined: readonly Joined[]) {
        this.#epochs = epochs;
        this.#joined = joined;
    }

    /**
     * Joins the epochs of a stream.
     * @returns MS_RESEALED where a later epoch has a boundary before the end of an earlier one.
     */
    static of(lines: readonly EpochLine[]): Result<StreamLine> {
        const epochs = lines
            .filter((each) => !isEmpty(each))
            .sort((a, b) => a.sealEpoch - b.sealEpoch);
        const joined: Joined[] = [];
        for (const [i, epoch] of epochs.entries()) {
            const { endSlot, line, sealEpoch } = epoch;
            const firstSlot = line.firstFrom(0);
            const lastSlot = line.lastAt(endSlot);
            if (firstSlot === null || lastSlot === null) continue;
            const last = joined.at(-1);
            if (last !== undefined && firstSlot < last.lastSlot) {
                const where = `slot ${firstSlot} of seal epoch ${sealEpoch}`;
                return fail(error("MS_RESEALED", { where }));
            }
            const isShared = last?.lastSlot === firstSlot;
            const handover = handoverOfEpochs(epochs[i - 1], epoch);
            const shared = isShared ? flagIn(last, firstSlot) : 0;
            const follows = joined.some(
                (each) =>
                    each.line.lastAt(Math.min(firstSlot - 1, each.lastSlot)) === firstSlot - 1,
            );
            // What the old device measured up to a shared slot is known, whoever hands over.
            const known = isShared && handover !== FLAG.estimated ? shared : (handover ?? 0);
            const firstFlag = line.flagAt(firstSlot) || known;
            joined.push({ ...epoch, firstSlot, lastSlot, firstFlag, follows });
        }
        return ok(new StreamLine(epochs, joined));
    }

    /** Last boundary at or before a slot; null where there is none. */
    lastAt(slot: number): BoundaryPoint | null {
        for (const epoch of this.#joined.toReversed()) {
            const { sealEpoch } = epoch;
            const found = epoch.line.lastAt(Math.min(slot, epoch.lastSlot));
            if (found !== null) return { kind: "boundary", sealEpoch, slot: found };
        }
        return null;
    }

    /** First boundary at or after a slot; null where there is none. */
    firstFrom(slot: number): BoundaryPoint | null {
        for (const [i, epoch] of this.#joined.entries()) {
            const end = this.#endOf(i);
            const found = epoch.line.firstFrom(slot);
            const { sealEpoch } = epoch;
            if (found !== null && found <= end) return { kind: "boundary", sealEpoch, slot: found };
        }
        return null;
    }

    /** Flag of the boundary at a slot; 0 where there is none. */
    flagAt(slot: number): number {
        const epoch = this.#joined.findLast(({ firstSlot }) => firstSlot <= slot);
        if (epoch === undefined || slot > epoch.lastSlot) return 0;
        return flagIn(epoch, slot);
    }

    /** Flags between two boundaries of the line. */
    tally(fromSlot: number, toSlot: number): Tally {
        const counts: number[] = new Array(2 * FLAG_COUNT).fill(0);
        for (const [i, epoch] of this.#joined.entries()) {
            const { firstFlag, firstSlot, follows, line } = epoch;
            const from = Math.max(fromSlot, firstSlot);
            const to = Math.min(toSlot, this.#endOf(i));
            if (to < from) continue;
            const before = line.countsTo(from);
            for (const [at, count] of line.countsTo(to).entries()) {
                counts[at] = (counts[at] ?? 0) + count - (before[at] ?? 0);
            }
            if (fromSlot < firstSlot) {
                const at = firstFlag + (follows ? 0 : FLAG_COUNT);
                counts[at] = (counts[at] ?? 0) + 1;
            }
        }
        const intervals = counts.slice(0, FLAG_COUNT);
        return { slots: toSlot - fromSlot, intervals, landings: counts.slice(FLAG_COUNT) };
    }

    /**
     * The way from one boundary to a later one, cut where seal epochs end: registers of two epochs
     * have nothing in common, so the sum is that of the parts.
     */
    parts(from: Point, to: Point): Part[] {
        const [first, last] = [from.sealEpoch, to.sealEpoch].map((wanted) =>
            this.#epochs.findIndex(({ sealEpoch }) => sealEpoch === wanted),
        );
        assert(first !== undefined && last !== undefined && first >= 0, "epochs of this line");
        const parts: Part[] = [];
        let begin = from;
        for (let i = first; i < last; i++) {
            const epoch = this.#epochs[i] as EpochLine;
            const next = this.#epochs[i + 1] as EpochLine;
            parts.push({ from: begin, to: endPoint(epoch, next) });
            begin = beginPoint(next);
        }
        return [...parts, { from: begin, to }];
    }

    /** Last slot of an epoch that counts: the next one takes over at its first boundary. */
    #endOf(place: number): number {
        const next = this.#joined[place + 1];
        const { lastSlot } = this.#joined[place] as Joined;
        return next === undefined ? lastSlot : Math.min(lastSlot, next.firstSlot - 1);
    }
}

function flagIn({ firstFlag, firstSlot, line }: Joined, slot: number): number {
    return slot === firstSlot ? firstFlag : line.flagAt(slot);
}

function isEmpty({ closing, endSlot, line, opening }: EpochLine): boolean {
    const hasBoundary = line.first !== null && line.first <= endSlot;
    return !hasBoundary && opening === null && closing === null;
}

function handoverOfEpochs(before: EpochLine | undefined, epoch: EpochLine): number | null {
    if (before === undefined) return null;
    return flagOfHandover(handoverOf(before.closing !== null, epoch.opening?.event ?? null));
}

/** Registers at the end of an epoch that another one follows. */
function endPoint(epoch: EpochLine, next: EpochLine): Point {
    const { closing, endSlot, line, opening, sealEpoch } = epoch;
    const handover = handoverOf(closing !== null, next.opening?.event ?? null);
    if (handover === "stated" && next.opening !== null) {
        return { kind: "stated", sealEpoch, placed: next.opening };
    }
    if (closing !== null) return { kind: "event", sealEpoch, placed: closing };
    const slot = line.lastAt(endSlot);
    if (slot !== null) return { kind: "boundary", sealEpoch, slot };
    assert(opening !== null, "an epoch that is not empty");
    return { kind: "event", sealEpoch, placed: opening };
}

/** Registers at the begin of an epoch. */
function beginPoint(epoch: EpochLine): Point {
    const { closing, line, opening, sealEpoch } = epoch;
    if (opening !== null) return { kind: "event", sealEpoch, placed: opening };
    const slot = line.first;
    if (slot !== null) return { kind: "boundary", sealEpoch, slot };
    assert(closing !== null, "an epoch that is not empty");
    return { kind: "event", sealEpoch, placed: closing };
}
