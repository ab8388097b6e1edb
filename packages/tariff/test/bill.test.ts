import { unixOfSlot, unwrap } from "@meterseal/core";
import { FLAG, parseRecord } from "@meterseal/record";
import { describe, expect, it } from "vitest";
import { checkBill } from "../src/check.ts";
import {
    type Bill,
    type BillBasis,
    formatBill,
    type PublishedTariff,
    parseBill,
    proveBill,
    type RecordedStream,
} from "../src/index.ts";
import { DAY_NIGHT, FLAT, Home, published, type RegistersAt } from "./home.ts";

/** March 2026 in Berlin: 2,972 quarter-hours, for the clocks go forward on the 29th. */
const MARCH = ["2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00"] as const;

/** A household that uses 100 … 149 Wh a slot. */
const usage = (slot: number): bigint => BigInt(100 + ((slot * 7919) % 50));

/** A register that starts anywhere and grows by what flows in each slot. */
function growing(from: number, start: bigint, flow: (slot: number) => bigint): RegistersAt {
    const values = [start];
    return (slot) => {
        for (let at = values.length; at <= slot - from; at++) {
            values.push((values[at - 1] as bigint) + flow(from + at - 1));
        }
        return [values[slot - from] as bigint];
    };
}

/** Σ price · energy as anybody with the readings would add it up. */
function expectedAmount(
    from: number,
    to: number,
    price: (slot: number) => bigint,
    flow: (slot: number) => bigint,
): bigint {
    let sum = 0n;
    for (let slot = from; slot < to; slot++) sum += price(slot) * flow(slot);
    return sum;
}

async function monthHome(): Promise<Home> {
    const home = await Home.open();
    const [from, to] = MARCH.map((text) => home.slot(text)) as [number, number];
    expect(to - from).toBe(2972);
    await home.seal(from - 5, to + 5, growing(from - 5, 12_345n, usage));
    return home;
}

const home = await monthHome();
const period = home.period(...MARCH);
const flat = published(FLAT);
const dayNight = published({ ...DAY_NIGHT, name: "day and night" });
const codeOf = (result: ReturnType<typeof checkBill> | ReturnType<typeof proveBill>): string =>
    result.ok ? "ok" : result.error.code;

describe("the bill of a month (invariant 13)", () => {
    it.each<[string, PublishedTariff, (hour: number) => bigint]>([
        ["flat", flat, () => 300_000n],
        ["day and night", dayNight, (hour) => (hour >= 22 || hour < 6 ? 210_000n : 320_000n)],
    ])("with a %s tariff is the sum over its slots, proven and checked", (_, tariff, price) => {
        const basis = home.basis(tariff, period);
        const bill = unwrap(proveBill(home.prover, basis));
        const clock = new Intl.DateTimeFormat("en", {
            timeZone: "Europe/Berlin",
            hour: "numeric",
            hourCycle: "h23",
        });
        const hourOf = (slot: number): number =>
            Number(clock.format((946_684_800 + slot * 900) * 1000));
        const amount = expectedAmount(
            period.fromSlot,
            period.toSlot,
            (slot) => price(hourOf(slot)),
            usage,
        );
        expect(bill.amount).toBe(amount);
        const checked = unwrap(checkBill(bill, basis));
        expect(checked.energy).toBe(amount);
        expect(checked.coverage).toEqual({ slots: 2972, measured: 2972, runs: [] });
        expect(unwrap(parseBill(formatBill(bill)))).toEqual(bill);
    });

    const market = (minutes: number): PublishedTariff => {
        const series = published({
            name: `market of ${minutes} minutes`,
            import: {
                start: "2026-03-01",
                minutes: String(minutes),
                // Every price another one, some below zero: 743 hours or 2,972 quarter-hours.
                prices: Array.from({ length: 2972 / (minutes / 15) }, (_, i) =>
                    ((((i * 7919) % 2972) - 300) / 10_000).toFixed(4),
                ),
            },
        });
        const index = { index: Buffer.from(series.hash).toString("hex"), plus: "0.13" };
        return published({ name: `index of ${minutes}`, import: index }, series);
    };

    it.each([60, 15])(
        "under prices of each %i minutes needs a market that its household trusts",
        (minutes) => {
            const tariff = market(minutes);
            const basis = home.basis(tariff, period);
            expect(codeOf(proveBill(home.prover, basis))).toBe("MS_TARIFF");
            const bill = unwrap(proveBill({ ...home.prover, isMarketSeries: true }, basis));
            const series = tariff.series?.body.imports;
            const prices = series?.kind === "series" ? series.pricesMicro : [];
            const priceOf = (slot: number): bigint =>
                BigInt(
                    (prices[Math.floor((slot - period.fromSlot) / (minutes / 15))] ?? 0) + 130_000,
                );
            expect(bill.amount).toBe(
                expectedAmount(period.fromSlot, period.toSlot, priceOf, usage),
            );
            expect(codeOf(checkBill(bill, basis))).toBe("ok");
            expect(codeOf(checkBill({ ...bill, amount: bill.amount - 1n }, basis))).toBe("MS_BILL");
        },
    );

    it("is checked from what is public: no key, no reading, no address of a leaf", () => {
        const basis = home.basis(flat, period);
        const bill = unwrap(proveBill(home.prover, basis));
        const blank = structuredClone(basis.recorded);
        for (const { boundaries } of blank.epochs) {
            for (const boundary of boundaries) boundary.sealed.fill(0);
        }
        expect(codeOf(checkBill(bill, { ...basis, recorded: blank }))).toBe("ok");
    });
});

