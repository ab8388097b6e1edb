import { setTimeout as sleep } from "node:timers/promises";
import { concatBytes, MetersealError, toHex } from "@meterseal/core";
import { createLinkToken } from "@meterseal/meter";
import { STREAM_MODE } from "@meterseal/record";
import { ReplayClock } from "../../packages/node/src/clocks.ts";
import { TENANT } from "../../packages/node/src/config/links.ts";
import { requireCometBft } from "../../packages/node/src/localnet/find-cometbft.ts";
import { type Member, viewOf } from "../../packages/node/src/localnet/member.ts";
import { startMembers, stopMembers } from "../../packages/node/src/localnet/members.ts";
import { openOrganisations } from "../../packages/node/src/localnet/organisations.ts";
import { familyCpu } from "../lib/family-cpu.ts";
import { LightLink } from "../lib/light-link.ts";
import { median, percentile } from "../lib/measure.ts";
import { type BenchMeter, ChainWriter, makeMeters } from "../lib/meters.ts";
import { formatNumber, type Suite, type SuiteResult } from "../lib/report.ts";
import { inTempDirectory } from "../lib/temp.ts";

const VALIDATORS = 4;
const METERS = 16;
const READINGS_PER_RECORD = 96;
const RECORDS_PER_MESSAGE = 20;
const MESSAGES = 40;
const ROUNDS = 3;
/** Records one by one, and the pause between them: time to finality without a queue. */
const SINGLE_RECORDS = 24;
const SINGLE_PAUSE_MS = 250;
const LOOK_EACH_MS = 10;
/** 2020-01-01: after every record of the run. */
const NOW_MS = 1_577_836_800_000;
/** Longest wait for what was sent. */
const FINAL_WITHIN_MS = 60_000;

/** Several organisations: from the meter's MQTT message until every validator has signed. */
export const cometSuite: Suite = {
    name: "cometbft",
    title: `final through ${VALIDATORS} CometBFT validators, each with server and collector, ${READINGS_PER_RECORD}-reading records`,
    async run({ quick }) {
        try {
            const binary = requireCometBft();
            return await inTempDirectory((directory) => measure(binary, directory, quick));
        } catch (cause) {
            if (!(cause instanceof MetersealError) || cause.code !== "MS_NOT_FOUND") throw cause;
            return { rows: [], facts: [`NOT MEASURED: ${cause.message}`] };
        }
    },
};

async function measure(binary: string, dataDir: string, quick: boolean): Promise<SuiteResult> {
    const clock = new ReplayClock(NOW_MS);
    const plan = { binary, dataDir, validators: VALIDATORS, mode: STREAM_MODE.sealed, clock };
    const organisations = await openOrganisations(plan);
    const { signal } = new AbortController();
    const members = await startMembers(organisations, clock, { binary, httpPort: 0, signal });
    const senders = await connect(members, makeMeters(quick ? VALIDATORS : METERS, 1), clock);
    try {
        const url = members[0]?.server.info.httpUrl ?? "";
        const rounds: Burst[] = [];
        for (let i = 0; i < (quick ? 1 : ROUNDS); i++) {
            const messages = await Promise.all(
                senders.map(({ writer }) => sign(writer, quick ? 1 : MESSAGES)),
            );
            rounds.push(await burst(url, senders, messages));
        }
        const single = await oneByOne(url, senders, quick ? 4 : SINGLE_RECORDS);
        return resultOf(rounds, single, senders.length);
    } finally {
        await Promise.all(senders.map(({ link }) => link.close()));
        await stopMembers(members);
    }
}

type Sender = { readonly writer: ChainWriter; readonly link: LightLink };

/** Admits each meter at the operator's server, and connects it to the collector that is its own. */
async function connect(
    members: readonly Member[],
    meters: readonly BenchMeter[],
    clock: ReplayClock,
): Promise<Sender[]> {
    const writers: ChainWriter[] = [];
    const [operator] = members;
    if (operator === undefined) throw new Error("no member");
    for (const [i, meter] of meters.entries()) {
        const { signer } = new ChainWriter(meter, i, new Uint8Array(32));
        const { stream, subject } = meter;
        const request = { subject, key: signer.publicKey, streams: [stream] };
        writers.push(new ChainWriter(meter, i, await operator.server.enrol(request)));
    }
    const { size } = await viewOf(operator.server.info.httpUrl);
    for (const { server } of members) {
        while ((await viewOf(server.info.httpUrl)).size < size) await sleep(LOOK_EACH_MS);
    }
    return await Promise.all(
        writers.map(async (writer, i) => {
            const { info } = (members[i % members.length] as Member).server;
            const { subject } = writer.meter;
            const token = await createLinkToken(writer.signer, info.networkId, subject, clock);
            return {
                writer,
                link: await LightLink.open(info.mqttUrl, toHex(subject), token, TENANT),
            };
        }),
    );
}

async function sign(writer: ChainWriter, count: number): Promise<Uint8Array[]> {
    const messages: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
        const records: Uint8Array[] = [];
        for (let n = 0; n < RECORDS_PER_MESSAGE; n++) {
            records.push(await writer.next(READINGS_PER_RECORD));
        }
        messages.push(concatBytes(...records));
    }
    return messages;
}

