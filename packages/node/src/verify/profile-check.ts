import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fromHex, toHex } from "@meterseal/core";
import type { LedgerState } from "@meterseal/ledger";
import { decodeCoseKey, type Enrolment, encodeCoseKey, kidOf, ROLE } from "@meterseal/record";
import { PROFILE_FILE, reasonOf } from "../files.ts";
import type { Findings } from "./findings.ts";

/** What the check of an outbox needs of a meter's profile. */
export type CheckedProfile = {
    /** 16 bytes. */
    readonly subject: Uint8Array;
    readonly chainEpoch: number;
    /** Id of its collector, hexadecimal; null where the log enrols none with the key that it names. */
    readonly collector: string | null;
};

/**
 * Holds the profile of a meter against the log: every field but the name of the home, which nobody
 * signed. Null, with faults noted, where it does not hold.
 */
export function checkProfile(
    directory: string,
    where: string,
    { findings, state }: { readonly findings: Findings; readonly state: LedgerState },
): CheckedProfile | null {
    const fields = readFields(join(directory, PROFILE_FILE));
    if (typeof fields === "string") {
        findings.fault("MS_OUTBOX", `${where}, profile.json`, fields);
        return null;
    }
    const subjectHex = basename(directory);
    const enrolment = state.subjects.get(subjectHex);
    if (enrolment === undefined) {
        findings.fault("MS_OUTBOX", where, "No enrolment in the log admits this meter.");
        return null;
    }
    const streams = enrolment.streams.map(({ stream }) => toHex(stream));
    const own = enrolment.streams.find(({ stream }) => toHex(stream) === fields.stream);
    const collector = collectorOf(fields.collectorKey, state);
    const same: [string, boolean][] = [
        ["format", fields.format === "meterseal-meter/v1"],
        ["network", fields.network === toHex(state.networkId)],
        ["subject", fields.subject === subjectHex],
        ["chainEpoch", fields.chainEpoch === enrolment.epoch],
        ["anchor", fields.anchor === toHex(enrolment.message.hash)],
        ["stream", streams.includes(String(fields.stream))],
        ["committed", (fields.committed ?? 0) === (own?.committed ?? 0)],
        ["collectorKey", collector !== null],
    ];
    for (const [name, holds] of same) {
        const place = `${where}, profile.json, field ${name}`;
        if (!holds) findings.fault("MS_OUTBOX", place, "It contradicts the log.");
    }
    return {
        subject: enrolment.id,
        chainEpoch: enrolment.epoch,
        collector: collector === null ? null : toHex(collector.id),
    };
}

/** Enrolment of a collector's key in a profile: of a key, too, that was replaced since. */
function collectorOf(keyHex: unknown, { keys }: LedgerState): Enrolment | null {
    try {
        const kid = kidOf(decodeCoseKey(fromHex(String(keyHex))));
        const enrolment = keys.get(toHex(kid));
        if (enrolment?.role !== ROLE.collector) return null;
        return toHex(encodeCoseKey(enrolment.key)) === keyHex ? enrolment : null;
    } catch {
        return null; // no key at all
    }
}

function readFields(path: string): Record<string, unknown> | string {
    try {
        const fields: unknown = JSON.parse(readFileSync(path, "utf8"));
        if (typeof fields !== "object" || fields === null) return "It is no JSON object.";
        return fields as Record<string, unknown>;
    } catch (cause) {
        return `It cannot be read: ${reasonOf(cause)}`;
    }
}
