import { concatBytes, createLadder, fail, LIMITS, ok, type Result } from "@meterseal/core";
import {
    encodeUsage,
    type FlagRun,
    type MeterRecord,
    RECORD_CLASS,
    type UsageBody,
} from "@meterseal/record";
import type { LightReading } from "@meterseal/record/lora";
import { compactAddresses } from "@meterseal/seal";
import type { KeyFile } from "./key-file.ts";
import { type OpenBoundary, openServicePoint } from "./series.ts";

/**
 * Opens readings that no signature covers yet, as they would be behind a household's signed records: what
 * a screen may show as provisional, and no sum, grant or bill may count.
 * @param records - those of {@link openServicePoint}, all checked; at least one with a reading.
 * @returns boundaries behind the last signed one; MS_REGISTER_CAP, MS_REGISTER_DECREASED where they are
 * none of this meter's, and as {@link openServicePoint}.
 */
export function openProvisional(
    key: KeyFile,
    records: readonly MeterRecord[],
    readings: readonly LightReading[],
): Result<OpenBoundary[]> {
    const signed = openServicePoint(key, records);
    if (!signed.ok) return signed;
    const last = signed.value.series.at(-1);
    const place = records.findLast(({ recordClass }) => recordClass === RECORD_CLASS.usage);
    if (last === undefined || place === undefined) return ok([]);
    const later = readings.filter(({ firstSlot }) => firstSlot > last.slot);
    const all: MeterRecord[] = [...records];
    for (const run of runsOf(later)) {
        const usage = usageOfRun(key, run);
        if (!usage.ok) return usage;
        const seq = place.seq + all.length; // read by nobody
        all.push({ ...place, seq, body: encodeUsage(usage.value) });
    }
    const opened = openServicePoint(key, all);
    if (!opened.ok) return opened;
    return ok(opened.value.series.filter(({ slot }) => slot > last.slot));
}

/** Readings of consecutive slots of one seal epoch, as a record would have them. */
function runsOf(readings: readonly LightReading[]): LightReading[][] {
    const runs: LightReading[][] = [];
    for (const reading of readings) {
        const run = runs.at(-1);
        const before = run?.at(-1);
        const follows =
            before !== undefined &&
            before.sealEpoch === reading.sealEpoch &&
            before.firstSlot + 1 === reading.firstSlot;
        if (run !== undefined && follows && run.length < LIMITS.usageBoundaries) run.push(reading);
        else runs.push([reading]);
    }
    return runs;
}

function usageOfRun(key: KeyFile, run: readonly LightReading[]): Result<UsageBody> {
    const { stream, zone } = key;
    const [{ firstSlot, sealEpoch } = { firstSlot: 0, sealEpoch: 0 }] = run;
    const ladder = createLadder(zone, stream.slotSeconds);
    if (!ladder.ok) return fail(ladder.error);
    const addresses = run.map(({ firstSlot: slot }) => ladder.value.addressOf(slot));
    const addressed = compactAddresses(stream.slotSeconds, firstSlot, addresses);
    if (!addressed.ok) return addressed;
    return ok({
        ...addressed.value,
        stream: stream.streamId,
        sealEpoch,
        groups: stream.groups.map(({ group }) => group),
        values: valuesOf(key, concatBytes(...run.map(({ registers }) => registers))),
        flags: flagsOf(run),
        ...(key.scale === 0 ? {} : { scale: key.scale }),
        ...(key.medium === undefined ? {} : { medium: key.medium }),
    });
}

function valuesOf({ master }: KeyFile, bytes: Uint8Array): UsageBody["values"] {
    if (master !== null) return { mode: "sealed", bytes };
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const registers = Array.from({ length: bytes.length / 8 }, (_, i) => view.getBigUint64(8 * i));
    return { mode: "open", registers };
}

function flagsOf(run: readonly LightReading[]): FlagRun[] {
    const runs: FlagRun[] = [];
    for (const [offset, { flag }] of run.entries()) {
        const before = runs.at(-1);
        if (flag === undefined) continue;
        const follows = before?.flag === flag && before.offset + before.length === offset;
        if (before !== undefined && follows)
            runs[runs.length - 1] = { ...before, length: before.length + 1 };
        else runs.push({ offset, length: 1, flag });
    }
    return runs;
}
