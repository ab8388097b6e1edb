/** What frames say; the first byte of each. */
export const FRAME = {
    /** Meter: begins a session. Keepalive in seconds (2 bytes), link token. */
    open: 1,
    /** Collector: the session stands. */
    opened: 2,
    /** Meter: a message. Its number from 0 on (4 bytes), the message. */
    up: 3,
    /** Collector: how many messages it took (4 bytes), in the order of their numbers. */
    taken: 4,
    /** Collector: a message for the meter. */
    down: 5,
    /** Either: asks for a sign of life, or gives it. */
    probe: 6,
    /** Either: the session is over. Collector: receipt code of what was refused (1 byte), 0 for none. */
    end: 7,
} as const;

type FrameKind = (typeof FRAME)[keyof typeof FRAME];

/** One frame of a session. */
export type Frame = {
    readonly kind: FrameKind;
    /** Name of the session: 8 random bytes of the meter, in hexadecimal. */
    readonly session: string;
    /** Keepalive, number, count or code; 0 where the kind has none. */
    readonly number: number;
    readonly body: Uint8Array;
};

const SESSION_BYTES = 8;
/** Bytes of the number behind kind and session, by kind. */
const NUMBER_BYTES: Record<FrameKind, number> = { 1: 2, 2: 0, 3: 4, 4: 4, 5: 0, 6: 0, 7: 1 };
/** Kinds that have a body. */
const WITH_BODY: readonly FrameKind[] = [FRAME.open, FRAME.up, FRAME.down];

/** Bytes of a frame. */
export function encodeFrame({ body, kind, number, session }: Frame): Uint8Array {
    const size = NUMBER_BYTES[kind];
    const head = Buffer.alloc(1 + SESSION_BYTES + size);
    head[0] = kind;
    head.write(session, 1, "hex");
    if (size > 0) head.writeUIntBE(number, 1 + SESSION_BYTES, size);
    return Buffer.concat([head, body]);
}

/** Inverse of {@link encodeFrame}; null for any other bytes. */
export function decodeFrame(bytes: Uint8Array): Frame | null {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const kind = Object.values(FRAME).find((each) => each === buffer[0]);
    if (kind === undefined) return null;
    const size = NUMBER_BYTES[kind];
    const from = 1 + SESSION_BYTES + size;
    const hasBody = WITH_BODY.includes(kind);
    if (hasBody ? buffer.length <= from : buffer.length !== from) return null;
    const session = buffer.toString("hex", 1, 1 + SESSION_BYTES);
    const number = size === 0 ? 0 : buffer.readUIntBE(1 + SESSION_BYTES, size);
    return { kind, session, number, body: new Uint8Array(buffer.subarray(from)) };
}
