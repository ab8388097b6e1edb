import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unwrap } from "@meterseal/core";
import { METER_FILE } from "@meterseal/stores/sqlite";
import { parseBill } from "@meterseal/tariff";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEVICE_FILES } from "../src/device/device.ts";
import type { Server } from "../src/server/server.ts";
import { type Outcome, run } from "./command.ts";
import { useScratch } from "./fixture.ts";
import { must } from "./provider-bed.ts";
import { startQuietServer } from "./quiet-server.ts";

const TEST_MS = 60_000;
const scratch = useScratch();
const dataDir = join(scratch, "utility");
const place = (name: string): string => join(scratch, name);
const REASON = "transformer ratio 21 instead of 20";
const ABOUT = ["--from", "2024-07-01", "--until", "2024-07-02", "--reason", REASON];
let server: Server;

beforeAll(async () => {
    server = await startQuietServer(dataDir);
    const { code, stderr } = await meterWithDay("home", "import,adjustments", "--commitments");
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("MS_")]);
}, TEST_MS);
afterAll(() => server.close());

/** Sends days of July 2024, from the one on which the meter began: half-hours of 0.25 kWh. */
function day(directory: string, of: number, from = 1): Promise<Outcome> {
    const rows = Array.from({ length: 48 * (of - from + 1) }, (_, i) => {
        const start = Date.UTC(2024, 6, from) + i * 1_800_000;
        return `${new Date(start).toISOString()},0.25`;
    });
    const path = place(`day-${of}.csv`);
    writeFileSync(path, `timestamp,import_kwh\n${rows.join("\n")}\n`);
    const words = ["--dir", directory, "--csv", path, "--to", server.mqttUrl, "--json"];
    return run("meter", "run", ...words);
}

/** A meter that is enrolled and has sent the first of July. */
async function meterWithDay(name: string, groups: string, ...more: string[]): Promise<Outcome> {
    const directory = place(name);
    const words = ["--zone", "UTC", "--slot-seconds", "1800", "--groups", groups, ...more];
    await must(run("meter", "init", "--dir", directory, ...words, "--json"));
    await enrol(directory, DEVICE_FILES.request);
    return await day(directory, 1);
}

const enrol = (directory: string, request: string): Promise<Outcome> =>
    must(run("enrol", "--data", dataDir, join(directory, request), "--json"));

const correct = (directory: string, ...words: string[]): Promise<Outcome> =>
    run("meter", "correct", "--dir", directory, "--to", server.mqttUrl, ...words);

const keyOf = (directory: string): string => join(directory, DEVICE_FILES.keyFile);

/** What the household reads, from the server and from the directory's files alike. */
async function usage(directory: string, ...words: string[]): Promise<Record<string, unknown>> {
    const more = ["usage", "--key", keyOf(directory), ...words, "--json"];
    const { stdout } = await must(run(...more, "--url", server.httpUrl));
    const files = await must(run(...more, "--data", dataDir));
    expect(files.stdout).toBe(stdout);
    return JSON.parse(stdout);
}

