import { slotOfUnix, unwrap } from "@meterseal/core";
import { testBytes } from "@meterseal/testkit/keys";
import { seededRandom } from "@meterseal/testkit/random";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type GrantTerms, type KeySource, type OwnerKeys, openShifted } from "../src/index.ts";
import { sealBoundaries } from "../src/seal.ts";
import { addressesOf, ownerOf } from "./fixtures.ts";
import { at, bodyOf, sourceOf, termsOf } from "./grant-fixtures.ts";

// The privacy game of P3, equation (6): whoever holds grants must not tell two traces apart that agree
// on all granted sums.

const DAYS = 3;
const SLOTS = DAYS * 96;
const FIRST = slotOfUnix(at("2026-03-10"), 900);
const ADDRESSES = addressesOf("Europe/Berlin", FIRST, SLOTS + 1);
const GROUP = [{ group: 0, channels: 1 as const }];

const terms: GrantTerms = termsOf({
    fromUnix: at("2026-03-10"),
    toUnix: at("2026-03-13"),
    level: 2,
    streamGroups: [0],
});

/** Registers of a trace: what each slot used, cumulated. */
function registersOf(used: readonly number[]): bigint[] {
    let register = 1_000n;
    return [register, ...used.map((wh) => (register += BigInt(wh)))];
}

/** Another trace with the same sum each day. */
function shuffled(used: readonly number[], seed: number): number[] {
    const random = seededRandom(seed);
    const days = Array.from({ length: DAYS }, (_, day) => used.slice(day * 96, day * 96 + 96));
    return days.flatMap((day) => random.shuffle(day));
}

function sealed(owner: OwnerKeys, used: readonly number[]): Uint8Array {
    const boundaries = { addresses: ADDRESSES, registers: registersOf(used) };
    return unwrap(sealBoundaries(owner, boundaries));
}

/** All that a holder of the grant computes from what the store shows: every sum that opens. */
function computed(source: KeySource, bytes: Uint8Array): bigint[] {
    const rows = ADDRESSES.flatMap(({ index, level }, row) => {
        return source.keysOf(0, level, [index]).ok ? [row] : [];
    });
    const opened = unwrap(openShifted(source, 0, { addresses: ADDRESSES, sealed: bytes }, rows));
    return [...opened.slice(1)].map((register, i) => register - (opened[i] as bigint));
}

test("invariant 14: from traces that agree on the granted sums a grantee computes the same, and just them", async () => {
    const owner = ownerOf({ groups: GROUP });
    const source = await sourceOf(terms, bodyOf(terms));
    const trace = fc.array(fc.nat(5_000), { minLength: SLOTS, maxLength: SLOTS });
    fc.assert(
        fc.property(trace, fc.nat(), (used, seed) => {
            const other = shuffled(used, seed);
            const sums = Array.from({ length: DAYS }, (_, day) =>
                used.slice(day * 96, day * 96 + 96).reduce((sum, wh) => sum + BigInt(wh), 0n),
            );
            expect(computed(source, sealed(owner, used))).toEqual(sums);
            expect(computed(source, sealed(owner, other))).toEqual(sums);
        }),
        { numRuns: 30 },
    );
});

test("invariant 14: the sealed registers of an idle and of a busy home are bits of the same coin", () => {
    const HOMES = 40;
    const traces = [new Array<number>(SLOTS).fill(0), new Array<number>(SLOTS).fill(2 ** 20 - 1)];
    for (const used of traces) {
        const ones = new Uint32Array(64);
        const changes = new Uint32Array(64);
        for (let home = 0; home < HOMES; home++) {
            const owner = ownerOf({ groups: GROUP }, new Uint8Array(testBytes(`game ${home}`, 32)));
            const bytes = sealed(owner, used);
            const words = new DataView(bytes.buffer, bytes.byteOffset);
            for (let i = 0; i <= SLOTS; i++) {
                const value = words.getBigUint64(8 * i);
                const step = BigInt.asUintN(
                    64,
                    value - (i === 0 ? 0n : words.getBigUint64(8 * i - 8)),
                );
                for (let bit = 0; bit < 64; bit++) {
                    if ((value >> BigInt(bit)) & 1n) ones[bit] = (ones[bit] as number) + 1;
                    if ((step >> BigInt(bit)) & 1n) changes[bit] = (changes[bit] as number) + 1;
                }
            }
        }
        const draws = HOMES * (SLOTS + 1);
        // Six standard deviations: 128 counts of a fair coin pass but for one run in a million.
        const reach = 6 * Math.sqrt(draws / 4);
        for (const count of [...ones, ...changes]) {
            expect(Math.abs(count - draws / 2)).toBeLessThan(reach);
        }
    }
});
