import { type Random, utf8 } from "@meterseal/core";

/** Crockford's base32: no letter that is read as another. */
const LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** 25 letters of 5 bits each: 125 bits, in five groups. */
const GROUPS = 5;
const GROUP_LETTERS = 5;

/** Makes a recovery code of 125 random bits, to be written on paper: five groups of five letters. */
export function makeRecoveryCode(random: Random): string {
    const letters = [...random.bytes(GROUPS * GROUP_LETTERS)].map((byte) => LETTERS[byte & 31]);
    return Array.from({ length: GROUPS }, (_, i) =>
        letters.slice(i * GROUP_LETTERS, (i + 1) * GROUP_LETTERS).join(""),
    ).join("-");
}

/** A recovery code in one form, however it was copied: case, spaces, O for 0, I and L for 1. */
export function recoveryBytes(text: string): Uint8Array {
    const plain = text.toUpperCase().replaceAll(/[\s-]/g, "");
    return utf8(plain.replaceAll("O", "0").replaceAll(/[IL]/g, "1"));
}
