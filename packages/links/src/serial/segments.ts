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
const ACK_BYTES = HEAD_BYTES + NUMBER_BYTES + HELD_BYTES;
/** Bytes of a numbered segment beside those that it carries. */
export const NUMBERED_HEAD_BYTES: number = HEAD_BYTES + NUMBER_BYTES;

/** Encodes a segment: version, side and kind in one byte, the connection in two, then what it says. */
export function encodeSegment(segment: Segment): Uint8Array {
    const head = new Uint8Array(
        segment.kind === "ack"
            ? ACK_BYTES
            : segment.kind === "reset"
              ? HEAD_BYTES
              : NUMBERED_HEAD_BYTES,
    );
    const view = new DataView(head.buffer);
    const side = segment.side === "collector" ? FROM_COLLECTOR : 0;
    head[0] = (VERSION << 4) | side | SEGMENT[segment.kind];
    view.setUint16(1, segment.connection);
    if (segment.kind === "reset") return head;
    view.setUint16(HEAD_BYTES, (segment.kind === "ack" ? segment.next : segment.number) & 0xffff);
    if (segment.kind !== "ack") return concatBytes(head, segment.bytes);
    view.setUint32(HEAD_BYTES + NUMBER_BYTES, segment.held);
    return head;
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
    if (kind === SEGMENT.ack) {
        if (body.length !== ACK_BYTES) return null;
        const next = view.getUint16(HEAD_BYTES);
        return { ...from, kind: "ack", next, held: view.getUint32(HEAD_BYTES + NUMBER_BYTES) };
    }
    const name = (["open", "data", "end"] as const).find((each) => SEGMENT[each] === kind);
    if (name === undefined || body.length < NUMBERED_HEAD_BYTES) return null;
    const number = view.getUint16(HEAD_BYTES);
    return { ...from, kind: name, number, bytes: body.slice(NUMBERED_HEAD_BYTES) };
}
