import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseRecord } from "@meterseal/record";
import { METER_FILE, openMeterStore } from "@meterseal/stores/sqlite";
import { PLACES } from "../files.ts";

/**
 * Latest time, milliseconds since 1970, of a record that a meter of a data directory still holds; 0
 * where none holds any. A replay must not begin before it: the server may have such a record and
 * would take it for one of the future.
 */
export async function latestOpenRecordMs(dataDir: string): Promise<number> {
    const root = PLACES.meters(dataDir);
    let latestMs = 0;
    for (const name of existsSync(root) ? readdirSync(root) : []) {
        if (!existsSync(join(root, name, METER_FILE))) continue;
        const store = await openMeterStore(join(root, name));
        for (const { bytes } of await store.outbox()) {
            const record = parseRecord(bytes);
            if (record.ok) latestMs = Math.max(latestMs, record.value.timeUnix * 1000);
        }
        await store.close();
    }
    return latestMs;
}
