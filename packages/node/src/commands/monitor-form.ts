import { readFileSync } from "node:fs";
import { error, type Level, toHex } from "@meterseal/core";
import { createNotice, NOTICE_KIND, type Party } from "@meterseal/record";
import { CROWD_MIN, metersOutside } from "@meterseal/seal";
import {
    type Command,
    integerOption,
    type Options,
    requiredOption,
    textOption,
} from "../cli/arguments.ts";
import { counted, out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { reasonOf } from "../files.ts";
import { findCandidates } from "../monitor/candidates.ts";
import { type Draft, keepDrafts, readDrafts } from "../monitor/drafts.ts";
import { formCohorts } from "../monitor/form.ts";
import { monthText, parseMonth } from "../monitor/months.ts";
import { MONITOR_OPTIONS, type OwnMonitor, openMonitor } from "../monitor/own-monitor.ts";

/** Names of the levels, in their order. */
const LEVELS = ["slot", "hour", "day", "month"];
const METERS_MAX = 1_000_000;
const SIZE_MAX = 1_024;

/** `meterseal monitor form`: who will be added up with whom. */
export const monitorFormCommand: Command = {
    name: "monitor form",
    summary: "forms the cohorts of a feeder for a month; nobody hears of them before publish",
    options: {
        ...MONITOR_OPTIONS,
        feeder: { kind: "value", value: "NAME", help: "what the meters hang on; public" },
        month: { kind: "value", value: "YYYY-MM", help: "month in the zone of the streams" },
        level: { kind: "value", value: "LEVEL", help: "slot, hour, day or month (slot)" },
        groups: { kind: "value", value: "LIST", help: "groups to add up: 0 import, 1 export (0)" },
        size: { kind: "value", value: "N", help: `fewest homes of a cohort (${CROWD_MIN})` },
        members: { kind: "value", value: "FILE", help: "party ids, one a line (all households)" },
        zone: { kind: "value", value: "ZONE", help: "only streams of this zone" },
        meters: { kind: "value", value: "N", help: "meters under the feeder (the members)" },
        json: { kind: "flag", help: "prints JSON" },
    },
    examples: [
        "meterseal monitor form --dir my-monitor --url http://127.0.0.1:8480 --feeder London --month 2013-02 --zone Europe/London",
    ],
    async run(options) {
        const monitor = await openMonitor(options);
        const feeder = requiredOption(options, "feeder", "NAME");
        const month = parseMonth(requiredOption(options, "month", "YYYY-MM"));
        const groups = groupsOption(options);
        const households = await membersOf(options, monitor);
        const zone = textOption(options, "zone") ?? null;
        const candidates = await findCandidates(monitor.api, households, {
            ...{ zone, groups, nowUnix: monitor.nowUnix },
        });
        const { length } = candidates;
        const bodies = formCohorts(candidates, {
            network: monitor.own.network,
            monitor: monitor.own.key.party,
            ...{ feeder, month, groups },
            level: levelOption(options),
            size: integerOption(options, "size", { min: 1, max: SIZE_MAX, byDefault: CROWD_MIN }),
            feederMeters: integerOption(options, "meters", {
                ...{ min: length, max: METERS_MAX, byDefault: length },
            }),
        });
        const drafts = keepDrafts(requiredOption(options, "dir", "DIR"), bodies);
        if (options.json === true) out(JSON.stringify(drafts.map(toJson)));
        else tell(drafts, households.length - length);
        return EXIT.ok;
    },
};

/** `meterseal monitor publish`: puts formed cohorts on the ledger, where their members find them. */
export const monitorPublishCommand: Command = {
    name: "monitor publish",
    summary: "puts the formed cohorts on the ledger; their members then make their tokens",
    options: { ...MONITOR_OPTIONS, json: { kind: "flag", help: "prints JSON" } },
    examples: ["meterseal monitor publish --dir my-monitor --url http://127.0.0.1:8480"],
    async run(options) {
        const { api, nowUnix, own } = await openMonitor(options);
        const { key, network, signer } = own;
        const there = await api.notices(NOTICE_KIND.cohort, toHex(key.party));
        const known = new Set(there.map(({ topic }) => topic));
        const drafts = readDrafts(requiredOption(options, "dir", "DIR"));
        const added = drafts.filter(({ hash }) => !known.has(hash));
        for (const { body } of added) {
            const said = { network, party: key.party, timeUnix: nowUnix } as const;
            const kind = NOTICE_KIND.cohort;
            await api.postNotice(await createNotice(signer, { ...said, kind, cohort: body }));
        }
        if (options.json === true) out(JSON.stringify(added.map(toJson)));
        else if (added.length === 0) say("Every formed cohort is on the ledger already.");
        else {
            for (const draft of added) out(lineOf(draft));
            say("On the ledger. Each member now runs: meterseal wallet cohort");
        }
        return EXIT.ok;
    },
};

async function membersOf(options: Options, { api, partyOf }: OwnMonitor): Promise<Party[]> {
    const path = textOption(options, "members");
    const ids = path === undefined ? await api.partyIds("household") : readIds(path);
    const parties: Party[] = [];
    for (const id of ids) {
        const party = await partyOf(id);
        if (party === null) throw error("MS_NOT_FOUND", { where: `party ${id}` });
        parties.push(party);
    }
    return parties;
}

function readIds(path: string): string[] {
    try {
        return readFileSync(path, "utf8").split(/\s+/).filter(Boolean);
    } catch (cause) {
        throw error("MS_NOT_FOUND", { where: path, got: reasonOf(cause), cause });
    }
}

function levelOption(options: Options): Level {
    const text = textOption(options, "level") ?? "slot";
    const level = LEVELS.indexOf(text);
    if (level >= 0) return level as Level;
    throw error("MS_USAGE", { expected: `--level ${LEVELS.join("|")}`, got: text });
}

function groupsOption(options: Options): number[] {
    const text = textOption(options, "groups") ?? "0";
    const groups = text.split(",").map((each) => (/^\d{1,2}$/.test(each) ? Number(each) : -1));
    const isRight = groups.every((group, i) => group >= 0 && group > (groups[i - 1] ?? -1));
    if (isRight) return groups;
    throw error("MS_USAGE", { expected: "--groups with ascending numbers such as 0,1", got: text });
}

function toJson({ cohort, hash }: Draft): unknown {
    return {
        cohort: hash,
        feeder: cohort.feeder,
        month: monthText(cohort.month),
        level: LEVELS[cohort.level],
        groups: cohort.groups,
        members: cohort.members.map(({ party }) => toHex(party)),
        feederMeters: cohort.feederMeters,
    };
}

function lineOf({ cohort, hash }: Draft): string {
    const { feeder, level, members, month } = cohort;
    return `${hash.slice(0, 16)}  ${feeder}  ${monthText(month)}  ${LEVELS[level]}  ${members.length} homes`;
}

function tell(drafts: readonly Draft[], leftOut: number): void {
    for (const draft of drafts) out(lineOf(draft));
    const outside = metersOutside(drafts.map(({ cohort }) => cohort));
    const balance = outside.ok
        ? "The feeder's balance may be drawn."
        : "The feeder's balance may not be drawn: a few meters outside would be seen through.";
    if (leftOut > 0) {
        say(
            `Left out: ${counted(leftOut, "household")} without such a stream, or silent for two weeks.`,
        );
    }
    say(`${balance}
Next, put them on the ledger:  meterseal monitor publish --dir DIR --url URL`);
}
