import { type Ladder, type Level, LIMITS, unwrap } from "@meterseal/core";
import { differenceOf } from "../open.ts";
import { type Mark, marksOf, type Quality, qualityOf, type Tally } from "./quality.ts";
import type { SumEnd } from "./registers.ts";
import type { BoundaryPoint, Point, StreamLine } from "./stream-line.ts";

/** Difference of two registers of one device. */
export type SumPart = {
    readonly from: SumEnd;
    readonly to: SumEnd;
    /** P_to − P_from mod 2^64, one a channel of the stream. */
    readonly difference: BigUint64Array;
};

/** What a store says of one window. */
export type WindowSum = {
    /** Window that was asked for, as slots. */
    readonly fromSlot: number;
    readonly toSlot: number;
    /** Boundaries between which the answer stands; null where there is no answer. */
    readonly answered: { readonly fromSlot: number; readonly toSlot: number } | null;
    readonly tally: Tally;
    readonly quality: Quality;
    readonly marks: readonly Mark[];
    /** One, or more where seal epochs change; none where there is no answer. */
    readonly parts: readonly SumPart[];
};

/** Which boundary may stand in for one that is absent: one of this level or a coarser one, or none. */
export type Nearest = Level | null;

/** Where registers come from. */
export type RegisterSource = (point: Point) => Promise<SumEnd>;

/** What sums are made of. */
export type SumInput = {
    readonly line: StreamLine;
    readonly ladder: Ladder;
    /** Ends of consecutive windows, at least two. */
    readonly edges: readonly number[];
    readonly nearest: Nearest;
    readonly source: RegisterSource;
};

/** A boundary that answers for an edge. */
type Answer = { readonly slot: number; readonly point: BoundaryPoint; readonly end: SumEnd };

/**
 * Sums of consecutive windows on sealed registers: a store makes them without a key, and a reader
 * makes them again from signed records. The cost of a window does not depend on its length. A
 * boundary that is absent is answered by the nearest one before it (at the begin of the stream: after
 * it), so that neighbouring windows still add up (privacy 3.4).
 */
export async function sumWindows(input: SumInput): Promise<WindowSum[]> {
    const sums: WindowSum[] = [];
    const [first = 0, ...rest] = input.edges;
    let fromSlot = first;
    let from = await answerOf(input, first);
    for (const toSlot of rest) {
        const to = await answerOf(input, toSlot);
        sums.push(await sumOf(input, { fromSlot, toSlot, from, to }));
        [fromSlot, from] = [toSlot, to];
    }
    return sums;
}

async function sumOf(
    { line, source }: SumInput,
    window: {
        readonly fromSlot: number;
        readonly toSlot: number;
        readonly from: Answer | null;
        readonly to: Answer | null;
    },
): Promise<WindowSum> {
    const { from, fromSlot, to, toSlot } = window;
    if (from === null || to === null || from.slot >= to.slot) {
        const tally = { ...line.tally(fromSlot, fromSlot), slots: 0 };
        const none = { answered: null, quality: "missing", marks: [], parts: [] } as const;
        return { fromSlot, toSlot, tally, ...none };
    }
    const tally = line.tally(from.slot, to.slot);
    const parts: SumPart[] = [];
    for (const part of line.parts(from.point, to.point)) {
        const begin = part.from === from.point ? from.end : await source(part.from);
        const end = part.to === to.point ? to.end : await source(part.to);
        const difference = unwrap(differenceOf(begin.registers, end.registers));
        parts.push({ from: begin, to: end, difference });
    }
    return {
        fromSlot,
        toSlot,
        answered: { fromSlot: from.slot, toSlot: to.slot },
        tally,
        quality: qualityOf(tally),
        marks: marksOf(tally, line.flagAt(from.slot)),
        parts,
    };
}

/**
 * The boundary that answers for an edge: itself, or the nearest one that may. An edge in the middle
 * of things, such as the begin of a range, is no coarser than it is.
 */
async function answerOf(input: SumInput, edge: number): Promise<Answer | null> {
    const { ladder, line, nearest, source } = input;
    const own = ladder.addressOf(edge).level;
    const level = nearest === null || nearest > own ? own : nearest;
    const exact = line.lastAt(edge);
    if (exact?.slot === edge) {
        const answer = await answerAt(exact, level, source);
        if (answer !== null) return answer;
    }
    if (nearest === null) return null;
    let at = ladder.lastOf(edge - 1, level);
    for (let step = 0; step < LIMITS.sumSteps && at >= 0; step++) {
        const point = line.lastAt(at);
        if (point === null) break;
        const answer = await standInAt(input, point, level);
        if (answer !== null) return answer;
        at = ladder.lastOf(point.slot - 1, level);
    }
    at = ladder.nextOf(edge, level);
    for (let step = 0; step < LIMITS.sumSteps && at < ladder.endSlot; step++) {
        const point = line.firstFrom(at);
        if (point === null) return null;
        const answer = await standInAt(input, point, level);
        if (answer !== null) return answer;
        at = ladder.nextOf(point.slot, level);
    }
    return null;
}

/** A boundary that may stand in: the calendar says first whether a record is worth reading. */
async function standInAt(
    { ladder, source }: SumInput,
    point: BoundaryPoint,
    level: Level,
): Promise<Answer | null> {
    if (ladder.addressOf(point.slot).level < level) return null;
    return await answerAt(point, level, source);
}

/** A boundary whose signed address has the level; the record decides, not the calendar. */
async function answerAt(
    point: BoundaryPoint,
    level: Level,
    source: RegisterSource,
): Promise<Answer | null> {
    const end = await source(point);
    return end.address.level >= level ? { slot: point.slot, point, end } : null;
}