describe("a correction", () => {
    const home = place("home");

    it(
        "is entered, counts from the next reading on, and is shown beside what was measured",
        async () => {
            const made = await must(correct(home, "--minus", "1.25", ...ABOUT, "--json"));
            expect(JSON.parse(made.stdout)).toMatchObject({
                ...{ plusWh: 0, minusWh: 1250, final: true, reason: REASON },
                from: "2024-07-01T00:00:00+00:00",
            });
            expect(await usage(home)).toMatchObject({
                ...{ totalImportWh: 12_000, totalCorrectionWh: 0, correctedImportWh: 12_000 },
                corrections: [{ minusWh: 1250, counts: null }],
            });
            await must(day(home, 2));
            expect(await usage(home)).toMatchObject({
                ...{ totalImportWh: 24_000, totalCorrectionWh: -1250, correctedImportWh: 22_750 },
                intervals: [{ correctionWh: 0 }, { correctionWh: -1250 }],
                corrections: [
                    { minusWh: 1250, reason: REASON, counts: "2024-07-02T00:30:00+00:00" },
                ],
            });
            const words = ["usage", "--key", keyOf(home), "--url", server.httpUrl];
            const { stdout } = await must(run(...words));
            expect(stdout).toContain("(correction -1.250 kWh)");
            expect(stdout).toContain("corrected -1.250 kWh: import 22.750 kWh");
            expect(stdout).toContain(`-1.250 kWh for 2024-07-01`);
            expect(stdout).toContain(REASON);
        },
        TEST_MS,
    );

    it(
        "is entered once, however often the same is asked for",
        async () => {
            const again = await must(correct(home, "--minus", "1.25", ...ABOUT));
            expect(again.stderr).toContain("It was entered before; nothing is added to it.");
            expect(again.stderr).toMatch(/Entered and final: -1\.250 kWh .*, record 2\./);
            expect(await usage(home)).toMatchObject({ corrections: [{ minusWh: 1250 }] });
        },
        TEST_MS,
    );

    it(
        "is a column of the export, which meters read back without it",
        async () => {
            const words = ["export", "--key", keyOf(home), "--data", dataDir, "--level", "day"];
            const { stdout } = await must(run(...words));
            expect(stdout.split(/\r?\n/)).toEqual([
                "timestamp,import_kwh,quality,correction_kwh",
                "2024-07-01T00:00:00+00:00,12.000,measured,0.000",
                "2024-07-02T00:00:00+00:00,12.000,measured,-1.250",
                "",
            ]);
        },
        TEST_MS,
    );

    it(
        "is covered by verify, with the household's key and its commitments",
        async () => {
            const words = ["verify", "--data", dataDir, "--key", keyOf(home), "--commitments"];
            const { code, stderr, stdout } = await run(...words);
            expect([code, stderr]).toEqual([0, expect.not.stringContaining("MS_")]);
            expect(stdout).not.toContain("FAULT");
        },
        TEST_MS,
    );

    it(
        "counts in a bill that proves itself, at the price of the slot in which it counts",
        async () => {
            const provider = place("provider");
            await must(run("provider", "init", "--name", "Energy", "--out", provider));
            await enrol(provider, "party-request.json");
            const tariff = {
                ...{ name: "flat", currency: "EUR", zone: "UTC", from: "2024-01-01" },
                import: { price: 0.3 },
            };
            writeFileSync(place("flat.yaml"), JSON.stringify(tariff));
            const url = ["--url", server.httpUrl];
            const published = await must(
                run(
                    "tariff",
                    "publish",
                    place("flat.yaml"),
                    "--provider",
                    provider,
                    ...url,
                    "--json",
                ),
            );
            const { hash } = JSON.parse(published.stdout) as { hash: string };
            const days = ["--from", "2024-07-01", "--to", "2024-07-03"];
            const words = ["--key", keyOf(home), "--tariff", hash, "--out", place("bill.json")];
            await must(run("bill", "prove", ...words, ...url, ...days, "--json"));
            const bill = unwrap(parseBill(readFileSync(place("bill.json"), "utf8")));
            // The first reading of all is the boundary at 00:00, so two days are whole.
            expect(bill.amount).toBe((24_000n - 1_250n) * 300_000n);
            const checked = await must(run("bill", "check", place("bill.json"), ...url));
            expect(checked.stdout).toContain("6.825 EUR");
            const other = JSON.stringify({
                ...JSON.parse(readFileSync(place("bill.json"), "utf8")),
                amount: String(24_000n * 300_000n),
            });
            writeFileSync(place("uncorrected.json"), other);
            const refused = await run("bill", "check", place("uncorrected.json"), ...url);
            expect(refused.stderr).toMatch(/^MS_BILL: /);
        },
        TEST_MS,
    );

    it(
        "is granted like any other register, without the reason",
        async () => {
            const wallet = place("wallet");
            await must(run("wallet", "init", "--key", keyOf(home), "--out", wallet));
            await enrol(wallet, "party-request.json");
            copyFileSync(keyOf(home), join(wallet, "key.json"));
            const range = ["--from", "2024-07-01", "--to-date", "2024-07-03"];
            const words = ["--home", wallet, "--to", "Energy", "--level", "day", ...range];
            const url = ["--url", server.httpUrl];
            const made = await must(
                run("grant", "create", ...words, "--groups", "0,15", ...url, "--json"),
            );
            const [{ grant } = { grant: "" }] = JSON.parse(made.stdout).grants as {
                grant: string;
            }[];
            const sums = ["provider", "sums", "--dir", place("provider"), "--grant", grant, ...url];
            const read = await must(run(...sums, "--json"));
            expect(JSON.parse(read.stdout)).toMatchObject({
                windows: [
                    { adjustmentsWh: [0, 0] },
                    { importWh: 12_000, adjustmentsWh: [0, 1250] },
                ],
                totalImportWh: 24_000,
                totalAdjustmentsWh: [0, 1250],
            });
            const shown = await must(run(...sums));
            expect(shown.stdout).toContain("+0.000 -1.250 kWh corrected");
            expect(shown.stdout + read.stdout).not.toContain("ratio");
        },
        TEST_MS,
    );

    it(
        "goes on over an exchange and over a meter that lost its memory",
        async () => {
            await must(correct(home, "--plus", "0.5", ...ABOUT, "--json"));
            const next = place("next");
            const change = ["--dir", home, "--new", next, "--at", "2024-07-03T00:00Z", "--json"];
            await must(run("meter", "exchange", ...change, "--to", server.mqttUrl));
            await enrol(next, DEVICE_FILES.request);
            await must(day(next, 3, 3));
            await must(correct(next, "--minus", "0.1", ...ABOUT, "--json"));
            await must(day(next, 4, 3));
            const wanted = { totalImportWh: 48_000, totalCorrectionWh: -850 };
            expect(await usage(next)).toMatchObject(wanted);

            const last = place("last");
            const recover = ["--dir", next, "--new", last, "--at", "2024-07-05T00:00Z"];
            await must(run("meter", "recover", ...recover, "--final-import", "24", "--json"));
            await enrol(last, DEVICE_FILES.request);
            await must(day(last, 5, 5));
            expect(await usage(last)).toMatchObject({
                totalImportWh: 60_000,
                totalCorrectionWh: -850,
            });
            const verified = await run("verify", "--data", dataDir, "--key", keyOf(home));
            expect(verified.stdout).not.toContain("FAULT");

            rmSync(join(last, METER_FILE));
            const again = ["--dir", last, "--new", place("again"), "--final-import", "36"];
            const unknown = await run("meter", "recover", ...again);
            expect(unknown.stderr).toMatch(/^MS_USAGE: .*--final-plus KWH and --final-minus KWH/);
            const half = await run("meter", "recover", ...again, "--final-plus", "0");
            expect(half.stderr).toMatch(/^MS_USAGE: .*Got --final-plus\./);
            const whole = ["--final-plus", "0", "--final-minus", "0", "--json"];
            await must(run("meter", "recover", ...again, ...whole));
            const opening = readFileSync(join(place("again"), DEVICE_FILES.opening), "utf8");
            expect(JSON.parse(opening)).toMatchObject({
                registers: ["36000"],
                stated: ["36000", "0", "0"],
            });
        },
        TEST_MS,
    );
});

