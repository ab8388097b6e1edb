import { existsSync } from "node:fs";
import { type Check, fault, fine, warning } from "./check.ts";

const NODE_MAJOR_MIN = 26;

/** The Node that runs this, and what of it the server needs. */
export function checkNode(): Check {
    const { node, sqlite } = process.versions;
    const missing = [
        Number.parseInt(node, 10) < NODE_MAJOR_MIN ? `Node ${NODE_MAJOR_MIN}` : null,
        sqlite === undefined ? "SQLite" : null,
        "Temporal" in globalThis ? null : "Temporal",
    ].filter((name) => name !== null);
    const message = `Node ${node}, SQLite ${sqlite ?? "none"}, ${process.platform}-${process.arch}`;
    if (missing.length === 0) return fine("node", message);
    return fault("node", `${message}: no ${missing.join(", ")}`, "Run `npm install` to get it.");
}

/** Civil time at the places of the world: a Node with few time zones would cut days wrongly. */
export function checkTimeZones(): Check {
    const zones = ["Europe/London", "America/Los_Angeles", "Asia/Kathmandu", "Australia/Lord_Howe"];
    const unknown = zones.filter((zone) => {
        try {
            return new Intl.DateTimeFormat("en", { timeZone: zone }).format(0) === "";
        } catch {
            return true;
        }
    });
    if (unknown.length === 0) return fine("time zones", "rules of all zones are there");
    const todo = "Use a Node with full internationalisation data.";
    return fault("time zones", `unknown: ${unknown.join(", ")}`, todo);
}

/** The pages of the portal; the API works without them. */
export function checkPortal(directory: string): Check {
    if (existsSync(directory)) return fine("portal", "its pages are built");
    const todo = "Run `npm run prestart` in the checkout.";
    return warning("portal", "its pages are not built: the server has its API only", todo);
}
