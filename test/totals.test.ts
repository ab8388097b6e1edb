import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { ALGORITHM, type MeterLink, unwrap } from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import {
    LONDON_SLOT_SECONDS,
    LONDON_YEAR,
    type LondonHome,
    MeterAgent,
    type MeterProfile,
    parseLondonCsv,
    registerSeries,
} from "@meterseal/meter";
import { FLAG, GROUP, type OutboxRecord, parseRecord, STREAM_MODE } from "@meterseal/record";
import { MASTER_BYTES } from "@meterseal/seal";
import { MemoryMeterStore } from "@meterseal/stores/memory";
import {
    isUnmeasured,
    type KeyFile,
    type OpenBoundary,
    openSeries,
    usageOfSeries,
} from "@meterseal/wallet";
import { describe, expect, it } from "vitest";

const HOMES = 98;
const ZONE = "Europe/London";
/** What the source says of one home, added up without any of our code. */
type Source = { /** 10^-7 kWh by civil month 0 … 11. */ readonly months: bigint[]; values: number };

/** British Summer Time of 2013, from the statute: last Sundays of March and October, 01:00 UTC. */
const SUMMER_MS = [Date.UTC(2013, 2, 31, 1), Date.UTC(2013, 9, 27, 1)] as const;

/** Hours of each civil day: 31 March has 23 and 27 October 25. */
const DAY_HOURS = Array.from({ length: 365 }, (_, day) =>
    day === 89 ? 23 : day === 299 ? 25 : 24,
);

function civilMonth(unixMs: number): number | null {
    const isSummer = unixMs >= SUMMER_MS[0] && unixMs < SUMMER_MS[1];
    const local = new Date(unixMs + (isSummer ? 3_600_000 : 0));
    return local.getUTCFullYear() === 2013 ? local.getUTCMonth() : null;
}

/** Decimal text in kWh as a whole number of 10^-7 kWh, by moving the point. */
function units(text: string): bigint {
    const [whole = "", part = ""] = text.split(".");
    if (part.length > 7) throw new Error(`more than seven decimals: ${text}`);
    return BigInt(whole + part.padEnd(7, "0"));
}

function addUp(text: string): Map<string, Source> {
    const homes = new Map<string, Source>();
    for (const line of text.trim().split("\n").slice(1)) {
        const [id = "", date = "", ...values] = line.trim().split(",");
        const home = homes.get(id) ?? { months: Array<bigint>(12).fill(0n), values: 0 };
        homes.set(id, home);
        values.forEach((value, i) => {
            const month = civilMonth(Date.parse(`${date}T00:00Z`) + i * 1_800_000);
            if (month === null || value === "") return;
            home.months[month] = (home.months[month] ?? 0n) + units(value);
            home.values++;
        });
    }
    return homes;
}

const files = ["block16sep", "block62sep", "block165sep"].map((name) => {
    const path = new URL(`../examples/london-2013/${name}.csv.gz`, import.meta.url);
    const text = gunzipSync(readFileSync(path)).toString("utf8");
    return { name, text, source: addUp(text) };
});

/** A link to nowhere: what a meter writes stays in its store. */
const nowhere: MeterLink = {
    open: async () => {},
    send: async () => {},
    close: async () => {},
};

const signer = signerFromPem(generatePrivateKeyPem("es256"));

/** Seals a home's year with the meter's own software and opens it again with the key file. */
async function throughTheSeal(home: LondonHome, salt: number): Promise<OpenBoundary[]> {
    const id = new Uint8Array(16).fill(salt);
    const master = new Uint8Array(MASTER_BYTES).fill(salt + 1);
    const group = { group: GROUP.import, channels: 1 as const };
    const seal = { streamId: id, sealEpoch: 0, suite: 1, slotSeconds: LONDON_SLOT_SECONDS };
    const profile: MeterProfile = {
        network: new Uint8Array(32),
        subject: id,
        chainEpoch: 0,
        anchor: new Uint8Array(32),
        collectorKey: { algorithm: ALGORITHM.edDsa, x: new Uint8Array(32) },
        stream: {
            stream: id,
            sealEpoch: 0,
            suite: 1,
            slotSeconds: LONDON_SLOT_SECONDS,
            zone: ZONE,
            groups: [GROUP.import],
            mode: STREAM_MODE.sealed,
            scale: 0,
        },
    };
    const records: OutboxRecord[] = [];
    const store = new MemoryMeterStore();
    const append = store.append.bind(store);
    store.append = (state, record) => {
        if (record !== null) records.push(record);
        return append(state, record);
    };
    const agent = await MeterAgent.open({
        profile,
        signer,
        master,
        store,
        link: nowhere,
        clock: { nowMs: () => Date.UTC(2014, 0, 1) },
        timers: { after: () => () => {} },
        log: { info: () => {}, warn: () => {} },
        recordBoundaries: 384,
    });
    for (const { missing, registerWh, slot } of registerSeries(home)) {
        await agent.add({ slot, registers: [registerWh], flag: missing ? FLAG.missing : 0 });
    }
    await agent.flush();
    const key: KeyFile = {
        name: home.id,
        network: profile.network,
        meter: id,
        stream: { ...seal, groups: [group] },
        zone: ZONE,
        scale: 0,
        master,
    };
    return unwrap(
        openSeries(
            key,
            records.map(({ bytes }) => unwrap(parseRecord(bytes))),
        ),
    );
}

describe("monthly totals of every home, sealed and opened again", () => {
    it.each(files)(
        "$name equals its CSV to within 1 Wh, and its blanks are gaps",
        async ({ name, text }) => {
            const source = addUp(text);
            const homes = unwrap(parseLondonCsv(text, name));
            expect(homes.map((home) => home.id)).toEqual([...source.keys()]);
            for (const [i, home] of homes.entries()) {
                const { months, values } = source.get(home.id) as Source;
                const series = await throughTheSeal(home, i);
                const intervals = LONDON_YEAR.days * 48;
                expect(series).toHaveLength(intervals + 1);
                const missing = series.filter(({ flag }) => isUnmeasured(flag)).length;
                expect(missing, `${home.id}: missing`).toBe(intervals - values);
                const usage = usageOfSeries(series, "month");
                expect(usage.intervals).toHaveLength(12);
                for (const [month, { fromUnix, importWh }] of usage.intervals.entries()) {
                    expect(civilMonth(fromUnix * 1000)).toBe(month);
                    const exact = months[month] as bigint;
                    const difference = (importWh ?? 0n) * 10_000n - exact;
                    const where = `${home.id}, month ${month + 1}`;
                    expect(difference > -10_000n && difference < 10_000n, where).toBe(true);
                }
                const total = months.reduce((sum, value) => sum + value, 0n);
                expect(usage.totalImportWh).toBe(total / 10_000n);
                expect(usage.coverage).toBeCloseTo(values / intervals, 12);
                const days = usageOfSeries(series, "day").intervals;
                const hours = days.map(({ fromUnix, toUnix }) => (toUnix - fromUnix) / 3600);
                expect(hours).toEqual(DAY_HOURS);
            }
        },
        60_000,
    );

    it("are those of all 98 homes", () => {
        expect(new Set(files.flatMap(({ source }) => [...source.keys()])).size).toBe(HOMES);
    });
});