describe("a bill (invariant 13) fails", () => {
    const basis = home.basis(dayNight, period);
    const bill = unwrap(proveBill(home.prover, basis));
    const wrong = (changes: Partial<Bill>): Bill => ({ ...bill, ...changes });
    /** The basis with the records as somebody altered them. */
    const altered = (alter: (recorded: RecordedStream) => void): BillBasis => {
        const recorded = structuredClone(basis.recorded) as RecordedStream;
        alter(recorded);
        return { ...basis, recorded };
    };
    const boundariesOf = (recorded: RecordedStream) => recorded.epochs[0]?.boundaries ?? [];
    /** Place of the first boundary of the month among those of the epoch. */
    const START = 5;

    it.each<[string, Bill, BillBasis, string]>([
        ["one unit more", wrong({ amount: bill.amount + 1n }), basis, "MS_BILL"],
        ["one unit less", wrong({ amount: bill.amount - 1n }), basis, "MS_BILL"],
        ["the amount below zero", wrong({ amount: -bill.amount }), basis, "MS_BILL"],
        ["another blind", wrong({ blind: bill.blind ^ 1n }), basis, "MS_BILL"],
        ["a blind of no group", wrong({ blind: 2n ** 255n }), basis, "MS_COMMITMENT"],
        ["another tariff", bill, { ...basis, tariff: flat }, "MS_BILL"],
        [
            "another tariff of the same name",
            bill,
            { ...basis, tariff: { ...flat, hash: dayNight.hash } },
            "MS_BILL",
        ],
        [
            "a tariff with one price changed by a millionth",
            bill,
            {
                ...basis,
                tariff: {
                    ...published({
                        import: {
                            bands: { day: "0.32", night: "0.210001" },
                            times: DAY_NIGHT.import.times,
                        },
                    }),
                    hash: dayNight.hash,
                },
            },
            "MS_BILL",
        ],
        [
            "a period that begins a slot later",
            wrong({ fromUnix: bill.fromUnix + 900 }),
            { ...basis, period: { ...period, fromSlot: period.fromSlot + 1 } },
            "MS_BILL",
        ],
        [
            "a period that ends a slot earlier",
            wrong({ toUnix: bill.toUnix - 900 }),
            { ...basis, period: { ...period, toSlot: period.toSlot - 1 } },
            "MS_BILL",
        ],
        ["another period than it names", wrong({ toUnix: bill.toUnix - 900 }), basis, "MS_BILL"],
        ["another stream", wrong({ stream: new Uint8Array(16) }), basis, "MS_BILL"],
    ])("with %s", (_, claimed, over, code) => {
        const result = checkBill(claimed, over);
        expect(codeOf(result)).toBe(code);
        expect(result.ok ? "" : result.error.message).toMatch(/Expected/);
    });

    it.each<[string, (recorded: RecordedStream) => void, string]>([
        [
            "two commitments swapped",
            (recorded) => {
                const boundaries = boundariesOf(recorded);
                const [a, b] = [START, boundaries.length - 6].map((i) => boundaries[i]);
                const kept = a?.commitments[0]?.slice() as Uint8Array;
                a?.commitments[0]?.set(b?.commitments[0] as Uint8Array);
                b?.commitments[0]?.set(kept);
            },
            "MS_BILL",
        ],
        [
            "the newest records left out",
            (recorded) => void boundariesOf(recorded).splice(-6),
            "MS_BILL",
        ],
        [
            "the first boundary omitted",
            (recorded) => void boundariesOf(recorded).splice(START, 1),
            "MS_BILL",
        ],
        [
            "a commitment of another boundary in its place",
            (recorded) => {
                const boundaries = boundariesOf(recorded);
                boundaries[START]?.commitments[0]?.set(
                    boundaries[START + 1]?.commitments[0] as Uint8Array,
                );
            },
            "MS_BILL",
        ],
        [
            "bytes that are no commitment",
            (recorded) => void boundariesOf(recorded)[START]?.commitments[0]?.fill(0xff),
            "MS_COMMITMENT",
        ],
        [
            "no commitments at all",
            (recorded) => {
                for (const [i, boundary] of boundariesOf(recorded).entries()) {
                    boundariesOf(recorded)[i] = { ...boundary, commitments: [] };
                }
            },
            "MS_COMMITMENT",
        ],
    ])("with %s", (_, alter, code) => {
        expect(codeOf(checkBill(bill, altered(alter)))).toBe(code);
    });

    it("over a period of which the beginning was pruned: a smaller bill would be as well proven", () => {
        const rest = altered((recorded) => void boundariesOf(recorded).splice(0, START + 4));
        const smaller = unwrap(proveBill(home.prover, rest));
        expect(smaller.amount).toBeLessThan(bill.amount);
        const pruned = { ...rest, isPruned: true };
        expect(codeOf(checkBill(smaller, pruned))).toBe("MS_PRUNED");
        expect(codeOf(proveBill(home.prover, pruned))).toBe("MS_PRUNED");
        expect(codeOf(checkBill(bill, { ...basis, isPruned: true }))).toBe("ok");
        const exact = altered((recorded) => {
            const boundaries = boundariesOf(recorded);
            boundaries.splice(
                0,
                boundaries.findIndex(({ atUnix }) => atUnix === bill.fromUnix),
            );
        });
        expect(codeOf(checkBill(bill, { ...exact, isPruned: true }))).toBe("ok");
    });

    it("over a period in which a seal epoch is left out: a smaller bill would be as well proven", async () => {
        const replaced = await Home.open();
        const [from, to] = [period.fromSlot, period.fromSlot + 300];
        const [second, third] = [from + 100, from + 200];
        for (const [begin, end] of [
            [from - 5, second],
            [second, third],
            [third, to + 5],
        ] as const) {
            await replaced.seal(begin, end, growing(from - 5, 12_345n, usage));
            replaced.nextEpoch();
        }
        const without = (epoch: number | null, fromSlot: number, toSlot: number): string => {
            const full = replaced.basis(flat, { slotSeconds: 900, fromSlot, toSlot });
            const epochs = full.recorded.epochs.filter(({ sealEpoch }) => sealEpoch !== epoch);
            const over = { ...full, recorded: { ...full.recorded, epochs } };
            return codeOf(proveBill(replaced.prover, over));
        };
        expect(without(null, from, to)).toBe("ok");
        expect(without(0, from, to)).toBe("MS_BILL");
        expect(without(1, from, to)).toBe("MS_BILL");
        // On either side of what lacks a bill says what it should.
        expect(without(0, second, to)).toBe("ok");
        expect(without(1, third, to)).toBe("ok");
        expect(without(1, from, second)).toBe("ok");
    });

    it("where the meter committed to another register than it sealed: its maker is told", () => {
        const over = altered((recorded) => {
            const boundaries = boundariesOf(recorded);
            boundaries[START]?.commitments[0]?.set(
                boundaries[START + 1]?.commitments[0] as Uint8Array,
            );
        });
        expect(codeOf(proveBill(home.prover, over))).toBe("MS_BILL");
    });

    it("with a foreign master secret", () => {
        const prover = { ...home.prover, master: new Uint8Array(32) };
        expect(["MS_REGISTER_CAP", "MS_BILL"]).toContain(codeOf(proveBill(prover, basis)));
    });
});

