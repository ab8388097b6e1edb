import { concatBytes } from "@meterseal/core";

/** What a segment is: the first three are numbered, and repeated until they are acknowledged. */
const SEGMENT = {
    /** The meter's first of a connection, number 0, with the first bytes. */
    open: 1,
    /** Bytes. */
    data: 2,
    /** The last of its sender. */
    end: 3,
    /** Which numbered ones have come. */
    ack: 4,
    /** There is no such connection (any more). */
    reset: 5,
} as const;

/** Which side of a line a segment comes from: a line that echoes makes no conversation with itself. */
export type Side = "meter" | "collector";

type Numbered = {
    readonly kind: "open" | "data" | "end";
    /** Its number, counted from 0 on, modulo 65,536. */
    readonly number: number;
    readonly bytes: Uint8Array;
};
type Ack = {
    readonly kind: "ack";
    /** Number of the first one that has not come, modulo 65,536. */
    readonly next: number;
    /** Bit i: number next + 1 + i has come. */
    readonly held: number;
};

/** What is said in a frame of the line. */
export type SegmentContent = Numbered | Ack | { readonly kind: "reset" };
export type Segment = SegmentContent & {
    readonly side: Side;
    /** Name of the connection, drawn by the meter. */
    readonly connection: number;
};

/** Version of the segments, in the upper half of the first byte. */
const VERSION = 1;
const FROM_COLLECTOR = 8;
const HEAD_BYTES = 3;
const NUMBER_BYTES = 2;
const HELD_BYTES = 4;
/** Bytes of a numbered segment beside those that it carries. */
export const NUMBERED_HEAD_BYTES: number = HEAD_BYTES + NUMBER_BYTES;

/** Encodes a segment: version, side and kind in one byte, the connection in two, then what it says. */
export function encodeSegment(segment: Segment): Uint8Array {
    const side = segment.side === "collector" ? FROM_COLLECTOR : 0;
    const first = (VERSION << 4) | side | SEGMENT[segment.kind];
    const head = concatBytes(Uint8Array.of(first), bigEndian(segment.connection, 2));
    if (segment.kind === "reset") return head;
    if (segment.kind !== "ack")
        return concatBytes(head, bigEndian(segment.number, NUMBER_BYTES), segment.bytes);
    const held = segment.held === 0 ? new Uint8Array() : bigEndian(segment.held, HELD_BYTES);
    return concatBytes(head, bigEndian(segment.next, NUMBER_BYTES), held);
}

function bigEndian(value: number, lengthBytes: number): Uint8Array {
    return Uint8Array.from(
        { length: lengthBytes },
        (_, i) => value >>> (8 * (lengthBytes - 1 - i)),
    );
}

/** Decodes the body of a frame; null for what is no segment of this version. */
export function decodeSegment(body: Uint8Array): Segment | null {
    const first = body[0] ?? 0;
    if (first >> 4 !== VERSION || body.length < HEAD_BYTES) return null;
    const view = new DataView(body.buffer, body.byteOffset, body.length);
    const side = (first & FROM_COLLECTOR) === 0 ? "meter" : "collector";
    const from = { side, connection: view.getUint16(1) } as const;
    const kind = first & 7;
    if (kind === SEGMENT.reset)
        return body.length === HEAD_BYTES ? { ...from, kind: "reset" } : null;
    if (body.length < NUMBERED_HEAD_BYTES) return null;
    const number = view.getUint16(HEAD_BYTES);
    if (kind === SEGMENT.ack) {
        const more = body.length - NUMBERED_HEAD_BYTES;
        const held = more === HELD_BYTES ? view.getUint32(NUMBERED_HEAD_BYTES) : 0;
        // what has none has no second form
        const isOne = more === 0 || (more === HELD_BYTES && held !== 0);
        return isOne ? { ...from, kind: "ack", next: number, held } : null;
    }
    const name = (["open", "data", "end"] as const).find((each) => SEGMENT[each] === kind);
    if (name === undefined) return null;
    return { ...from, kind: name, number, bytes: body.slice(NUMBERED_HEAD_BYTES) };
}
