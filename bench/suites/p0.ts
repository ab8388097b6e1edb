import { MetersealError, toHex, unixOfSlot } from "@meterseal/core";
import { STREAM_MODE } from "@meterseal/record";
import { ReplayClock } from "../../packages/node/src/clocks.ts";
import { ServerProcess } from "../../packages/node/src/fleet/server-process.ts";
import { requireCometBft } from "../../packages/node/src/localnet/find-cometbft.ts";
import { startMembers, stopMembers } from "../../packages/node/src/localnet/members.ts";
import { openOrganisations } from "../../packages/node/src/localnet/organisations.ts";
import { findAnvil } from "../../test/evm/find-anvil.ts";
import { ChainLoad } from "../lib/chain-load.ts";
import type { Curve } from "../lib/curve.ts";
import { median, percentile } from "../lib/measure.ts";
import { FIRST_SLOT, makeMeters, SLOT_SECONDS } from "../lib/meters.ts";
import { formatNumber, type Row, type Suite, type SuiteResult } from "../lib/report.ts";
import { ServerLoad } from "../lib/server-load.ts";
import { inTempDirectory } from "../lib/temp.ts";

/** Seconds that P0 reports for writing so many readings. */
const P0: ReadonlyMap<number, number> = new Map([
    ...([
        [1, 0.27],
        [100, 19.5],
        [200, 41.07],
    ] as const),
    ...([
        [300, 61.98],
        [400, 82.72],
        [500, 90.5],
    ] as const),
]);
const QUICK = [1, 20];
const BLOCK_TIME_S = 1;
/** Awaited writes in blocks of a second: more would take as many seconds. */
const SLOW_WRITES = 10;
const READS = 300;
const VALIDATORS = 4;
/** 2020-01-01: after every record of the run. */
const NOW_MS = 1_577_836_800_000;
/** Writes whose latencies are looked at together. */
const STRETCH = 50;

/** What one way of writing took, by the number of readings, seconds. */
type Way = { readonly name: string; readonly seconds: Map<number, number> };

type Found = {
    readonly ways: Way[];
    readonly rows: Row[];
    readonly facts: string[];
    /** Milliseconds of each write in turn. */
    readonly latencies: { readonly name: string; readonly eachMs: readonly number[] }[];
};

/** The table of the founding paper on metering over a private chain (P0), and every way of ours. */
export const p0Suite: Suite = {
    name: "p0",
    title: "readings written to a chain one by one, as P0 did, and by every way of ours",
    async run({ quick }) {
        if (findAnvil() === null) {
            return {
                rows: [],
                facts: ["NOT MEASURED: no EVM node; node scripts/ready-evm.mjs installs it"],
            };
        }
        const counts = quick ? QUICK : [...P0.keys()];
        const found: Found = { ways: [], rows: [], facts: [], latencies: [] };
        await chainAtOnce(found, counts, quick);
        await chainInBlocks(found, counts, quick);
        await inTempDirectory((directory) => embedded(found, counts, directory, quick));
        await inTempDirectory((directory) => validators(found, counts, directory));
        return resultOf(found, counts);
    },
};

function way(found: Found, name: string): Map<number, number> {
    const seconds = new Map<number, number>();
    found.ways.push({ name, seconds });
    return seconds;
}

/** Each transaction makes its block at once: what P0 may have had. */
async function chainAtOnce(found: Found, counts: readonly number[], quick: boolean): Promise<void> {
    const chain = await ChainLoad.open(null);
    try {
        const single = way(found, "single write, awaited, a block at once");
        for (const count of counts) {
            const { bytes, eachMs, gas, seconds } = await chain.awaited(count);
            single.set(count, seconds);
            if (count !== counts.at(-1)) continue;
            found.latencies.push({ name: "single write", eachMs });
            found.rows.push(row(`gas of ${count} single writes`, gas, "gas"));
            found.rows.push(row(`– call data`, bytes, "bytes"));
        }
        const batch = way(found, "one committed batch, a block at once");
        for (const count of counts) {
            const { bytes, gas, seconds } = await chain.batch(count);
            batch.set(count, seconds);
            if (count !== counts.at(-1)) continue;
            found.rows.push(row(`gas of one batch of ${count}`, gas, "gas"));
            found.rows.push(row(`– call data`, bytes, "bytes"));
        }
        const anchor = await chain.anchors();
        await anchor();
        const anchors = way(found, "one anchored checkpoint, a block at once");
        for (const count of counts) {
            const { bytes, gas, seconds } = await anchor();
            anchors.set(count, seconds);
            if (count !== counts.at(-1)) continue;
            found.rows.push(row("gas of an anchor, of any number", gas, "gas"));
            found.rows.push(row("– call data", bytes, "bytes"));
        }
        const readMs = await chain.read(quick ? 20 : READS);
        found.rows.push(
            row("reading a value back through the contract: p50", median(readMs), "ms"),
        );
        found.rows.push(row("– p99", percentile(readMs, 0.99), "ms"));
    } finally {
        await chain.close();
    }
}

