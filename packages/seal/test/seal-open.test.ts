import { unwrap } from "@meterseal/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
    checkStream,
    differenceOf,
    openDifference,
    openRegisters,
    openShifted,
    REGISTER_END,
    type SealedStream,
    sealBoundaries,
} from "../src/index.ts";
import {
    addressesOf,
    arbRegisters,
    codeOf,
    MASTER,
    MIXED,
    ownerOf,
    registersOf,
    sealAt,
    streamOf,
} from "./fixtures.ts";

const FROM = 920_344; // 2026-04-01, a month boundary in Berlin

describe("sealing and opening", () => {
    test("invariant 1: what was sealed opens to the same registers, in every channel", () => {
        fc.assert(
            fc.property(arbRegisters(4, 200), fc.nat(2_000_000), (registers, from) => {
                const owner = ownerOf({ groups: MIXED });
                const boundaries = sealAt(owner, from, registers);
                const fresh = ownerOf({ groups: MIXED });
                let first = 0;
                for (const { group, channels } of MIXED) {
                    const opened = unwrap(openRegisters(fresh, group, boundaries));
                    const expected = registers.filter(
                        (_, i) => i % 4 >= first && i % 4 < first + channels,
                    );
                    expect([...opened]).toEqual(expected);
                    first += channels;
                }
            }),
            { numRuns: 30 },
        );
    });

    test("a sealed register is R + ρ − k modulo 2^64, big-endian", () => {
        const owner = ownerOf();
        const { addresses, sealed } = sealAt(owner, FROM + 1, [5n, 7n]);
        const view = new DataView(sealed.buffer);
        for (const [channel, register] of [5n, 7n].entries()) {
            const keys = unwrap(owner.keysOf(channel, 0, [addresses[0]?.index ?? -1]));
            const key = new DataView(keys.buffer).getBigUint64(0);
            const shift = owner.shiftsOf(channel)[0] ?? 0n;
            const expected = BigInt.asUintN(64, register + shift - key);
            expect(view.getBigUint64(8 * channel)).toBe(expected);
        }
    });

    test("invariant 2: the difference of two boundaries is the difference of the registers", () => {
        const twoRows = fc.tuple(arbRegisters(4, 120), fc.nat(), fc.nat());
        fc.assert(
            fc.property(twoRows, ([registers, x, y]) => {
                const owner = ownerOf({ groups: MIXED });
                const { addresses, sealed } = sealAt(owner, FROM - 40, registers);
                const count = addresses.length;
                const a = Math.min(x % count, y % count);
                const b = Math.max(x % count, y % count);
                // Nothing but the two boundaries is needed: the rest may be lost or come later.
                const difference = unwrap(
                    differenceOf(
                        sealed.slice(32 * a, 32 * a + 32),
                        sealed.slice(32 * b, 32 * b + 32),
                    ),
                );
                let first = 0;
                for (const { group, channels } of MIXED) {
                    const [from, to] = [addresses[a], addresses[b]];
                    if (from === undefined || to === undefined) throw new Error("no such boundary");
                    const fresh = ownerOf({ groups: MIXED });
                    const opened = unwrap(openDifference(fresh, group, from, to, difference));
                    for (let channel = 0; channel < channels; channel++) {
                        const at = first + channel;
                        const amount =
                            (registers[4 * b + at] ?? 0n) - (registers[4 * a + at] ?? 0n);
                        expect(opened[channel]).toBe(amount);
                    }
                    first += channels;
                }
            }),
            { numRuns: 40 },
        );
    });

    test("a difference read backwards is refused, not a huge amount", () => {
        const owner = ownerOf();
        const { addresses, sealed } = sealAt(owner, FROM, [5n, 7n, 6n, 9n]);
        const difference = unwrap(differenceOf(sealed.slice(16), sealed.slice(0, 16)));
        const [from, to] = addresses;
        if (from === undefined || to === undefined) throw new Error("no such boundary");
        expect(codeOf(openDifference(owner, 0, to, from, difference))).toBe("MS_REGISTER_CAP");
    });

    test("chosen rows open alone, in the order asked for", () => {
        const owner = ownerOf();
        const registers = registersOf(
            [10n, 0n],
            Array.from({ length: 9 }, () => [3n, 1n]),
        );
        const boundaries = sealAt(owner, FROM, registers);
        expect([...unwrap(openRegisters(owner, 0, boundaries, [7, 0, 3]))]).toEqual([
            31n,
            10n,
            19n,
        ]);
        expect(codeOf(openRegisters(owner, 0, boundaries, [10]))).toBe("MS_BOUNDARY_ADDRESS");
        expect(codeOf(openRegisters(owner, 0, boundaries, [0.5]))).toBe("MS_BOUNDARY_ADDRESS");
    });

    test("shifted registers hide the register and keep the differences", () => {
        const owner = ownerOf();
        const boundaries = sealAt(owner, FROM, [100n, 0n, 142n, 0n]);
        const [first = 0n, second = 0n] = unwrap(openShifted(owner, 0, boundaries));
        expect(second - first).toBe(42n);
        expect(first - (owner.shiftsOf(0)[0] ?? 0n)).toBe(100n);
    });

    test("invariant 8: keys of another epoch, stream or household open nothing", () => {
        const registers = registersOf(
            [10n, 0n],
            Array.from({ length: 30 }, () => [3n, 1n]),
        );
        const boundaries = sealAt(ownerOf(), FROM, registers);
        for (const stranger of [
            ownerOf({ sealEpoch: 1 }),
            ownerOf({ streamId: new Uint8Array(16) }),
            ownerOf({}, new Uint8Array(32)),
        ]) {
            expect(codeOf(openRegisters(stranger, 0, boundaries))).toBe("MS_REGISTER_CAP");
        }
    });

    test("altered bytes that open below zero are refused", () => {
        const owner = ownerOf();
        const { addresses, sealed } = sealAt(owner, FROM, [5n, 0n]);
        const view = new DataView(sealed.buffer);
        view.setBigUint64(0, BigInt.asUintN(64, view.getBigUint64(0) - 6n));
        expect(codeOf(openShifted(owner, 0, { addresses, sealed }))).toBe("ok");
        expect(codeOf(openRegisters(owner, 0, { addresses, sealed }))).toBe("MS_REGISTER_CAP");
    });

    test("a view into a larger buffer opens like a copy", () => {
        const owner = ownerOf();
        const { addresses, sealed } = sealAt(owner, FROM, [100n, 1n, 142n, 2n]);
        const larger = new Uint8Array(sealed.length + 3);
        larger.set(sealed, 3);
        const opened = unwrap(openRegisters(owner, 1, { addresses, sealed: larger.subarray(3) }));
        expect([...opened]).toEqual([1n, 2n]);
        const difference = unwrap(differenceOf(larger.subarray(3, 19), larger.subarray(19)));
        expect(difference).toEqual(unwrap(differenceOf(sealed.slice(0, 16), sealed.slice(16))));
    });
});

