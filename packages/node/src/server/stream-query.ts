import {
    createLadder,
    error,
    fromHex,
    isWindowName,
    type Ladder,
    LIMITS,
    parseInstant,
    slotOfUnix,
    unixOfSlot,
    unwrap,
    WINDOW_LEVELS,
    WINDOW_NAMES,
    type WindowName,
    windowEdges,
} from "@meterseal/core";
import type { Nearest, StreamLine } from "@meterseal/seal";
import type { IndexedStream } from "./indexed-stream.ts";

/** Parameters of the routes of streams, as they stand in a request. */
export type StreamParameters = {
    readonly from?: string;
    readonly to?: string;
    readonly window?: string;
    readonly nearest?: string;
    readonly groups?: string;
    readonly records?: string;
    readonly since?: string;
    readonly grant?: string;
    readonly tariff?: string;
};

/** What is asked of a stream. */
export type StreamQuery = {
    readonly ladder: Ladder;
    readonly window: WindowName;
    readonly nearest: Nearest;
    /** Ends of the windows of this page. */
    readonly edges: readonly number[];
    /** Where the next page begins, seconds since 1970; null where none is left. */
    readonly nextUnix: number | null;
    /** Group ids, ascending. */
    readonly groups: readonly number[];
    /** Evidence of the records at the ends of the windows only. */
    readonly edgesOnly: boolean;
    /** Tree size from which the log is to be proven to have grown; null for none. */
    readonly sinceSize: number | null;
    /** Hash of a grant of which the ledger's statements are wanted, 32 bytes; null for none. */
    readonly grantHash: Uint8Array | null;
};

const STREAM = /^[0-9a-f]{32}$/;
const SECONDS = /^\d{1,11}$/;
const LEVELS = ["slot", "hour", "day", "month"] as const;

/** Stream id of a path; MS_USAGE. */
export function parseStreamId(text: string): Uint8Array {
    if (STREAM.test(text)) return fromHex(text);
    throw error("MS_USAGE", { where: "stream", expected: "32 hexadecimal digits" });
}

/**
 * What a request asks of a stream; a side of the range that is left out is that of the data.
 * @throws MetersealError MS_USAGE, MS_ZONE; MS_STREAM_RULE for windows shorter than the slots.
 */
export function parseStreamQuery(
    parameters: StreamParameters,
    { descriptor }: IndexedStream,
    line: StreamLine,
): StreamQuery {
    const twice = Object.entries(parameters).find(([, value]) => typeof value !== "string");
    if (twice !== undefined) throw error("MS_USAGE", { where: twice[0], expected: "it once" });
    const { slotSeconds, zone } = descriptor;
    const ladder = unwrap(createLadder(zone, slotSeconds));
    const window = parseWindow(parameters.window ?? "day");
    const first = line.firstFrom(0)?.slot ?? 0;
    const last = line.lastAt(ladder.endSlot)?.slot ?? first + 1;
    const instant = (name: "from" | "to", byDefault: number): number => {
        const text = parameters[name];
        if (text === undefined) return unixOfSlot(byDefault, slotSeconds);
        return SECONDS.test(text) ? Number(text) : unwrap(parseInstant(text, zone));
    };
    const fromUnix = instant("from", first);
    const toUnix = instant("to", Math.max(last, first + 1));
    const fromSlot = slotOfUnix(fromUnix + slotSeconds - 1, slotSeconds);
    const toSlot = slotOfUnix(toUnix, slotSeconds);
    const { edges, nextSlot } = unwrap(
        windowEdges(ladder, window, fromSlot, toSlot, LIMITS.sumWindows),
    );
    return {
        ladder,
        window,
        nearest: parseNearest(parameters.nearest, window),
        edges,
        nextUnix: nextSlot === null ? null : unixOfSlot(nextSlot, slotSeconds),
        groups: parseGroups(parameters.groups, descriptor.groups),
        edgesOnly: parseRecords(parameters.records ?? "all"),
        sinceSize: parameters.since === undefined ? null : parseSize(parameters.since),
        grantHash: parameters.grant === undefined ? null : parseHash(parameters.grant),
    };
}

function parseRecords(text: string): boolean {
    if (text === "all" || text === "edges") return text === "edges";
    throw error("MS_USAGE", { where: "records", expected: "all, edges" });
}

function parseHash(text: string): Uint8Array {
    if (/^[0-9a-f]{64}$/.test(text)) return fromHex(text);
    throw error("MS_USAGE", { where: "grant", expected: "64 hexadecimal digits" });
}

function parseSize(text: string): number {
    if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
    throw error("MS_USAGE", { where: "since", expected: "a tree size" });
}

function parseWindow(text: string): WindowName {
    if (isWindowName(text)) return text;
    throw error("MS_USAGE", { where: "window", expected: WINDOW_NAMES.join(", ") });
}

function parseNearest(text: string | undefined, window: WindowName): Nearest {
    if (text === undefined) return WINDOW_LEVELS[window];
    if (text === "none") return null;
    const level = (LEVELS as readonly string[]).indexOf(text);
    if (level >= 0) return level as Nearest;
    throw error("MS_USAGE", { where: "nearest", expected: `none, ${LEVELS.join(", ")}` });
}

function parseGroups(text: string | undefined, known: readonly number[]): number[] {
    if (text === undefined) return [...known];
    const groups = text.split(",").map((each) => (/^\d{1,2}$/.test(each) ? Number(each) : -1));
    const isRight = groups.every(
        (group, i) => known.includes(group) && group > (groups[i - 1] ?? -1),
    );
    if (isRight) return groups;
    throw error("MS_USAGE", { where: "groups", expected: `ascending groups of ${known.join()}` });
}
