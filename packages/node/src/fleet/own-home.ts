import { basename } from "node:path";
import { createLadder, error, LIMITS, SLOT_ORIGIN_UNIX, unwrap } from "@meterseal/core";
import { parseReadingsCsv, type ReadingSeries } from "@meterseal/meter";
import { readBounded } from "../files.ts";
import { type ReplayHome, replayHome } from "./home.ts";
import { REPLAY_START_MS } from "./replay.ts";

const WEEK_SECONDS = 7 * 86_400;
/** Names of files that become names of directories. */
const NAME_MAX = 40;

/**
 * A household of the user's own, from a file of readings. Other years are moved to the year of the
 * replay by whole weeks, to the same time of the year: weekdays stay what they are.
 * @throws MetersealError MS_NOT_FOUND, MS_TOO_LARGE, MS_DATA_FILE with line and reason, MS_ZONE, or
 * MS_DATA_FILE where nothing of it lies within the replay.
 */
export function loadOwnHome(path: string, zone: string): ReplayHome {
    const text = readBounded(path, LIMITS.csvBytes).toString("utf8");
    const series = movedToReplay(unwrap(parseReadingsCsv(text, path)));
    unwrap(createLadder(zone, series.slotSeconds));
    const name = basename(path)
        .replace(/\.[^.]*$/, "")
        .replace(/[^A-Za-z0-9_-]+/g, "-");
    const id = `own-${name.slice(0, NAME_MAX)}`;
    const home = replayHome({ id, street: "Your home", zone, series });
    if (home.range.toSlot > home.range.fromSlot) return home;
    throw error("MS_DATA_FILE", { where: path, expected: "readings of part of a year, at least" });
}

function movedToReplay(series: ReadingSeries): ReadingSeries {
    const { firstSlot, slotSeconds } = series;
    const first = new Date((SLOT_ORIGIN_UNIX + firstSlot * slotSeconds) * 1000);
    const wanted = new Date(first);
    wanted.setUTCFullYear(new Date(REPLAY_START_MS).getUTCFullYear());
    const distanceSeconds = (wanted.getTime() - first.getTime()) / 1000;
    const weeks = Math.round(distanceSeconds / WEEK_SECONDS);
    return { ...series, firstSlot: firstSlot + (weeks * WEEK_SECONDS) / slotSeconds };
}
