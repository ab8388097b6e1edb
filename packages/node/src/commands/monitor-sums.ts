import {
    createLadder,
    error,
    formatInstant,
    parseInstant,
    slotOfUnix,
    toHex,
    unixOfSlot,
    unwrap,
} from "@meterseal/core";
import { GROUP } from "@meterseal/record";
import { balanceOf, metersOutside } from "@meterseal/seal";
import {
    USAGE_LEVELS,
    type UsageInterval,
    type UsageLevel,
    usageOfSeries,
} from "@meterseal/wallet";
import {
    type Command,
    integerOption,
    type Options,
    requiredOption,
    textOption,
} from "../cli/arguments.ts";
import { counted, out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import {
    type CohortLoad,
    feederLoad,
    loadOf,
    type PublishedCohort,
    publishedCohorts,
} from "../monitor/collect.ts";
import { monthText, parseMonth } from "../monitor/months.ts";
import { MONITOR_OPTIONS, type OwnMonitor, openMonitor } from "../monitor/own-monitor.ts";
import { askServer, kwh, readKey } from "./household-usage.ts";

const RANGE_OPTIONS = {
    feeder: { kind: "value", value: "NAME", help: "feeder whose cohorts are added up" },
    month: { kind: "value", value: "YYYY-MM", help: "month of the cohorts (the present one)" },
    from: { kind: "value", value: "TIME", help: "ISO 8601, civil in the cohorts' zone" },
    to: { kind: "value", value: "TIME", help: "end, not included (the present)" },
    group: { kind: "value", value: "N", help: "0 import, 1 export (the cohorts' first)" },
    json: { kind: "flag", help: "prints JSON; energy in whole Wh" },
} as const;

/** A window of a feeder; no energy where a cohort's sum is missing. */
type FeederWindow = {
    readonly fromUnix: number;
    readonly toUnix: number;
    readonly energyWh: bigint | null;
    /** Members that are missing, of all cohorts. */
    readonly missing: number;
    /** Cohorts whose sum no meters can make. */
    readonly wrong: number;
};

type FeederReading = {
    readonly zone: string;
    readonly level: UsageLevel;
    readonly group: number;
    readonly loads: readonly CohortLoad[];
    readonly windows: readonly FeederWindow[];
};

/** `meterseal monitor sums`: the load of a neighbourhood. */
export const monitorSumsCommand: Command = {
    name: "monitor sums",
    summary: "reads a neighbourhood's load from the tokens of its homes, and nothing of a home",
    options: { ...MONITOR_OPTIONS, ...RANGE_OPTIONS },
    examples: [
        "meterseal monitor sums --dir my-monitor --url http://127.0.0.1:8480 --feeder London --from 2013-01-07 --to 2013-01-08",
    ],
    async run(options) {
        const reading = await readFeeder(options, await openMonitor(options));
        const { loads, windows, zone } = reading;
        if (options.json === true) {
            out(
                JSON.stringify({
                    ...describe(reading),
                    windows: windows.map((w) => toJson(w, zone)),
                }),
            );
            return EXIT.ok;
        }
        for (const window of windows) {
            const load =
                window.energyWh === null ? reasonOf(window) : `${kwh(window.energyWh)} kWh`;
            out(`${formatInstant(window.fromUnix, zone)}  ${load.padStart(14)}`);
        }
        const homes = loads.reduce((sum, load) => sum + load.published.cohort.members.length, 0);
        const known = windows.flatMap(({ energyWh }) => energyWh ?? []);
        const total = known.reduce((sum, wh) => sum + wh, 0n);
        out(
            `total ${kwh(total)} kWh of ${counted(homes, "home")} in ${counted(loads.length, "cohort")}, ${known.length} of ${counted(windows.length, "window")}`,
        );
        tellSilent(loads);
        return EXIT.ok;
    },
};

/** `meterseal monitor balance`: what a feeder's own meter counted against the sums of its homes. */
export const monitorBalanceCommand: Command = {
    name: "monitor balance",
    summary: "sets a feeder's own meter against the load of its homes: losses and the rest",
    options: {
        ...MONITOR_OPTIONS,
        ...RANGE_OPTIONS,
        key: { kind: "value", value: "FILE", help: "key file of the feeder's own meter" },
    },
    examples: [
        "meterseal monitor balance --dir my-monitor --url http://127.0.0.1:8480 --feeder London --key feeder.json",
    ],
    async run(options) {
        const key = readKey(options);
        const monitor = await openMonitor(options);
        const { group, level, loads, windows, zone } = await readFeeder(options, monitor);
        const outside = unwrap(metersOutside(loads.map(({ published }) => published.cohort)));
        const { series } = await askServer(monitor.api.url, key);
        const [first, last] = [windows[0]?.fromUnix, windows.at(-1)?.toUnix];
        const own = usageOfSeries(series, level, first, last).intervals;
        const rows = windows.map((window) => {
            const counted = own.find(({ fromUnix }) => fromUnix === window.fromUnix);
            const isWhole = counted?.toUnix === window.toUnix && counted.quality === "measured";
            const feederWh = isWhole ? energyOf(counted, group) : null;
            const isKnown = feederWh !== null && window.energyWh !== null;
            return {
                ...window,
                balance: isKnown ? balanceOf(feederWh, [window.energyWh]) : null,
            };
        });
        if (options.json === true) {
            const balances = rows.map(({ balance, ...window }) => ({
                ...toJson(window, zone),
                feederWh: balance === null ? null : Number(balance.feeder),
                restWh: balance === null ? null : Number(balance.rest),
            }));
            out(JSON.stringify({ metersOutside: outside, windows: balances }));
            return EXIT.ok;
        }
        for (const { balance, fromUnix } of rows) {
            const text =
                balance === null
                    ? "missing"
                    : `feeder ${kwh(balance.feeder)}  homes ${kwh(balance.cohorts)}  rest ${signed(balance.rest)} kWh`;
            out(`${formatInstant(fromUnix, zone)}  ${text}`);
        }
        say(
            `Outside of all cohorts: ${counted(outside, "meter")}. The rest is their use and the losses.`,
        );
        return EXIT.ok;
    },
};

async function readFeeder(options: Options, monitor: OwnMonitor): Promise<FeederReading> {
    const { api, keys, nowUnix, own, partyOf } = monitor;
    const feeder = requiredOption(options, "feeder", "NAME");
    const all = await publishedCohorts(api, own.key.party);
    const cohorts = chooseCohorts(all, feeder, textOption(options, "month"), nowUnix);
    const [{ cohort }] = cohorts as [PublishedCohort];
    const { level, scale, zone } = cohort;
    const instant = (name: string, byDefault: number): number => {
        const text = textOption(options, name);
        return text === undefined ? byDefault : unwrap(parseInstant(text, zone));
    };
    const fromUnix = instant("from", 0);
    const toUnix = instant("to", nowUnix);
    if (fromUnix >= toUnix) throw error("MS_USAGE", { expected: "--from before --to" });
    const { key, network } = own;
    const dir = requiredOption(options, "dir", "DIR");
    const tools = { api, dir, keys, network, nowUnix, partyOf, party: key.party };
    const loads = await loadOf(tools, cohorts, fromUnix, toUnix);
    const names = Object.keys(USAGE_LEVELS) as UsageLevel[];
    const name = names.find((each) => USAGE_LEVELS[each] === level) ?? "slot";
    const group = groupOption(options, cohort.groups);
    return { zone, level: name, group, loads, windows: windowsOf(loads, group, scale) };
}

/** The cohorts of a feeder and a month, all of one level: the finest there is. */
function chooseCohorts(
    all: readonly PublishedCohort[],
    feeder: string,
    monthOption: string | undefined,
    nowUnix: number,
): PublishedCohort[] {
    const own = all.filter(({ cohort }) => cohort.feeder === feeder);
    const [first] = own;
    if (first === undefined) {
        const feeders = [...new Set(all.map(({ cohort }) => cohort.feeder))].join(", ");
        throw error("MS_NOT_FOUND", {
            where: `cohorts of the feeder ${feeder}`,
            ...(feeders === "" ? {} : { expected: feeders }),
        });
    }
    const { slotSeconds, zone } = first.cohort;
    const ladder = unwrap(createLadder(zone, slotSeconds));
    const month =
        monthOption === undefined
            ? ladder.indexAt(slotOfUnix(nowUnix, slotSeconds), 3)
            : parseMonth(monthOption);
    const then = own.filter(({ cohort }) => cohort.month === month);
    if (then.length === 0) {
        const months = [...new Set(own.map(({ cohort }) => monthText(cohort.month)))].join(", ");
        throw error("MS_NOT_FOUND", {
            where: `cohorts of ${feeder} in ${monthText(month)}`,
            expected: `--month ${months}`,
        });
    }
    const level = Math.min(...then.map(({ cohort }) => cohort.level));
    return then.filter(({ cohort }) => cohort.level === level);
}

function groupOption(options: Options, groups: readonly number[]): number {
    const [first = 0] = groups;
    const group = integerOption(options, "group", { min: 0, max: 15, byDefault: first });
    if (groups.includes(group)) return group;
    throw error("MS_USAGE", { expected: `--group ${groups.join("|")}`, got: String(group) });
}

/** Windows of the part that was asked for, all cohorts together. */
function windowsOf(loads: readonly CohortLoad[], group: number, scale: number): FeederWindow[] {
    const [first] = loads as [CohortLoad];
    const { slots } = first.boundaries;
    const { slotSeconds } = first.published.cohort;
    const place = first.published.cohort.groups.indexOf(group);
    const sums = feederLoad(loads, group);
    const factor = 10n ** BigInt(Math.abs(scale));
    const toWh = (units: bigint): bigint => (scale < 0 ? units / factor : units * factor);
    return sums.flatMap((sum, window) => {
        const each = loads.map((load) => load.sums[place]?.[window] ?? null);
        if (each.every((one) => one === null)) return [];
        return {
            fromUnix: unixOfSlot(slots[window] as number, slotSeconds),
            toUnix: unixOfSlot(slots[window + 1] as number, slotSeconds),
            energyWh: sum === null ? null : toWh(sum[0] as bigint),
            missing: each.reduce(
                (count, one) => count + (one?.status === "missing" ? one.members.length : 0),
                0,
            ),
            wrong: each.filter((one) => one?.status === "wrong").length,
        };
    });
}

function describe({ level, loads, zone }: FeederReading): object {
    return {
        zone,
        level,
        cohorts: loads.map(({ published: { cohort, hash }, silent }) => ({
            cohort: toHex(hash),
            members: cohort.members.length,
            withoutTokens: silent.map((place) => toHex(cohort.members[place]?.party as Uint8Array)),
        })),
    };
}

function toJson(
    { fromUnix, energyWh, missing, toUnix, wrong }: FeederWindow,
    zone: string,
): object {
    return {
        from: formatInstant(fromUnix, zone),
        to: formatInstant(toUnix, zone),
        energyWh: energyWh === null ? null : Number(energyWh),
        missing,
        wrong,
    };
}

/** What the feeder's meter counted of a group; null where it does not count it. */
function energyOf({ exportWh, importWh }: UsageInterval, group: number): bigint | null {
    if (group === GROUP.import) return importWh;
    return group === GROUP.export ? exportWh : null;
}

function reasonOf({ missing, wrong }: FeederWindow): string {
    if (wrong > 0) return "wrong: a token or a reading is not what it says";
    return `missing (${counted(missing, "home")})`;
}

function tellSilent(loads: readonly CohortLoad[]): void {
    const silent = loads.reduce((sum, load) => sum + load.silent.length, 0);
    if (silent === 0) return;
    say(`Without tokens: ${counted(silent, "home")}; their cohorts stay missing until they come.`);
}

function signed(wh: bigint): string {
    return wh < 0n ? `-${kwh(-wh)}` : kwh(wh);
}
