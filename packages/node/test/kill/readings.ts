import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { unwrap } from "@meterseal/core";
import { LONDON_YEAR, type LondonHome, registerSeries } from "@meterseal/meter";
import { parseRecord } from "@meterseal/record";
import type { ServerStore } from "@meterseal/stores/sqlite";
import { isUnmeasured, openSeries, parseKeyFile } from "@meterseal/wallet";

/** Opens what a server holds of a home with the home's key, and compares each reading with its source. */
export async function checkReadings(
    store: ServerStore,
    source: { readonly home: LondonHome; readonly keyFile: string; readonly days: number },
): Promise<void> {
    const { days, home, keyFile } = source;
    const key = unwrap(parseKeyFile(readFileSync(keyFile, "utf8")));
    const rows = [];
    for await (const row of store.reader.recordsOf(key.meter)) {
        rows.push(unwrap(parseRecord(row.bytes)));
    }
    const opened = unwrap(openSeries(key, rows)).map(({ flag, importWh, slot }) => [
        slot,
        importWh,
        isUnmeasured(flag),
    ]);
    const expected = [...registerSeries(home, { firstDay: LONDON_YEAR.firstDay, days })].map(
        ({ missing, registerWh, slot }) => [slot, registerWh, missing],
    );
    assert.deepEqual(opened, expected, `readings of ${home.id}`);
}
