import {
    aes128Blocks,
    bytesEqual,
    error,
    fail,
    hkdfSha256,
    ok,
    type Result,
    utf8,
    x25519,
} from "@meterseal/core";
import { channelsOfGroup } from "@meterseal/record";
import type { Cohort, CohortMember } from "./body.ts";

const INFO = utf8("meterseal/v1/cohort");
const SECRET_BYTES = 16;
const BLOCK_BYTES = 16;
const WORD = 2 ** 32;

/**
 * Secrets that a member shares with every other one, 16 bytes each in the order of the members, and
 * null in its own place: HKDF-SHA256 of X25519 of both keys, salt = the cohort's hash, info =
 * "meterseal/v1/cohort" (privacy 3.7). So nobody but the two knows the mask between them, and no
 * two cohorts have one in common.
 * @param privateKey - X25519, 32 bytes, of the member's key in the cohort.
 * @returns MS_COHORT where a member's key is no point that a secret can be made with.
 */
export function pairSecrets(
    cohort: Cohort,
    hash: Uint8Array,
    own: number,
    privateKey: Uint8Array,
): Result<(Uint8Array | null)[]> {
    const secrets: (Uint8Array | null)[] = [];
    for (const [i, { key }] of cohort.members.entries()) {
        if (i === own) {
            secrets.push(null);
            continue;
        }
        const shared = x25519(privateKey, key);
        if (shared === null) {
            const expected = "keys that a secret can be shared with";
            return fail(error("MS_COHORT", { expected, got: `that of member ${i}` }));
        }
        secrets.push(hkdfSha256(shared, hash, INFO, SECRET_BYTES));
    }
    return ok(secrets);
}

/**
 * Masks of one member for one group, a number mod 2^64 per window and channel (two words, the high
 * one first): the sum of F over later members minus that over earlier ones. F of a pair is the AES-128
 * keystream under its secret in counter mode from the block of the window:
 *
 *     u8 level ‖ u8 group ‖ 6 zero bytes ‖ u64be index
 *
 * where index is that of the window's first boundary at the level; so neighbouring windows are
 * neighbouring blocks, whose first and second half are for channel 0 and 1. Over all members the masks of a window add up to zero.
 */
export function masksOf(
    cohort: Cohort,
    group: number,
    indices: readonly number[],
    own: number,
    secrets: readonly (Uint8Array | null)[],
): Uint32Array {
    const counters = countersOf(cohort, group, indices);
    const words = 2 * channelsOfGroup(group);
    // Sums of 32-bit words stay exact in doubles for two million members.
    const sums = new Float64Array(indices.length * words);
    for (const [other, secret] of secrets.entries()) {
        if (secret !== null) addKeystream(sums, aes128Blocks(secret, counters), words, other > own);
    }
    const masks = new Uint32Array(sums.length);
    for (let i = 0; i < sums.length; i += 2) {
        const low = sums[i + 1] as number;
        const carry = Math.floor(low / WORD);
        masks[i + 1] = low - carry * WORD;
        // To the remainder first: the conversion to 32 bits is exact for safe integers only.
        masks[i] = ((((sums[i] as number) + carry) % WORD) + WORD) % WORD;
    }
    return masks;
}

/** Adds or subtracts the first words of each block, big-endian; apart, so that it runs as machine code. */
function addKeystream(
    sums: Float64Array,
    stream: Uint8Array,
    words: number,
    isPlus: boolean,
): void {
    const view = new DataView(stream.buffer, stream.byteOffset, stream.length);
    let at = 0;
    for (let block = 0; block < stream.length; block += BLOCK_BYTES) {
        for (let word = 0; word < words; word++) {
            const value = view.getUint32(block + 4 * word);
            sums[at] = (sums[at] as number) + (isPlus ? value : -value);
            at++;
        }
    }
}

function countersOf(cohort: Cohort, group: number, indices: readonly number[]): Uint8Array {
    const counters = new Uint8Array(indices.length * BLOCK_BYTES);
    const view = new DataView(counters.buffer);
    for (const [i, index] of indices.entries()) {
        const at = i * BLOCK_BYTES;
        view.setUint8(at, cohort.level);
        view.setUint8(at + 1, group);
        view.setUint32(at + 12, index);
    }
    return counters;
}

/** Place of a party among the members; −1 where it is none of them. */
export function memberOf(members: readonly CohortMember[], party: Uint8Array): number {
    return members.findIndex((member) => bytesEqual(member.party, party));
}
