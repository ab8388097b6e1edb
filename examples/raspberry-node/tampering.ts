import { DatabaseSync } from "node:sqlite";
import { unwrap } from "@meterseal/core";
import { type MeterRecord, usageOf } from "@meterseal/record";

/** The sealed register of a record. */
export function sealedReading(record: MeterRecord): Uint8Array {
    const { values } = unwrap(usageOf(record));
    if (values.mode !== "sealed") throw new Error("a sealed reading");
    return values.bytes;
}

/** A copy in which one bit of a part is another. */
export function withOneBit(bytes: Uint8Array, part: Uint8Array): Uint8Array {
    const changed = bytes.slice();
    const at = Buffer.from(bytes).indexOf(part);
    changed[at] = (changed[at] ?? 0) ^ 1;
    return changed;
}

/** Changes a reading behind the server's back, in the database of its directory. */
export function changeTable(path: string, reading: Uint8Array): void {
    const database = new DatabaseSync(path);
    const rows = database.prepare("SELECT n, rest FROM records").all();
    for (const { n, rest } of rows) {
        const bytes = Uint8Array.from(rest as Uint8Array);
        if (!Buffer.from(bytes).includes(reading)) continue;
        const update = database.prepare("UPDATE records SET rest = ? WHERE n = ?");
        update.run(withOneBit(bytes, reading), Number(n));
    }
    database.close();
}
