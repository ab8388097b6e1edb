import { ByteReader } from "../mbus/blocks.ts";
import { refuse } from "../result.ts";

/** Link layer of a wireless frame (EN 13757-4 section 11). */
export type WirelessFrame = {
    readonly control: number;
    /** Manufacturer (2 bytes) and address (4 of identification, version, medium), as sent: 8 bytes. */
    readonly address: Uint8Array;
    /** From the first CI field on. */
    readonly data: Uint8Array;
    /** Whether the CRC of every block fits; `absent` where the receiver took them out. */
    readonly check: "ok" | "mismatch" | "absent";
};

const ADDRESS_BYTES = 8;
const CRC_BYTES = 2;
/** Data bytes of the first and of each further block of frame format A. */
const FIRST_BLOCK = 10;
const BLOCK = 16;
const POLYNOMIAL = 0x3d65;

/**
 * Reads the link layer: frame format A with its CRCs, or a frame whose receiver has checked and
 * removed them, as most receivers do. For use inside `attempt`.
 */
export function openWirelessFrame(bytes: Uint8Array): WirelessFrame {
    const length = 1 + (bytes[0] ?? 0);
    if (length <= 2 + ADDRESS_BYTES) refuse("malformed", "byte 0", "a length above 10");
    const blocks = 1 + Math.ceil((length - FIRST_BLOCK) / BLOCK);
    const withCrc = bytes.length === length + blocks * CRC_BYTES;
    const { content, check } = withCrc
        ? removeCrcs(bytes)
        : { content: bytes.subarray(0, length), check: "absent" as const };
    if (content.length < length) refuse("truncated", `byte ${bytes.length}`, `${length} bytes`);
    return {
        control: content[1] as number,
        address: content.subarray(2, 2 + ADDRESS_BYTES),
        data: content.subarray(2 + ADDRESS_BYTES),
        check,
    };
}

function removeCrcs(bytes: Uint8Array): { content: Uint8Array; check: "ok" | "mismatch" } {
    const reader = new ByteReader(bytes);
    const content: number[] = [];
    let check: "ok" | "mismatch" = "ok";
    for (let size = FIRST_BLOCK; !reader.isAtEnd; size = BLOCK) {
        const left = bytes.length - reader.at - CRC_BYTES;
        const block = reader.bytes(Math.min(size, left), "a block");
        const [high = 0, low = 0] = reader.bytes(CRC_BYTES, "the CRC of a block");
        if (crcOf(block) !== high * 256 + low) check = "mismatch";
        content.push(...block);
    }
    return { content: Uint8Array.from(content), check };
}

/** CRC-16/EN-13757 (EN 13757-4 section 11.5.4). */
export function crcOf(block: Uint8Array): number {
    let crc = 0;
    for (const byte of block) {
        crc ^= byte << 8;
        for (let bit = 0; bit < 8; bit++)
            crc = crc & 0x8000 ? ((crc << 1) ^ POLYNOMIAL) & 0xffff : (crc << 1) & 0xffff;
    }
    return crc ^ 0xffff;
}