describe("caps (invariant 7)", () => {
    const addresses = addressesOf("Europe/Berlin", FROM, 2);
    const cap = 2n ** 20n - 1n;

    function seal(registers: bigint[], previous?: bigint[], groups = streamOf().groups): string {
        const boundaries = {
            addresses,
            registers,
            ...(previous === undefined ? {} : { previous }),
        };
        return codeOf(sealBoundaries(ownerOf({ groups }), boundaries));
    }

    test("a register of 2^61 or below 0 is refused, 2^61 − 1 is sealed", () => {
        expect(seal([REGISTER_END - 1n, 0n, REGISTER_END - 1n, 0n])).toBe("ok");
        expect(seal([REGISTER_END - 1n, 0n, REGISTER_END, 0n])).toBe("MS_REGISTER_CAP");
        expect(seal([0n, 0n, 0n, 2n ** 64n])).toBe("MS_REGISTER_CAP");
        expect(seal([-1n, 0n, 0n, 0n])).toBe("MS_REGISTER_CAP");
    });

    test("growth beyond the cap is refused within a call and after the one before", () => {
        expect(seal([0n, 0n, cap, 0n])).toBe("ok");
        expect(seal([0n, 0n, cap + 1n, 0n])).toBe("MS_REGISTER_CAP");
        expect(seal([cap, cap, cap, cap], [0n, 0n])).toBe("ok");
        expect(seal([cap, cap + 1n, cap, cap + 1n], [0n, 0n])).toBe("MS_REGISTER_CAP");
    });

    test("sums of squares may grow by the square of the cap", () => {
        const groups = [{ group: 2, channels: 1 }] as const;
        expect(seal([0n, cap * cap], undefined, [...groups])).toBe("ok");
        expect(seal([0n, cap * cap + 1n], undefined, [...groups])).toBe("MS_REGISTER_CAP");
    });

    test("a register that runs backwards is refused", () => {
        expect(seal([5n, 0n, 4n, 0n])).toBe("MS_REGISTER_DECREASED");
        expect(seal([5n, 0n, 5n, 0n], [5n, 1n])).toBe("MS_REGISTER_DECREASED");
    });

    test("no error shows a register", () => {
        const registers = [987_654_321n, 0n, 987_654_320n, 0n];
        const sealed = sealBoundaries(ownerOf(), { addresses, registers });
        expect(sealed.ok ? "" : sealed.error.message).not.toMatch(/98765432/);
    });
});

