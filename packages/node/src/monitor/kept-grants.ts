import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fromBase64, LIMITS, toBase64 } from "@meterseal/core";
import { readBounded, writeWhole } from "../files.ts";
import type { ServerApi } from "../party/server-api.ts";

/**
 * Bytes of a grant, from the monitor's directory or else from the server, which tells the household
 * of it: so a home reads once that its tokens were taken, and not at every look at the load.
 * @param hash - in hex.
 */
export async function keptGrant(
    api: ServerApi,
    monitorDir: string,
    hash: string,
): Promise<Uint8Array> {
    const directory = join(monitorDir, "grants");
    const path = join(directory, hash);
    if (existsSync(path)) {
        return fromBase64(readBounded(path, 2 * LIMITS.recordBytes).toString("utf8"));
    }
    const bytes = await api.grant(hash, "neighbourhood load");
    mkdirSync(directory, { recursive: true });
    writeWhole(path, toBase64(bytes));
    return bytes;
}