async function chainInBlocks(
    found: Found,
    counts: readonly number[],
    quick: boolean,
): Promise<void> {
    const chain = await ChainLoad.open(BLOCK_TIME_S);
    try {
        const pipelined = way(found, `single write, pipelined, blocks of ${BLOCK_TIME_S} s`);
        for (const count of counts) pipelined.set(count, (await chain.pipelined(count)).seconds);
        const writes = quick ? 2 : SLOW_WRITES;
        const { seconds } = await chain.awaited(writes);
        const each = seconds / writes;
        found.rows.push(
            row(`single write, awaited, blocks of ${BLOCK_TIME_S} s`, each, "s a write"),
        );
    } finally {
        await chain.close();
    }
}

/** One server, one meter, signed and sealed records of one reading. */
async function embedded(
    found: Found,
    counts: readonly number[],
    dataDir: string,
    quick: boolean,
): Promise<void> {
    const clock = new ReplayClock(NOW_MS);
    const start = { dataDir, httpPort: 0, mqttPort: 0, nowMs: NOW_MS, clockLabel: "bench" };
    const server = await ServerProcess.start({ ...start, mode: STREAM_MODE.sealed });
    const [meter] = makeMeters(1, 1);
    if (meter === undefined) throw new Error("no meter");
    const load = await ServerLoad.open(server, meter, clock);
    try {
        const [stored, final] = [
            way(found, "ours, one server, awaited until on disk"),
            way(found, "ours, one server, at once until final"),
        ];
        let sent = 0;
        await load.oneByOne(await load.records(20));
        sent += 20;
        for (const count of counts) {
            const eachMs = await load.oneByOne(await load.records(count));
            sent += count;
            stored.set(count, eachMs.reduce((sum, ms) => sum + ms, 0) / 1000);
            if (count === counts.at(-1)) {
                found.latencies.push({ name: "ours, until on disk", eachMs });
            }
            await load.untilFinal(sent);
            const records = await load.records(count);
            final.set(count, await load.atOnce(records));
            sent += count;
            if (count !== counts.at(-1)) continue;
            const bytes = records.reduce((sum, record) => sum + record.length, 0);
            found.rows.push(row(`bytes of ${count} signed records of ours`, bytes, "bytes"));
        }
        const last = unixOfSlot(FIRST_SLOT + sent - 1, SLOT_SECONDS);
        const path = `/api/v1/streams/${toHex(meter.stream.stream)}/sums`;
        const query = `?window=slot&from=${last - SLOT_SECONDS}&to=${last}`;
        const readMs: number[] = [];
        for (let i = 0; i < (quick ? 20 : READS); i++) {
            const startMs = performance.now();
            const answer = await fetch(new URL(path + query, server.info.httpUrl));
            const { windows } = (await answer.json()) as { windows?: readonly unknown[] };
            readMs.push(performance.now() - startMs);
            if (!answer.ok || windows?.length !== 1) throw new Error("no value was read back");
        }
        found.rows.push(row("reading a value back through ours: p50", median(readMs), "ms"));
        found.rows.push(row("– p99", percentile(readMs, 0.99), "ms"));
    } finally {
        await load.close();
        await server.stop();
    }
}

