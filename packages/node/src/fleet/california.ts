import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { unwrap } from "@meterseal/core";
import { parseCaliforniaCsv } from "@meterseal/meter";
import { type ReplayHome, replayHome } from "./home.ts";

const DIRECTORY = join(import.meta.dirname, "../../../../examples/california-pv");
const STREET = "Fontana, California";
const ZONE = "America/Los_Angeles";
/** Installed panels of each home, kW. */
const PANELS_KW = ["4.0", "4.0", "4.0", "5.0", "4.0"];

/** Homes that the example data hold. */
export const CALIFORNIA_HOMES_MAX: number = PANELS_KW.length;

/** The first homes of the California example data, put into the year of the replay. */
export function loadCaliforniaHomes(count: number): ReplayHome[] {
    return PANELS_KW.slice(0, count).map((kilowatts, index) => {
        const id = `Building_${index + 1}`;
        const file = `${id}.csv.gz`;
        const text = gunzipSync(readFileSync(join(DIRECTORY, file))).toString("utf8");
        const series = unwrap(parseCaliforniaCsv(text, file, kilowatts));
        return replayHome({ id, street: STREET, zone: ZONE, series });
    });
}
