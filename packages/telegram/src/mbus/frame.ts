import { refuse } from "../result.ts";

const LONG_START = 0x68;
const STOP = 0x16;
const HEADER_BYTES = 4;
/** Control, address and control information field. */
const FIELDS_BYTES = 3;

/** A long frame of the wired M-Bus (EN 13757-2 section 5.7). */
export type MbusFrame = {
    readonly control: number;
    /** Primary address, 0 … 255. */
    readonly address: number;
    /** Control information: what the data are. */
    readonly information: number;
    readonly data: Uint8Array;
    /** Whether the check sum fits. */
    readonly isIntact: boolean;
};

/** Takes a long frame apart; what follows its stop byte is not looked at. For use inside `attempt`. */
export function openLongFrame(bytes: Uint8Array): MbusFrame {
    const [start, length = 0, again, startAgain] = bytes;
    if (start !== LONG_START || startAgain !== LONG_START)
        refuse("malformed", "byte 0", "a long frame: 68 L L 68");
    if (length !== again || length < FIELDS_BYTES)
        refuse("malformed", "byte 1", "the same length twice, 3 at least");
    const end = HEADER_BYTES + length;
    if (bytes.length < end + 2) refuse("truncated", `byte ${bytes.length}`, `${end + 2} bytes`);
    if (bytes[end + 1] !== STOP) refuse("malformed", `byte ${end + 1}`, "16");
    let sum = 0;
    for (const byte of bytes.subarray(HEADER_BYTES, end)) sum = (sum + byte) & 0xff;
    return {
        control: bytes[HEADER_BYTES] as number,
        address: bytes[HEADER_BYTES + 1] as number,
        information: bytes[HEADER_BYTES + 2] as number,
        data: bytes.subarray(HEADER_BYTES + FIELDS_BYTES, end),
        isIntact: bytes[end] === sum,
    };
}
