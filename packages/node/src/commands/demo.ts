import { resolve } from "node:path";
import { MetersealError, unwrap } from "@meterseal/core";
import { type Command, integerOption, type Options, textOption } from "../cli/arguments.ts";
import { consoleLog, out, Progress, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { CALIFORNIA_HOMES_MAX } from "../fleet/california.ts";
import { DEFAULT_SPEED, LIVE_RECORD_SECONDS, SPEED_MAX } from "../fleet/live.ts";
import { LONDON_HOMES_MAX } from "../fleet/london.ts";
import { Neighbourhood, type NeighbourhoodOptions, REPLAY_LABEL } from "../fleet/neighbourhood.ts";
import { shutdownSignal, untilAborted } from "../shutdown.ts";
import { formatReport } from "../verify/report.ts";
import { loadKeyFiles, verifyDirectory } from "../verify/verify.ts";

const DEFAULT_DATA = ".meterseal/demo";
const RECORD_HOURS = LIVE_RECORD_SECONDS / 3_600;

/** `meterseal demo`: the main job on real data, behind `npm start`. */
export const demoCommand: Command = {
    name: "demo",
    summary: `runs a neighbourhood of simulated meters on real data (${REPLAY_LABEL})`,
    options: {
        meters: {
            kind: "value",
            value: "N",
            help: `homes to replay, 1 … ${LONDON_HOMES_MAX} (20)`,
        },
        california: {
            kind: "value",
            value: "N",
            help: `homes of a second street, with sun and export, 0 … ${CALIFORNIA_HOMES_MAX} (3; with --meters 0)`,
        },
        household: {
            kind: "value",
            value: "FILE",
            help: "a home of your own: timestamp,import_kwh[,export_kwh], moved to 2013 by whole weeks",
        },
        zone: {
            kind: "value",
            value: "ZONE",
            help: "time zone of that home's days (this machine's)",
        },
        days: {
            kind: "value",
            value: "N",
            help: "days from 1 January to replay as fast as possible, 1 … 365 (31)",
        },
        speed: {
            kind: "value",
            value: "N",
            help: `then seconds of 2013 in a second, 0 stands still … ${SPEED_MAX} (${DEFAULT_SPEED}); a meter closes a record every ${RECORD_HOURS} hours of 2013`,
        },
        data: { kind: "value", value: "DIR", help: `data directory (${DEFAULT_DATA})` },
        port: { kind: "value", value: "PORT", help: "HTTP port, 0 for any free one (8480)" },
        open: { kind: "flag", help: "open (plaintext) streams, checked by the ledger" },
        once: { kind: "flag", help: "replays the days, verifies everything and ends" },
        json: { kind: "flag", help: "prints the result as one line of JSON at the end" },
    },
    examples: [
        "npm start",
        "npm start -- --once --json",
        "npm start -- --speed 3600",
        "npm start -- --household readings.csv --zone Europe/Berlin --data .meterseal/mine",
        "npm start -- --meters 98 --days 365 --data .meterseal/year",
    ],
    async run(options) {
        const signal = shutdownSignal();
        const dataDir = resolve(textOption(options, "data") ?? DEFAULT_DATA);
        const plan = {
            dataDir,
            days: integerOption(options, "days", { min: 1, max: 365, byDefault: 31 }),
            speed: speedOf(options),
            meters: integerOption(options, "meters", {
                min: 1,
                max: LONDON_HOMES_MAX,
                byDefault: 20,
            }),
            california: integerOption(options, "california", {
                min: 0,
                max: CALIFORNIA_HOMES_MAX,
                byDefault: options.meters === undefined ? 3 : 0,
            }),
            own: ownHome(options),
            httpPort: integerOption(options, "port", { min: 0, max: 65_535, byDefault: 8480 }),
            open: options.open === true,
            log: consoleLog("meter"),
            signal,
        };
        try {
            const run = options.once === true ? runOnce : runUntilStopped;
            return await run(plan, options.json === true);
        } catch (cause) {
            if (signal.aborted) return EXIT.ok; // what it interrupted is no failure
            throw cause;
        }
    },
};

function ownHome(options: Options): NeighbourhoodOptions["own"] {
    const path = textOption(options, "household");
    if (path === undefined) return null;
    const zone = textOption(options, "zone") ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
    return { path, zone };
}

/** Time does not go on after the days of `--once`. */
function speedOf(options: Options): number {
    const bounds = { min: 0, max: SPEED_MAX, byDefault: DEFAULT_SPEED };
    const speed = integerOption(options, "speed", bounds);
    return options.once === true ? 0 : speed;
}

async function runOnce(plan: NeighbourhoodOptions, json: boolean): Promise<number> {
    const neighbourhood = await Neighbourhood.start(plan);
    const seconds = await runReplay(neighbourhood, plan).finally(() => neighbourhood.stop());
    if (plan.signal.aborted) return EXIT.ok;
    return await report(neighbourhood, { ...plan, seconds, json });
}

async function runUntilStopped(plan: NeighbourhoodOptions): Promise<number> {
    const neighbourhood = await Neighbourhood.start(plan);
    try {
        const made = Promise.all([runReplay(neighbourhood, plan), neighbourhood.formCohorts()]);
        await Promise.race([made, untilAborted(plan.signal)]);
        if (plan.signal.aborted) return EXIT.ok;
        say(welcome(neighbourhood, plan));
        if (plan.speed > 0) await runLive(neighbourhood);
        await Promise.race([untilAborted(plan.signal), neighbourhood.server.ended]);
        if (plan.signal.aborted) return EXIT.ok;
        say("The server ended by itself; its last message is above.");
        return EXIT.environment;
    } finally {
        await neighbourhood.stop();
    }
}

/** Lets time go on to the end of the data; a server that ended is told by the caller. */
async function runLive(neighbourhood: Neighbourhood): Promise<void> {
    try {
        await neighbourhood.live();
        if (neighbourhood.ended) say(END);
    } catch (cause) {
        if (!(cause instanceof MetersealError && cause.code === "MS_LINK")) throw cause;
        await neighbourhood.server.ended;
    }
}

/** Replays with a progress bar; returns the seconds it took. */
async function runReplay(
    neighbourhood: Neighbourhood,
    { signal }: NeighbourhoodOptions,
): Promise<number> {
    const meters = neighbourhood.households.length;
    const bar = new Progress();
    const rate = (count: number): string => Math.round(count / bar.seconds).toLocaleString("en");
    const describe = (readings: number, records: number): string =>
        `${meters} meters, ${rate(readings)} readings/s, ${rate(records)} records/s`;
    let last = { readings: 0, records: 0 };
    await neighbourhood.replay((progress) => {
        last = progress;
        bar.show(progress.done * 0.99, describe(progress.readings, progress.records));
    });
    if (!signal.aborted) bar.finish(`${describe(last.readings, last.records)}, all final`);
    return bar.seconds;
}

/** A path as a shell takes it. */
function shellWord(path: string): string {
    return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

const END = `
The replay has reached the end of its data: the end of 2013. Time stands still; every record is final.
The portal stays. Ctrl-C stops.`;

/** How time goes on, for the person at the terminal. */
function pace({ ended }: Neighbourhood, speed: number): string {
    if (ended) return "The replay is at the end of its data.";
    if (speed === 0) return "Time stands still (--speed 0).";
    const seconds = (replaySeconds: number): string =>
        `${Number((replaySeconds / speed).toPrecision(2))} s`;
    return `Time goes on, ${speed.toLocaleString("en")} times as fast as it was (--speed): half an hour of 2013 takes ${seconds(1_800)}.
Each meter closes a record every ${RECORD_HOURS} hours of 2013 (${seconds(LIVE_RECORD_SECONDS)}), in turn with the others.`;
}

function welcome(neighbourhood: Neighbourhood, { dataDir, speed }: NeighbourhoodOptions): string {
    const { households, server } = neighbourhood;
    const data = shellWord(dataDir);
    const first = households[0];
    const lines = households.map(
        ({ keyFile, name, subjectHex }) =>
            `  ${name}  meter ${subjectHex.slice(0, 8)}…  ${keyFile}`,
    );
    return `
portal: ${server.info.httpUrl}   (${REPLAY_LABEL})

Homes and their key files (drop one on the portal's household page):
${lines.join("\n")}

Data: ${dataDir}

${pace(neighbourhood, speed)}

Try next, in another terminal:
  npx meterseal usage --level day --data ${data} --key ${shellWord(first?.keyFile ?? "FILE")}
  npx meterseal verify --data ${data}
  npx meterseal demo tamper

Ctrl-C stops. Start again to go on exactly where it stopped.`;
}

async function report(
    { households }: Neighbourhood,
    run: { dataDir: string; days: number; seconds: number; json: boolean },
): Promise<number> {
    const keys = loadKeyFiles(households.map((household) => household.keyFile));
    const bar = new Progress();
    const result = await verifyDirectory(run.dataDir, unwrap(keys), (done, text) =>
        bar.show(done, text),
    );
    bar.finish(`verified in ${bar.seconds.toFixed(1)} s`);
    say(formatReport(result));
    if (run.json) {
        const { checkpoint, counts } = result;
        out(
            JSON.stringify({
                meters: households.length,
                days: run.days,
                readings: counts.readings,
                records: counts.records,
                vertices: counts.vertices,
                checkpoint,
                verified: result.faults.length === 0,
                seconds: Number(run.seconds.toFixed(3)),
                readingsPerSecond: Math.round(counts.readings / run.seconds),
                households: households.map(({ keyFile, meterDir, name, subjectHex, zone }) => ({
                    meter: subjectHex,
                    source: name,
                    zone,
                    keyFile,
                    dataDir: meterDir,
                })),
            }),
        );
    }
    return result.faults.length === 0 ? EXIT.ok : EXIT.fault;
}