/** When records became final, in the order in which they did, seconds of the process. */
type Burst = {
    readonly recordsPerS: number;
    readonly latenciesMs: readonly number[];
    /** CPU a record of servers and of nodes, microseconds; null where the system does not say. */
    readonly cpuUs: { readonly servers: number; readonly nodes: number } | null;
};

/** Sends all at once: how many become final in a second while the network is busy. */
async function burst(
    url: string,
    senders: readonly Sender[],
    messages: readonly (readonly Uint8Array[])[],
): Promise<Burst> {
    const before = (await viewOf(url)).records;
    const sentMs: number[] = [];
    const cpuBefore = familyCpu();
    const startMs = performance.now();
    const sending = senders.map(async ({ link }, i) => {
        for (const message of messages[i] ?? []) {
            for (let n = 0; n < RECORDS_PER_MESSAGE; n++) sentMs.push(performance.now());
            await link.send(message);
        }
    });
    const count = messages.flat().length * RECORDS_PER_MESSAGE;
    const [finalMs] = await Promise.all([watch(url, before, count), ...sending]);
    const cpuAfter = familyCpu();
    sentMs.sort((a, b) => a - b);
    const wallS = ((finalMs.at(-1) ?? startMs) - startMs) / 1000;
    return {
        recordsPerS: count / wallS,
        latenciesMs: finalMs.map((atMs, i) => atMs - (sentMs[i] ?? startMs)),
        cpuUs: cpuBefore && cpuAfter && cpuUs(cpuBefore, cpuAfter, count),
    };
}

/** Sends one record after the other, slowly: how long one waits where nobody is before it. */
async function oneByOne(url: string, senders: readonly Sender[], count: number): Promise<number[]> {
    const before = (await viewOf(url)).records;
    const watching = watch(url, before, count);
    const sentMs: number[] = [];
    for (let i = 0; i < count; i++) {
        const { link, writer } = senders[i % senders.length] as Sender;
        const record = await writer.next(READINGS_PER_RECORD);
        sentMs.push(performance.now());
        await link.send(record);
        await sleep(SINGLE_PAUSE_MS);
    }
    const finalMs = await watching;
    return finalMs.map((atMs, i) => atMs - (sentMs[i] ?? atMs));
}

/** Moments at which the first server called one more record final, for so many records. */
async function watch(url: string, before: number, count: number): Promise<number[]> {
    const finalMs: number[] = [];
    const endMs = performance.now() + FINAL_WITHIN_MS;
    while (finalMs.length < count) {
        if (performance.now() > endMs) {
            throw new Error(`${count - finalMs.length} of ${count} records are not final`);
        }
        const { records } = await viewOf(url);
        const nowMs = performance.now();
        while (finalMs.length < Math.min(count, records - before)) finalMs.push(nowMs);
        await sleep(LOOK_EACH_MS);
    }
    return finalMs;
}

function cpuUs(
    before: ReadonlyMap<string, number>,
    after: ReadonlyMap<string, number>,
    records: number,
): Burst["cpuUs"] {
    const us = { servers: 0, nodes: 0 };
    for (const [name, seconds] of after) {
        const spent = ((seconds - (before.get(name) ?? 0)) * 1e6) / records;
        us[name === "cometbft" ? "nodes" : "servers"] += spent;
    }
    return us;
}

function resultOf(
    rounds: readonly Burst[],
    single: readonly number[],
    meters: number,
): SuiteResult {
    const rate = median(rounds.map(({ recordsPerS }) => recordsPerS));
    const costs = rounds.flatMap(({ cpuUs: us }) => (us === null ? [] : [us]));
    const servers = median(costs.map((us) => us.servers));
    const nodes = median(costs.map((us) => us.nodes));
    const busy = rounds.flatMap(({ latenciesMs }) => latenciesMs);
    const row = (what: string, value: number, unit: string, atLeast?: number) => ({
        what,
        ours: { value, unit },
        against: null,
        ratio: null,
        target: atLeast === undefined ? null : ({ on: "ours", atLeast } as const),
    });
    return {
        rows: [
            row("final, all at once", rate, "records/s", 500),
            row("the same", rate * READINGS_PER_RECORD, "readings/s", 48_000),
            row("the same, CPU of the servers", servers, "µs a record"),
            row("the same, CPU of the nodes", nodes, "µs a record"),
            row("to finality, all at once: p50", percentile(busy, 0.5), "ms"),
            row("to finality, all at once: p99", percentile(busy, 0.99), "ms"),
            row("to finality, one by one: p50", percentile(single, 0.5), "ms"),
            row("to finality, one by one: p99", percentile(single, 0.99), "ms"),
        ],
        facts: [
            `${meters} meters at ${VALIDATORS} collectors; all servers, nodes and the load run on this machine, which checks each signature ${VALIDATORS} times`,
            `rounds ${rounds.map(({ recordsPerS }) => formatNumber(recordsPerS)).join(", ")} records/s; final as the first organisation's API says, looked at each ${LOOK_EACH_MS} ms, in the order of sending`,
            "a vertex that does not fill closes after 2 s: most of the time of a single record",
        ],
    };
}
