import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LIMITS, toHex, unwrap } from "@meterseal/core";
import {
    checkEvidence,
    decodeEvidence,
    type Evidence,
    type EvidenceExtent,
    type EvidenceReport,
    type TreeHead,
} from "@meterseal/ledger";
import { STREAM_MODE } from "@meterseal/record";
import { openDifference, ownerKeys, type TreeAddress } from "@meterseal/seal";
import {
    type KeyFile,
    openHousehold,
    parseKeyFile,
    type UsageLevel,
    usageOfSeries,
} from "@meterseal/wallet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEVICE_FILES } from "../src/device/device.ts";
import { PLACES } from "../src/files.ts";
import type { Server } from "../src/server/server.ts";
import { Turnstile } from "../src/server/turnstile.ts";
import { run } from "./command.ts";
import { FIXTURE_MS, useFixture, useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

type End = { unix: number; level: TreeAddress["level"]; index: number; record: { hash: string } };
type Window = {
    fromUnix: number;
    toUnix: number;
    slots: number;
    measured: number;
    quality: string;
    marks: string[];
    answered: { fromUnix: number; toUnix: number } | null;
    parts: { from: End; to: End; difference: string[] }[];
};
type Sums = { windows: Window[]; nextUnix: number | null; mode: string; groups: number[] };

const scratch = useScratch();
let server: Server;
let key: KeyFile;

beforeAll(async () => {
    const { finished, names } = await useFixture();
    const dataDir = join(scratch, "sums");
    cpSync(finished, dataDir, { recursive: true });
    key = unwrap(parseKeyFile(readFileSync(PLACES.keyFile(dataDir, names[0] ?? ""), "utf8")));
    server = await startQuietServer(dataDir);
}, FIXTURE_MS);
afterAll(() => server.close());

const path = (stream: string, query: string, route = "sums"): string =>
    `${server.httpUrl}/api/v1/streams/${stream}/${route}?${query}`;

async function sums(query: string): Promise<Sums> {
    const answer = await fetch(path(toHex(key.stream.streamId), query));
    expect(answer.status).toBe(200);
    return (await answer.json()) as Sums;
}

const refusal = async (
    stream: string,
    query: string,
    route = "sums",
): Promise<[number, string]> => {
    const answer = await fetch(path(stream, query, route));
    return [answer.status, ((await answer.json()) as { code: string }).code];
};

/** What the household reads off its own records, by the same route as ever. */
async function household(level: UsageLevel) {
    const address = `${server.httpUrl}/api/v1/meters/${toHex(key.meter)}/evidence`;
    const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer());
    const { records, series } = unwrap(openHousehold(unwrap(decodeEvidence(bytes)), key));
    return { usage: usageOfSeries(series, level), records, series };
}

function open({ parts }: Window): bigint {
    const keys = unwrap(ownerKeys(key.master ?? new Uint8Array(), key.stream));
    return parts
        .map(({ difference, from, to }) => {
            const values = BigUint64Array.from(difference, BigInt);
            return unwrap(openDifference(keys, 0, from, to, values))[0] as bigint;
        })
        .reduce((a, b) => a + b, 0n);
}

async function evidence(query: string): Promise<Evidence> {
    const answer = await fetch(path(toHex(key.stream.streamId), query, "evidence"));
    expect(answer.status).toBe(200);
    return unwrap(decodeEvidence(new Uint8Array(await answer.arrayBuffer())));
}