describe("a correction is refused", () => {
    it.each<[string, string[], RegExp, number]>([
        ["without a reason", ["--minus", "1", ...ABOUT.slice(0, 4)], /^MS_USAGE: .*--reason/, 2],
        [
            "with a blank one",
            ["--minus", "1", ...ABOUT.slice(0, 5), "  "],
            /^MS_USAGE: .*--reason in one line/,
            2,
        ],
        ["without an amount", ABOUT, /^MS_USAGE: .*--plus KWH or --minus KWH/, 2],
        ["of nothing", ["--plus", "0", ...ABOUT], /^MS_USAGE: .*above zero/, 2],
        ["both ways", ["--plus", "1", "--minus", "1", ...ABOUT], /^MS_USAGE: /, 2],
        ["of a part of a watt-hour", ["--plus", "0.0001", ...ABOUT], /^MS_USAGE: .*3 decimals/, 2],
        [
            "about an interval that ends before it begins",
            ["--plus", "1", "--from", "2024-07-02", "--until", "2024-07-01", "--reason", "x"],
            /^MS_USAGE: .*--from before --until/,
            2,
        ],
        [
            "about the future",
            ["--plus", "1", "--from", "2024-07-02", "--until", "2099-01-01", "--reason", "x"],
            /^MS_CLOCK: /,
            1,
        ],
        [
            "beyond what a register may grow by",
            ["--plus", "1048.576", ...ABOUT],
            /^MS_REGISTER_CAP: /,
            1,
        ],
    ])("%s", async (_, words, said, code) => {
        const directory = place("refusing");
        if (_ === "without a reason") await must(meterWithDay("refusing", "import,adjustments"));
        const got = await correct(directory, ...words);
        expect(got.stderr.split("\n").find((line) => line.startsWith("MS_"))).toMatch(said);
        expect([got.code, got.stdout]).toEqual([code, ""]);
    });

    it("by a meter without adjustments", async () => {
        await must(meterWithDay("plain", "import"));
        const got = await correct(place("plain"), "--plus", "1", ...ABOUT);
        expect(got.stderr).toMatch(/MS_STREAM_RULE: .*group 15/);
    });
});
