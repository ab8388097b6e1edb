import { error, LIMITS, type MetersealError, toHex } from "@meterseal/core";

/** What an issuer has in a box. */
export type BoxUse = { readonly messages: number; readonly bytes: number };

/** Why a further message of an issuer finds no room; null where it does. */
export function boxFault(use: BoxUse, issuer: Uint8Array, size: number): MetersealError | null {
    const where = `grant box of party ${toHex(issuer)}`;
    if (use.messages >= LIMITS.boxMessages) {
        const expected = `at most ${LIMITS.boxMessages} grants and policies`;
        return error("MS_BOX_FULL", { where, expected });
    }
    if (use.bytes + size <= LIMITS.boxBytes) return null;
    const expected = `at most ${LIMITS.boxBytes} bytes`;
    return error("MS_BOX_FULL", { where, expected, got: `${use.bytes + size} bytes` });
}
