import { LIMITS } from "@meterseal/core";
import type { MeterRecord } from "@meterseal/record";
import type { LightReading } from "@meterseal/record/lora";
import {
    checkPlausibility,
    type KeyFile,
    type OpenBoundary,
    openProvisional,
} from "@meterseal/wallet";
import { askApi, provisionalPath } from "../http-client.ts";
import {
    arrayField,
    type Fields,
    hexBytes,
    integerField,
    isFields,
    stringField,
} from "../json-fields.ts";

/** What a household has behind its signed readings, which nobody stands for yet. */
export type ProvisionalUsage = {
    readonly readings: number;
    /** Last signed reading and last one of all, seconds since 1970. */
    readonly fromUnix: number;
    readonly toUnix: number;
    readonly importWh: bigint;
};

/**
 * Asks a server for readings of the household's meter that no signature covers yet, and opens them.
 * @param last - last signed reading.
 * @returns null where there are none, none that opens to what may follow the signed ones, or where the
 * server has no such readings to give: what is signed is shown without them.
 */
export async function askProvisional(
    url: string,
    key: KeyFile,
    records: readonly MeterRecord[],
    last: OpenBoundary,
): Promise<ProvisionalUsage | null> {
    const answer = await askApi(url, provisionalPath(key.meter)).catch(() => null);
    const readings = answer === null ? null : readingsOf(await answer.json().catch(() => null));
    if (readings === null || readings.length === 0) return null;
    const opened = openProvisional(key, records, readings);
    const end = opened.ok ? opened.value.at(-1) : undefined;
    if (!opened.ok || end === undefined) return null;
    // A bridge may say anything; what does not open to what a home can use is not shown.
    const { holds } = checkPlausibility([last, ...opened.value], key);
    if (!holds) return null;
    return {
        readings: opened.value.length,
        fromUnix: last.unix,
        toUnix: end.unix,
        importWh: end.importWh - last.importWh,
    };
}

function readingsOf(answer: unknown): LightReading[] | null {
    try {
        if (!isFields(answer)) return null;
        return arrayField(answer, "readings", LIMITS.loraLightReadings).map(readingOf);
    } catch {
        return null; // provisional readings are shown where they can be, and are nothing to rely on
    }
}

function readingOf(value: unknown): LightReading {
    const fields: Fields = isFields(value) ? value : {};
    const registers = stringField(fields, "registers");
    const length = Math.min(registers.length / 2, LIMITS.loraLightBytes);
    const flag = integerField(fields, "flag");
    return {
        sealEpoch: integerField(fields, "sealEpoch"),
        firstSlot: integerField(fields, "slot"),
        registers: hexBytes(registers, "registers", length),
        ...(flag === 0 ? {} : { flag }),
    };
}