describe("evidence of a stretch", () => {
    const check = (bundle: Evidence, extent: EvidenceExtent, seen?: TreeHead) =>
        checkEvidence(bundle, {
            networkId: key.network,
            subject: key.meter,
            extent,
            ...(seen === undefined ? {} : { seen }),
        });
    const faults = ({ continuity, signatures }: EvidenceReport): string[] =>
        [...continuity.faults, ...signatures.faults].map(({ error }) => error.code);

    it("holds the records of a range and no others, without a gap", async () => {
        const range = "from=2013-01-03&to=2013-01-05";
        const report = check(await evidence(range), "stretch");
        expect(faults(report)).toEqual([]);
        const hashes = report.records.map(({ record }) => toHex(record.message.hash));
        const { windows } = await sums(`window=slot&${range}`);
        const named = windows.flatMap(({ parts }) =>
            parts.flatMap(({ from, to }) => [from.record.hash, to.record.hash]),
        );
        expect(new Set(hashes)).toEqual(new Set(named));
        const whole = check(await evidence("from=2013-01-01"), "whole");
        expect(faults(whole)).toEqual([]);
        expect(whole.records.length).toBeGreaterThan(hashes.length);
    });

    it("holds the ends of windows only, where that is asked", async () => {
        const bundle = await evidence("window=total&records=edges&from=2013-01-02&to=2013-01-07");
        expect(bundle.records).toHaveLength(2);
        expect(faults(check(bundle, "single"))).toEqual([]);
        expect(faults(check(bundle, "stretch"))).toEqual(["MS_CHAIN_MISMATCH"]);
    });

    it("shows the hole in which a boundary is absent", async () => {
        const report = check(await evidence("from=2013-01-07T12:00&to=2013-02-01"), "stretch");
        expect(faults(report)).toEqual([]);
        expect(report.records.length).toBeGreaterThan(0);
    });

    it("proves that the log grew, from any size that it had", async () => {
        const now = check(await evidence(""), "whole").checkpoint as TreeHead;
        for (let size = 1; size <= now.size; size++) {
            const bundle = await evidence(`since=${size}`);
            const path = bundle.growth?.path ?? [];
            expect(bundle.growth?.fromSize).toBe(size);
            expect(path.length > 0 || size === now.size).toBe(true);
        }
        expect(faults(check(await evidence(`since=${now.size}`), "whole", now))).toEqual([]);
        const own = toHex(key.stream.streamId);
        for (const [query, status, code] of [
            [`since=${now.size + 1}`, 404, "MS_NOT_FOUND"],
            ["since=0", 400, "MS_USAGE"],
            ["records=some", 400, "MS_USAGE"],
            ["grant=00", 400, "MS_USAGE"],
            ["window=slot&from=2013-01-01&to=2014-01-01", 413, "MS_TOO_LARGE"],
        ] as const) {
            expect(await refusal(own, query, "evidence"), query).toEqual([status, code]);
        }
    });
});

describe("sums over HTTP", () => {
    it.each(["slot", "hour", "day", "month"] as const)(
        "open with the owner's keys to the household's own usage, by the %s",
        async (level) => {
            const { records, usage } = await household(level);
            const { mode, windows, nextUnix } = await sums(`window=${level}`);
            expect([mode, nextUnix]).toEqual(["sealed", null]);
            expect(windows.map((each) => [each.fromUnix, each.toUnix, open(each)])).toEqual(
                usage.intervals.map(({ fromUnix, toUnix, importWh }) => [
                    fromUnix,
                    toUnix,
                    importWh ?? 0n,
                ]),
            );
            expect(windows.map(({ quality, marks }) => [quality, marks])).toEqual(
                usage.intervals.map(({ quality, marks }) => [quality, marks]),
            );
            const hashes = new Set(records.map(({ record }) => toHex(record.message.hash)));
            for (const { parts } of windows)
                for (const { from, to } of parts)
                    expect([from, to].every(({ record }) => hashes.has(record.hash))).toBe(true);
        },
    );

    it("take instants as seconds or as civil time, and cut the first and last window", async () => {
        const { windows } = await sums("window=day&from=2013-01-02T12:00&to=2013-01-04T06:00");
        expect(windows.map(({ fromUnix, toUnix }) => (toUnix - fromUnix) / 3600)).toEqual([
            12, 24, 6,
        ]);
        const { fromUnix } = windows[0] as Window;
        const { toUnix } = windows[2] as Window;
        expect((await sums(`window=day&from=${fromUnix}&to=${toUnix}`)).windows).toEqual(windows);
        const [total] = (await sums(`window=total&from=${fromUnix}&to=${toUnix}`)).windows;
        expect(open(total as Window)).toBe(windows.map(open).reduce((a, b) => a + b));
        expect(total?.measured).toBe(windows.reduce((sum, each) => sum + each.measured, 0));
    });

    it("say nothing where there is no data, and what stands in for an absent boundary", async () => {
        const { windows } = await sums("window=month&from=2013-01-01&to=2013-04-01");
        expect(windows.map(({ quality }) => quality).slice(1)).toEqual(["missing", "missing"]);
        expect(windows[2]).toMatchObject({ answered: null, parts: [], measured: 0 });
        const { series } = await household("slot");
        const last = series.at(-1)?.unix ?? 0;
        const near = await sums(`window=month&nearest=slot&from=2013-01-01&to=2013-02-01`);
        expect(near.windows[0]?.answered?.toUnix).toBe(last);
        const none = await sums(`window=month&nearest=none&from=2013-01-01&to=2013-02-01`);
        expect(none.windows[0]).toMatchObject({ answered: null, parts: [] });
    });

    it("come in pages that go on where the last one ended", async () => {
        const to = 1_357_000_200 + (LIMITS.sumWindows + 7) * 1800;
        const first = await sums(`window=slot&from=1357000200&to=${to}`);
        expect(first.windows).toHaveLength(LIMITS.sumWindows);
        const rest = await sums(`window=slot&from=${first.nextUnix}&to=${to}`);
        expect([rest.windows.length, rest.nextUnix]).toEqual([7, null]);
        expect(rest.windows[0]?.fromUnix).toBe(first.windows.at(-1)?.toUnix);
    });

    it("refuse what they cannot answer, each with its code", async () => {
        const own = toHex(key.stream.streamId);
        for (const [stream, query, status, code] of [
            ["0".repeat(32), "", 404, "MS_NOT_FOUND"],
            ["nonsense", "", 400, "MS_USAGE"],
            [own, "window=fortnight", 400, "MS_USAGE"],
            [own, "window=day&window=hour", 400, "MS_USAGE"],
            [own, "from=yesterday", 400, "MS_USAGE"],
            [own, "from=2013-01-03&to=2013-01-02", 400, "MS_USAGE"],
            [own, "from=1900-01-01", 400, "MS_USAGE"],
            [own, "groups=1,0", 400, "MS_USAGE"],
            [own, "groups=14", 400, "MS_USAGE"],
            [own, "groups=", 400, "MS_USAGE"],
            [own, "nearest=week", 400, "MS_USAGE"],
        ] as const) {
            expect(await refusal(stream, query), query).toEqual([status, code]);
        }
    });

    it("turn away more requests than may be under way at one time", async () => {
        const turnstile = new Turnstile(2);
        const { promise, resolve } = Promise.withResolvers<string>();
        const inside = [1, 2].map(() => turnstile.pass(() => promise));
        const turned = turnstile.pass(async () => "third");
        await expect(turned).rejects.toMatchObject({ code: "MS_BUSY" });
        resolve("done");
        expect(await Promise.all(inside)).toEqual(["done", "done"]);
        const failed = turnstile.pass(() => Promise.reject(new Error("of its own")));
        await expect(failed).rejects.toThrow("of its own");
        expect(await Promise.all([1, 2].map((n) => turnstile.pass(async () => n)))).toEqual([1, 2]);
    });
});

