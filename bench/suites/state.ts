import { bytesEqual } from "@meterseal/core";
import type { MadeLedger, StateCalls } from "../children/state-run.ts";
import { Child } from "../lib/child.ts";
import type { Row, Suite } from "../lib/report.ts";
import { inTempDirectory } from "../lib/temp.ts";

const METERS = 50_000;
const METERS_QUICK = 2_000;
/** Meters that a block adds: two vertices, and 400 enrolments. */
const BLOCK_METERS = 400;
const MB = 1_000_000;
const HEAP = ["--expose-gc", "--max-old-space-size=2048"];

/** How many meters: STATE_METERS in the environment, for the run with a million. */
function metersOf(quick: boolean): number {
    const asked = Number(process.env.STATE_METERS ?? Number.NaN);
    if (Number.isSafeInteger(asked) && asked > 0) return asked;
    return quick ? METERS_QUICK : METERS;
}

/** Starts a server in a process of its own, and stops it. */
async function serve(profileDir: string | null, made: MadeLedger) {
    const child = new Child<StateCalls>("state-run.ts", profileDir, HEAP);
    const { rssBytes, startCpuS, startMs } = await child.ask("serve", made);
    await child.stop();
    return { rssBytes, startCpuS, startMs };
}

/** The state of a ledger with many meters: memory, the root after a block, a start from an image. */
export const stateSuite: Suite = {
    name: "state",
    title: "a ledger of many meters, each enrolled, with one stream and a record of 96 readings",
    run: ({ profileDir, quick }) =>
        inTempDirectory(async (dir) => {
            const meters = metersOf(quick);
            const maker = new Child<StateCalls>("state-run.ts", profileDir, HEAP);
            const made = await maker.ask("make", { meters, block: BLOCK_METERS, dir });
            await maker.stop();
            const starter = new Child<StateCalls>("state-run.ts", profileDir, HEAP);
            const started = await starter.ask("start", made);
            await starter.stop();
            const replayed = await serve(profileDir, made);
            const served = await serve(profileDir, made);
            if (!bytesEqual(started.root, made.root)) throw new Error("another state after start");
            const row = (
                what: string,
                value: number,
                unit: string,
                target?: Row["target"],
            ): Row => ({
                what,
                ours: { value, unit },
                against: null,
                ratio: null,
                target: target ?? null,
            });
            return {
                rows: [
                    row(`${meters} meters: resident memory as it grew`, made.rssBytes / MB, "MB", {
                        on: "ours",
                        atMost: 1_500,
                    }),
                    row("the same after a start", started.rssBytes / MB, "MB", {
                        on: "ours",
                        atMost: 1_500,
                    }),
                    row(
                        "start: image, every log row compared, 402 entries replayed",
                        started.startMs / 1000,
                        "s",
                        {
                            on: "ours",
                            atMost: 30,
                        },
                    ),
                    row("the same, CPU", started.startCpuS, "s"),
                    row("serve: start from its image", served.startMs / 1000, "s", {
                        on: "ours",
                        atMost: 30,
                    }),
                    {
                        ...row("the same, CPU", served.startCpuS, "s"),
                        against: { value: replayed.startCpuS, unit: "s", of: "whole log replayed" },
                        ratio: replayed.startCpuS / served.startCpuS,
                    },
                    {
                        ...row(
                            "serve: resident memory after such a start",
                            served.rssBytes / MB,
                            "MB",
                            {
                                on: "ours",
                                atMost: 1_500,
                            },
                        ),
                        against: {
                            value: replayed.rssBytes / MB,
                            unit: "MB",
                            of: "whole log replayed",
                        },
                        ratio: replayed.rssBytes / served.rssBytes,
                    },
                    {
                        ...row("state root after a block of 402 entries", made.blockRootMs, "ms"),
                        against: { value: made.firstRootMs, unit: "ms", of: "every fact hashed" },
                        ratio: made.firstRootMs / made.blockRootMs,
                    },
                    row("an image written", made.writeMs, "ms"),
                    row("an image on disk", made.imageBytes / MB, "MB"),
                ],
                facts: [
                    `${Math.round(made.imageBytes / meters)} bytes of the image a meter; the log's database is not in it`,
                ],
            };
        }),
};
