/**
 * The checks of 16 bits that meters' lines have.
 *
 * @packageDocumentation
 */

/** Remainders of all byte values for a reflected polynomial of 16 bits. */
function tableOf(polynomial: number): Uint16Array {
    return Uint16Array.from({ length: 256 }, (_, byte) => {
        let remainder = byte;
        for (let bit = 0; bit < 8; bit++)
            remainder = remainder & 1 ? (remainder >> 1) ^ polynomial : remainder >> 1;
        return remainder;
    });
}

const ARC = tableOf(0xa001);
const X25 = tableOf(0x8408);

function remainderOf(table: Uint16Array, bytes: Uint8Array, start: number): number {
    let crc = start;
    for (const byte of bytes) crc = (crc >> 8) ^ (table[(crc ^ byte) & 0xff] as number);
    return crc;
}

/** CRC-16/ARC, the check of a P1 telegram (DSMR 5.0.2 P1 companion, section 5.2). */
export function crc16Arc(bytes: Uint8Array): number {
    return remainderOf(ARC, bytes, 0);
}

/** CRC-16/MODBUS, the check of a frame on a serial line (MODBUS over Serial Line 1.02, section 6.2.2). */
export function crc16Modbus(bytes: Uint8Array): number {
    return remainderOf(ARC, bytes, 0xffff);
}

/** CRC-16/X-25, the check of SML and HDLC frames (DIN EN 62056-46, FCS-16). */
export function crc16X25(bytes: Uint8Array): number {
    return remainderOf(X25, bytes, 0xffff) ^ 0xffff;
}
