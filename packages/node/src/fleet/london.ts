import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { error, unwrap } from "@meterseal/core";
import { type LondonHome, parseLondonCsv } from "@meterseal/meter";

const DIRECTORY = join(import.meta.dirname, "../../../../examples/london-2013");
const FILES = ["block16sep.csv.gz", "block62sep.csv.gz", "block165sep.csv.gz"];

/** Homes that the example data holds. */
export const LONDON_HOMES_MAX = 98;

/** The first homes of the London example data, in the order of homes.csv. */
export function loadLondonHomes(count: number): LondonHome[] {
    const order = readFileSync(join(DIRECTORY, "homes.csv"), "utf8")
        .trim()
        .split("\n")
        .slice(1, count + 1)
        .map((line) => line.split(",")[0] ?? "");
    const homes = new Map<string, LondonHome>();
    for (const file of FILES) {
        const text = gunzipSync(readFileSync(join(DIRECTORY, file))).toString("utf8");
        for (const home of unwrap(parseLondonCsv(text, file))) homes.set(home.id, home);
        if (order.every((id) => homes.has(id))) break;
    }
    return order.map((id) => {
        const home = homes.get(id);
        if (home === undefined) throw error("MS_DATA_FILE", { where: "homes.csv", got: id });
        return home;
    });
}
