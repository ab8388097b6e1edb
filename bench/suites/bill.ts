import { createLadder, SLOT_ORIGIN_UNIX, toHex, unwrap } from "@meterseal/core";
import {
    commitBoundaries,
    falseCommitments,
    newSealState,
    type OwnerKeys,
    ownerKeys,
    planBoundaries,
    type SealedStream,
    sealBoundaries,
    type TreeAddress,
} from "@meterseal/seal";
import {
    type BillBasis,
    checkBill,
    type PublishedTariff,
    parseTariffText,
    proveBill,
    type RecordedStream,
} from "@meterseal/tariff";
import { secondsPerCall } from "../lib/measure.ts";
import type { Row, Suite } from "../lib/report.ts";

const ZONE = "Europe/Berlin";
const SLOT_SECONDS = 900;
/** The month with an hour more: 2,980 quarter-hours. */
const FROM = Date.parse("2026-10-01T00:00:00+02:00") / 1000;
const TO = Date.parse("2026-11-01T00:00:00+01:00") / 1000;
const FROM_SLOT = (FROM - SLOT_ORIGIN_UNIX) / SLOT_SECONDS;
const SLOTS = (TO - FROM) / SLOT_SECONDS;
const RECORD_SLOTS = 96;

const MASTER = Uint8Array.from({ length: 32 }, (_, i) => i);
const STREAM: SealedStream = {
    streamId: new Uint8Array(16).fill(7),
    sealEpoch: 0,
    suite: 1,
    slotSeconds: SLOT_SECONDS,
    groups: [{ group: 0, channels: 1 }],
};

/** What a meter signs over one month, with and without commitments. */
type Month = {
    readonly keys: OwnerKeys;
    readonly addresses: readonly TreeAddress[];
    readonly registers: readonly bigint[];
    readonly sealed: Uint8Array;
    readonly commitments: Uint8Array;
};

/** Bills over the commitments that a meter signs: what they cost the meter, the household, the reader. */
export const billSuite: Suite = {
    name: "bill",
    title: `bills that prove themselves: import of ${SLOTS} quarter-hours, CPU time of one thread`,
    run({ quick }) {
        const rounds = quick ? 1 : 5;
        const ms = (work: () => void): number => secondsPerCall(rounds, work) * 1e3;
        const month = makeMonth();
        const { addresses, keys, registers } = month;
        const record = {
            addresses: addresses.slice(0, RECORD_SLOTS),
            registers: registers.slice(0, RECORD_SLOTS),
        };
        const commit = ms(() => unwrap(commitBoundaries(keys, 1, record))) / RECORD_SLOTS;
        const seal = ms(() => unwrap(sealBoundaries(keys, record))) / RECORD_SLOTS;
        const own = ms(() => {
            const sealed = { ...record, sealed: month.sealed.subarray(0, RECORD_SLOTS * 8) };
            const lists = [month.commitments.subarray(0, RECORD_SLOTS * 32)];
            unwrap(falseCommitments(keys, sealed, lists));
        });
        const recorded = recordedStream(month);
        const rows: Row[] = [
            row("a commitment, at the meter", commit * 1e3, "µs a boundary", null),
            row("– beside sealing", seal * 1e3, "µs a boundary", null),
            row("– held against its register", (own / RECORD_SLOTS) * 1e3, "µs a boundary", null),
        ];
        const points: string[] = [];
        for (const [name, tariff, target] of tariffs()) {
            const period = {
                slotSeconds: SLOT_SECONDS,
                fromSlot: FROM_SLOT,
                toSlot: FROM_SLOT + SLOTS,
            };
            const basis: BillBasis = { recorded, tariff, period };
            const id = { network: new Uint8Array(32), meter: new Uint8Array(16) };
            const prover = { ...id, master: MASTER, stream: STREAM, isMarketSeries: true };
            const bill = unwrap(proveBill(prover, basis));
            const check = ms(() => unwrap(checkBill(bill, basis)));
            rows.push(row(`a bill checked, ${name}`, check, "ms", target));
            const prove = ms(() => unwrap(proveBill(prover, basis)));
            points.push(`${name} ${prove.toFixed(1)} ms`);
        }
        return Promise.resolve({
            rows,
            facts: [
                `made by the household, its own check included: ${points.join(", ")}`,
                "a bill is 40 bytes, amount and blind, beside the names of meter, tariff and period",
                "a commitment is 32 bytes: a sealed register with it takes 42.5 bytes in a signed record of 96, one without 10.5",
            ],
        });
    },
};

function row(what: string, value: number, unit: string, atMost: number | null): Row {
    const target = atMost === null ? null : ({ on: "ours", atMost } as const);
    return { what, ours: { value, unit }, against: null, ratio: null, target };
}

function makeMonth(): Month {
    const ladder = unwrap(createLadder(ZONE, SLOT_SECONDS));
    const keys = unwrap(ownerKeys(MASTER, STREAM));
    const { addresses } = unwrap(planBoundaries(newSealState(0), ladder, FROM_SLOT, SLOTS + 1));
    let register = 10_000n;
    const registers = addresses.map((_, i) => {
        register += BigInt(50 + ((i * 7919) % 400));
        return register;
    });
    const sealed = unwrap(sealBoundaries(keys, { addresses, registers }));
    const [commitments = sealed] = unwrap(commitBoundaries(keys, 1, { addresses, registers }));
    return { keys, addresses, registers, sealed, commitments };
}

function recordedStream({ addresses, commitments, sealed }: Month): RecordedStream {
    const boundaries = addresses.map((address, i) => ({
        atUnix: FROM + i * SLOT_SECONDS,
        address,
        flag: 0,
        sealed: sealed.subarray(i * 8, (i + 1) * 8),
        commitments: [commitments.subarray(i * 32, (i + 1) * 32)],
        record: { chainEpoch: 0, seq: 1 + i, hash: new Uint8Array(32) },
    }));
    const { slotSeconds, streamId } = STREAM;
    const epochs = [{ sealEpoch: 0, boundaries }];
    return { stream: streamId, slotSeconds, groups: [0], scale: 0, epochs };
}

/** Tariffs by name, with the milliseconds that checking a bill under them may take. */
function tariffs(): [string, PublishedTariff, number | null][] {
    const bands = { day: "0.3199", night: "0.21" };
    const times = [{ band: "night", from: "22:00", to: "06:00" }];
    return [
        ["flat", published({ price: "0.2842" }), 1],
        ["day and night", published({ bands, times }), 10],
        ["hourly", index(60), null],
        ["quarter-hourly", index(15), 250],
    ];
}

function published(
    imports: Record<string, unknown>,
    series: PublishedTariff | null = null,
): PublishedTariff {
    const base = { name: "bench", currency: "EUR", zone: ZONE, from: "2026-01-01" };
    const body = unwrap(parseTariffText({ ...base, import: imports }));
    return { hash: new Uint8Array(32).fill(series === null ? 1 : 2), body, series };
}

/** Prices of a market, every one another. */
function index(minutes: number): PublishedTariff {
    const count = SLOTS / (minutes / 15);
    const prices = Array.from({ length: count }, (_, i) =>
        ((((i * 7919) % 2980) - 200) / 10_000).toFixed(4),
    );
    const series = published({ start: "2026-10-01", minutes: String(minutes), prices });
    return published({ index: toHex(series.hash), plus: "0.15" }, series);
}
