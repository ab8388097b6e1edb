import { existsSync, readFileSync } from "node:fs";
import { error } from "@meterseal/core";
import { PLACES, writeJson } from "../files.ts";

const FORMAT = "meterseal-replay/v1";

/**
 * Where a data directory's replay clock stood last, milliseconds since 1970; 0 where none ever ran.
 * @throws MetersealError MS_STORE_FORMAT
 */
export function readClockFile(dataDir: string): number {
    const path = PLACES.replayClock(dataDir);
    if (!existsSync(path)) return 0;
    const nowMs = parseClock(readFileSync(path, "utf8"));
    if (nowMs !== null) return nowMs;
    throw error("MS_STORE_FORMAT", {
        where: path,
        expected: `"format": "${FORMAT}" and "nowMs" in whole milliseconds since 1970`,
        todo: "Delete the file: the clock then goes on from the latest record of a meter.",
    });
}

function parseClock(text: string): number | null {
    try {
        const fields = JSON.parse(text) as { format?: unknown; nowMs?: unknown } | null;
        const nowMs = fields?.format === FORMAT ? fields.nowMs : null;
        return typeof nowMs === "number" && Number.isSafeInteger(nowMs) && nowMs >= 0
            ? nowMs
            : null;
    } catch {
        return null;
    }
}

/** Puts the replay clock on disk, before any role shows or uses that time. */
export function writeClockFile(dataDir: string, nowMs: number): void {
    writeJson(PLACES.replayClock(dataDir), { format: FORMAT, nowMs });
}