/** The same through four validators, where that program is. */
async function validators(found: Found, counts: readonly number[], dataDir: string): Promise<void> {
    let binary: string;
    try {
        binary = requireCometBft();
    } catch (cause) {
        if (!(cause instanceof MetersealError) || cause.code !== "MS_NOT_FOUND") throw cause;
        found.facts.push(`NOT MEASURED: four CometBFT validators; ${cause.message}`);
        return;
    }
    const clock = new ReplayClock(NOW_MS);
    const plan = { binary, dataDir, validators: VALIDATORS, mode: STREAM_MODE.sealed, clock };
    const { signal } = new AbortController();
    const members = await startMembers(await openOrganisations(plan), clock, {
        ...{ binary, httpPort: 0, signal },
    });
    const [member] = members;
    const [meter] = makeMeters(1, 1);
    try {
        if (member === undefined || meter === undefined) throw new Error("no member");
        const load = await ServerLoad.open(member.server, meter, clock);
        const final = way(found, `ours, ${VALIDATORS} validators, at once until final`);
        await load.atOnce(await load.records(1));
        for (const count of counts) final.set(count, await load.atOnce(await load.records(count)));
        await load.close();
    } finally {
        await stopMembers(members);
    }
}

function row(what: string, value: number, unit: string): Row {
    return { what, ours: { value, unit }, against: null, ratio: null, target: null };
}

function resultOf(found: Found, counts: readonly number[]): SuiteResult {
    const { facts, rows, ways } = found;
    const times = ways.flatMap(({ name, seconds }) =>
        counts.map((count): Row => {
            const value = seconds.get(count) ?? Number.NaN;
            const p0 = P0.get(count);
            const isOneBatch = name.startsWith("one committed batch") && count === 500;
            return {
                what: `${count === 1 ? "1 reading" : `${count} readings`}: ${name}`,
                ours: { value, unit: "s" },
                against: p0 === undefined ? null : { value: p0, unit: "s", of: "P0" },
                ratio: p0 === undefined ? null : p0 / value,
                target: isOneBatch ? { on: "ours", atMost: 1 } : null,
            };
        }),
    );
    return {
        rows: [...times, ...rows],
        curves: curvesOf(found),
        facts: [
            "P0's figures come from another machine, client and chain: its shape is compared, not its speed. It does not say how its chain made blocks",
            `awaited writes cost a block each: ${formatNumber(BLOCK_TIME_S)} s here, so 500 take as many seconds; pipelined they share blocks`,
            "the chain is one node on the loopback without consensus; a write of it is signed here and its receipt asked for each millisecond; the anchor is the product's client, which reads chain, contract, head, balance and fees first",
            "ours: one meter over MQTT, records of one reading, signed beforehand; sealed, chained, verified and on the disk, which a plain write to the contract is not. A vertex that does not fill closes after 2 s: most of the time until final",
            "read back: eth_call of one register, and the API's sum of one slot; both over HTTP to a process on this machine",
            ...facts,
        ],
    };
}

/** P0's figures 3 and 4: time by the number of readings, and of each write in turn. */
function curvesOf({ latencies, ways }: Found): Curve[] {
    const times = ways.map(({ name, seconds }) => ({ name, points: rounded([...seconds]) }));
    return [
        {
            ...{ title: "Time to write so many readings", over: "readings", unit: "s" },
            lines: [{ name: "P0", points: [...P0] }, ...times],
        },
        {
            ...{ title: "Latency of each write, awaited", over: "writes so far", unit: "ms" },
            lines: latencies.flatMap(({ eachMs, name }) => [
                { name: `${name}, half of ${STRETCH}`, points: stretches(eachMs, 0.5) },
                { name: `${name}, 9 of 10`, points: stretches(eachMs, 0.9) },
            ]),
        },
    ];
}

/** A share of the latencies of each stretch of writes, at its end. */
function stretches(eachMs: readonly number[], share: number): [number, number][] {
    const ends = eachMs.map((_, i) => i + 1).filter((n) => n % STRETCH === 0);
    return rounded(ends.map((end) => [end, percentile(eachMs.slice(end - STRETCH, end), share)]));
}

function rounded(points: readonly (readonly [number, number])[]): [number, number][] {
    return points.map(([x, y]) => [x, Number(y.toPrecision(4))]);
}
