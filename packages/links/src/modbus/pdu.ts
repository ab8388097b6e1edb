/** Tables of registers, by the function code that reads them (MODBUS Application Protocol 1.1b3, 6.3, 6.4). */
const READ_FUNCTIONS = { holding: 3, input: 4 } as const;

/** A table that can be read. */
export type RegisterTable = keyof typeof READ_FUNCTIONS;

/** Registers in one request (section 6.3). */
export const REGISTERS_MAX = 125;
/** Set in the function code of a refusal (section 7). */
const EXCEPTION_BIT = 0x80;
/** Function code and exception code. */
const EXCEPTION_BYTES = 2;
/** Function code and byte count, which stand before the registers. */
const HEAD_BYTES = 2;

/** Which registers are asked for. */
export type ReadRequest = {
    /** Address of the device on its line, 0–255. */
    readonly unit: number;
    readonly table: RegisterTable;
    /** First register, 0–65535. */
    readonly address: number;
    /** Registers, 1–125. */
    readonly count: number;
};

/** What a device answers: the registers, or the number of its refusal (section 7). */
export type ReadAnswer = { readonly words: Uint16Array } | { readonly exception: number };

/** Protocol data unit of a request, 5 bytes. */
export function encodeRequest({ address, count, table }: ReadRequest): Uint8Array {
    const pdu = new Uint8Array(5);
    const view = new DataView(pdu.buffer);
    view.setUint8(0, READ_FUNCTIONS[table]);
    view.setUint16(1, address);
    view.setUint16(3, count);
    return pdu;
}

/** Bytes of the answer that begins so; null while that is not known. */
export function answerBytes(begin: Uint8Array): number | null {
    const [code, count] = begin;
    if (code === undefined) return null;
    if ((code & EXCEPTION_BIT) !== 0) return EXCEPTION_BYTES;
    return count === undefined ? null : HEAD_BYTES + count;
}

/** The answer to a request; null where the bytes are none to it. */
export function decodeAnswer(pdu: Uint8Array, { count, table }: ReadRequest): ReadAnswer | null {
    const [code, second] = pdu;
    const expected = READ_FUNCTIONS[table];
    if (code === (expected | EXCEPTION_BIT) && pdu.length === EXCEPTION_BYTES)
        return { exception: second as number };
    if (code !== expected || second !== 2 * count || pdu.length !== HEAD_BYTES + 2 * count)
        return null;
    const view = new DataView(pdu.buffer, pdu.byteOffset + HEAD_BYTES);
    return { words: Uint16Array.from({ length: count }, (_, i) => view.getUint16(2 * i)) };
}