describe("shapes that do not fit", () => {
    const owner = ownerOf();
    const addresses = addressesOf("Europe/Berlin", FROM, 2);

    test("registers, addresses and bytes must agree with the stream", () => {
        const boundaries = sealAt(owner, FROM, [1n, 2n, 3n, 4n]);
        const three = { addresses, registers: [1n, 2n, 3n] };
        expect(codeOf(sealBoundaries(owner, three))).toBe("MS_STREAM_RULE");
        const previous = { addresses, registers: [1n, 2n, 3n, 4n], previous: [1n] };
        expect(codeOf(sealBoundaries(owner, previous))).toBe("MS_STREAM_RULE");
        const short = { addresses, sealed: boundaries.sealed.slice(1) };
        expect(codeOf(openShifted(owner, 0, short))).toBe("MS_STREAM_RULE");
        expect(codeOf(openShifted(owner, 2, boundaries))).toBe("MS_STREAM_RULE");
        const nine = new Uint8Array(9);
        expect(codeOf(differenceOf(nine, nine))).toBe("MS_STREAM_RULE");
        expect(codeOf(differenceOf(nine, new Uint8Array(16)))).toBe("MS_STREAM_RULE");
    });

    test("leaves must exist and come in order", () => {
        for (const [bad, code] of [
            [[{ level: 2, index: 2 ** 18 }], "MS_BOUNDARY_ADDRESS"],
            [[{ level: 0, index: -1 }], "MS_BOUNDARY_ADDRESS"],
            [[{ level: 1, index: 1.5 }], "MS_BOUNDARY_ADDRESS"],
            [
                [
                    { level: 1, index: 5 },
                    { level: 0, index: 7 },
                    { level: 1, index: 5 },
                ],
                "MS_SEAL_ORDER",
            ],
            [
                [
                    { level: 1, index: 5 },
                    { level: 1, index: 4 },
                ],
                "MS_SEAL_ORDER",
            ],
            [
                [
                    { level: 4, index: 5 },
                    { level: 4, index: 6 },
                ],
                "ok",
            ],
        ] as const) {
            const registers = bad.flatMap(() => [0n, 0n]);
            expect(codeOf(sealBoundaries(owner, { addresses: bad, registers }))).toBe(code);
        }
        const level5 = [{ level: 5 as 4, index: 0 }];
        const sealed = sealBoundaries(owner, { addresses: level5, registers: [0n, 0n] });
        expect(codeOf(sealed)).toBe("MS_BOUNDARY_ADDRESS");
    });

    test("a stream descriptor is checked", () => {
        const wrong: [Partial<SealedStream>, string][] = [
            [{ suite: 0 }, "MS_VERSION"],
            [{ streamId: new Uint8Array(15) }, "MS_STREAM_RULE"],
            [{ sealEpoch: -1 }, "MS_STREAM_RULE"],
            [{ sealEpoch: 2 ** 32 }, "MS_STREAM_RULE"],
            [{ slotSeconds: 7 }, "MS_STREAM_RULE"],
            [{ groups: [] }, "MS_STREAM_RULE"],
            [{ groups: [{ group: 16, channels: 1 }] }, "MS_STREAM_RULE"],
            [{ groups: [{ group: 0, channels: 3 as 2 }] }, "MS_STREAM_RULE"],
            [{ groups: [...streamOf().groups].reverse() }, "MS_STREAM_RULE"],
        ];
        for (const [change, code] of wrong)
            expect(codeOf(checkStream(streamOf(change)))).toBe(code);
        expect(() => ownerOf({}, MASTER.slice(1))).toThrow("assertion failed");
    });
});