describe("a bill over", () => {
    it("invariant 9: import, export and corrections is main plus adjustments minus the export's credit", async () => {
        const solar = await Home.open({ groups: [0, 1, 15], committed: 3 });
        const from = solar.slot("2026-06-01T00:00:00+02:00");
        const to = solar.slot("2026-06-03T00:00:00+02:00");
        // 40 Wh too much were billed once, 15 Wh too little.
        const registers: RegistersAt = (slot) => {
            const passed = BigInt(slot - from + 1);
            return [
                5_000n + 100n * passed,
                70n * passed,
                slot > from + 20 ? 15n : 0n,
                slot > from + 90 ? 40n : 0n,
            ];
        };
        await solar.seal(from - 1, to, registers);
        const tariff = published({ ...FLAT, export: { price: "0.08" }, name: "solar" });
        const basis = solar.basis(tariff, { slotSeconds: 900, fromSlot: from, toSlot: to });
        const bill = unwrap(proveBill(solar.prover, basis));
        const slots = BigInt(to - from);
        expect(bill.amount).toBe((100n * slots + 15n - 40n) * 300_000n - 70n * slots * 80_000n);
        expect(codeOf(checkBill(bill, basis))).toBe("ok");
        // Without an export price nothing is credited; more export than import is paid out.
        const unpaid = { ...basis, tariff: published({ ...FLAT, name: "unpaid" }) };
        expect(unwrap(proveBill(solar.prover, unpaid)).amount).toBe(
            (100n * slots - 25n) * 300_000n,
        );
        const rich = published({ ...FLAT, export: { price: "3" }, name: "rich" });
        expect(unwrap(proveBill(solar.prover, { ...basis, tariff: rich })).amount).toBeLessThan(0n);
    });

    it("export that is not committed to is refused, and so are corrections", async () => {
        const solar = await Home.open({ groups: [0, 1, 15], committed: 1 });
        const from = solar.slot("2026-06-01T00:00:00+02:00");
        await solar.seal(from, from + 96, (slot) => [BigInt(slot), 0n, 0n, 0n]);
        const window = { slotSeconds: 900, fromSlot: from, toSlot: from + 96 };
        const result = proveBill(solar.prover, solar.basis(flat, window));
        expect(result).toMatchObject({ error: { code: "MS_COMMITMENT" } });
    });

    it("a change of the seal epoch counts what each device measured, in weights that cancel", async () => {
        const moved = await Home.open();
        const from = moved.slot("2026-06-01T00:00:00+02:00");
        const change = from + 100;
        const to = from + 192;
        await moved.seal(from - 1, change, growing(from - 1, 900_000n, usage));
        moved.nextEpoch();
        await moved.seal(change, to, growing(change, 3n, usage));
        const basis = moved.basis(dayNight, { slotSeconds: 900, fromSlot: from, toSlot: to });
        const night = (slot: number): boolean => {
            const hour = ((slot - from) % 96) / 4;
            return hour >= 22 || hour < 6;
        };
        const price = (slot: number): bigint => (night(slot) ? 210_000n : 320_000n);
        const bill = unwrap(proveBill(moved.prover, basis));
        expect(bill.amount).toBe(expectedAmount(from, to, price, usage));
        expect(unwrap(checkBill(bill, basis)).coverage.measured).toBe(192);
    });

    it("an exchange within a slot counts what both devices measured in it", async () => {
        const moved = await Home.open();
        const from = moved.slot("2026-06-01T00:00:00+02:00");
        const to = from + 192;
        // The old device ends 5 minutes into slot 99 with 30 Wh of it, the new one begins 4 minutes later.
        const old = growing(from - 1, 900_000n, usage);
        await moved.seal(from - 1, from + 99, old);
        const end = unixOfSlot(from + 99, 900) + 300;
        await moved.event("closing", end, [(old(from + 99)[0] as bigint) + 30n]);
        moved.nextEpoch();
        await moved.event("opening", end + 240, [5n]);
        const young = growing(from + 100, 5n + 45n, usage);
        await moved.seal(from + 100, to, young);
        const basis = moved.basis(flat, { slotSeconds: 900, fromSlot: from, toSlot: to });
        const bill = unwrap(proveBill(moved.prover, basis));
        const measured =
            expectedAmount(from, from + 99, () => 1n, usage) +
            (30n + 45n) +
            expectedAmount(from + 100, to, () => 1n, usage);
        expect(bill.amount).toBe(measured * 300_000n);
        const { coverage } = unwrap(checkBill(bill, basis));
        expect(coverage).toEqual({ slots: 192, measured: 192, runs: [] });
        // Without the registers of the exchange it is another bill.
        const without = structuredClone(basis.recorded);
        without.epochs[0]?.boundaries.pop();
        expect(codeOf(checkBill(bill, { ...basis, recorded: without }))).toBe("MS_BILL");
    });

    it("devices with a gap between them says what is not in it", async () => {
        const moved = await Home.open();
        const from = moved.slot("2026-06-01T00:00:00+02:00");
        const to = from + 192;
        await moved.seal(from - 1, from + 99, growing(from - 1, 900_000n, usage));
        moved.nextEpoch();
        await moved.seal(from + 102, to, growing(from + 102, 3n, usage));
        const basis = moved.basis(flat, { slotSeconds: 900, fromSlot: from, toSlot: to });
        const bill = unwrap(proveBill(moved.prover, basis));
        const billed =
            expectedAmount(from, from + 99, () => 300_000n, usage) +
            expectedAmount(from + 102, to, () => 300_000n, usage);
        expect(bill.amount).toBe(billed);
        expect(unwrap(checkBill(bill, basis)).coverage).toEqual({
            slots: 192,
            measured: 189,
            runs: [{ fromSlot: from + 99, toSlot: from + 102, gap: "not in the bill" }],
        });
    });

    it("a time that two devices measured fails, and only that one does", async () => {
        const moved = await Home.open();
        const from = moved.slot("2026-06-01T00:00:00+02:00");
        const to = from + 288;
        // The new device states 20 minutes too early that it began, and has no boundary for an hour.
        const last = from + 99;
        const begin = unixOfSlot(last, 900) - 20 * 60;
        const [old, young] = [growing(from - 1, 9n, usage), growing(last - 2, 7n, usage)];
        await moved.seal(from - 1, last, old);
        moved.nextEpoch();
        await moved.event("opening", begin, [7n]);
        await moved.seal(last + 3, to, young);
        const bill = (fromSlot: number, toSlot: number): string => {
            const basis = moved.basis(flat, { slotSeconds: 900, fromSlot, toSlot });
            return codeOf(proveBill(moved.prover, basis));
        };
        expect(bill(from, last - 2)).toBe("ok");
        expect(bill(from, last - 1)).toBe("MS_RESEALED");
        expect(bill(from, to)).toBe("MS_RESEALED");
        // What the new device counted of the old one's time lands with its first boundary.
        expect(bill(last + 2, to)).toBe("MS_RESEALED");
        expect(bill(last + 3, to)).toBe("ok");
        const basis = moved.basis(flat, { slotSeconds: 900, fromSlot: last + 3, toSlot: to });
        const { amount } = unwrap(proveBill(moved.prover, basis));
        expect(amount).toBe(expectedAmount(last + 3, to, () => 300_000n, usage));
    });

    it("missing intervals says so; their energy is priced where it lands, also across periods", async () => {
        const blank = await Home.open();
        const from = blank.slot("2026-06-01T00:00:00+02:00");
        const to = from + 192;
        const middle = from + 96;
        const all = growing(from - 1, 5n, () => 10n);
        // Ten boundaries flagged as missing keep the register; around midnight eight are not there.
        const frozen: RegistersAt = (slot) =>
            slot >= from + 10 && slot < from + 20 ? all(from + 9) : all(slot);
        await blank.seal(from - 1, middle - 4, frozen, [
            { offset: from + 10, length: 10, flag: FLAG.missing },
        ]);
        await blank.seal(middle + 5, to, all);
        const half = (fromSlot: number, toSlot: number) => {
            const basis = blank.basis(flat, { slotSeconds: 900, fromSlot, toSlot });
            const bill = unwrap(proveBill(blank.prover, basis));
            return { amount: bill.amount, ...unwrap(checkBill(bill, basis)).coverage };
        };
        const [first, second, both] = [half(from, middle), half(middle, to), half(from, to)];
        expect(first.runs).toEqual([
            { fromSlot: from + 9, toSlot: from + 19, gap: "missing" },
            { fromSlot: middle - 4, toSlot: middle, gap: "not recorded" },
        ]);
        expect(second.runs).toEqual([
            { fromSlot: middle, toSlot: middle + 4, gap: "not recorded" },
        ]);
        expect(first.amount).toBe(92n * 10n * 300_000n);
        expect(both.amount).toBe(192n * 10n * 300_000n);
        expect(first.amount + second.amount).toBe(both.amount);
        expect(both.measured).toBe(192 - 10 - 8);
    });
});