describe("sums of an open stream", () => {
    it(
        "are plain amounts in the same form",
        async () => {
            const [data, meter, file] = ["open", "open-meter", "open.csv"].map((name) =>
                join(scratch, name),
            ) as [string, string, string];
            const open = await startQuietServer(data, { mode: STREAM_MODE.open });
            try {
                const words = ["--zone", "UTC", "--slot-seconds", "1800", "--open"];
                expect((await run("meter", "init", "--dir", meter, ...words)).code).toBe(0);
                const request = join(meter, DEVICE_FILES.request);
                expect((await run("enrol", "--data", data, request)).code).toBe(0);
                const rows = Array.from({ length: 96 }, (_, i) => {
                    const time = new Date(Date.UTC(2024, 6, 1) + i * 1_800_000).toISOString();
                    return `${time},${i < 48 ? "0.25" : "0.5"}`;
                });
                writeFileSync(file, `timestamp,import_kwh\n${rows.join("\n")}\n`);
                const sent = await run(
                    "meter",
                    "run",
                    "--dir",
                    meter,
                    "--csv",
                    file,
                    "--to",
                    open.mqttUrl,
                );
                expect(sent.code).toBe(0);
                const { stream } = JSON.parse(
                    readFileSync(join(meter, DEVICE_FILES.keyFile), "utf8"),
                );
                const answer = await fetch(
                    `${open.httpUrl}/api/v1/streams/${stream}/sums?window=day`,
                );
                const { mode, windows } = (await answer.json()) as Sums;
                expect(mode).toBe("open");
                expect(windows.map(({ parts }) => parts[0]?.difference)).toEqual([
                    ["12000"],
                    ["24000"],
                ]);
                expect(windows.map(({ measured, quality }) => [measured, quality])).toEqual([
                    [48, "measured"],
                    [48, "measured"],
                ]);
            } finally {
                await open.close();
            }
        },
        FIXTURE_MS,
    );
});