describe("the file of a bill", () => {
    const bill = unwrap(proveBill(home.prover, home.basis(flat, period)));
    const fields = JSON.parse(formatBill(bill)) as Record<string, unknown>;

    it.each<[string, Record<string, unknown>]>([
        ["no format", { format: "meterseal-key/v1" }],
        ["a number as amount", { amount: 12 }],
        ["an amount with a point", { amount: "1.5" }],
        ["an amount with a zero before it", { amount: "01" }],
        ["minus zero", { amount: "-0" }],
        ["an amount of 2^63", { amount: String(2n ** 63n) }],
        ["an amount of −2^63", { amount: String(-(2n ** 63n)) }],
        ["a short blind", { blind: "00" }],
        ["a stream in capitals", { stream: "AA".repeat(16) }],
        ["half a second", { fromUnix: 0.5 }],
        ["no end", { toUnix: null }],
    ])("is refused with %s", (_, changes) => {
        const result = parseBill(JSON.stringify({ ...fields, ...changes }));
        expect(result).toMatchObject({ error: { code: "MS_MALFORMED" } });
    });

    it("is refused when it is no JSON, no object, or too long", () => {
        for (const text of ["", "null", "[]", "{", `${" ".repeat(5000)}{}`]) {
            expect(parseBill(text)).toMatchObject({ error: { code: "MS_MALFORMED" } });
        }
    });

    it("takes the largest amounts of either sign", () => {
        for (const amount of [2n ** 63n - 1n, -(2n ** 63n) + 1n, 0n]) {
            expect(unwrap(parseBill(formatBill({ ...bill, amount }))).amount).toBe(amount);
        }
    });
});

it("the records of the home are those of a meter", () => {
    for (const record of home.records) expect(parseRecord(record.message.bytes).ok).toBe(true);
});
