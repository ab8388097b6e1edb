/** Opens a server store and prints how that went. Run by sqlite-file.test.ts as another user. */
import { writeSync } from "node:fs";
import { MetersealError } from "@meterseal/core";
import { openServerStore } from "../src/sqlite/index.ts";

const [directory = "", readOnly] = process.argv.slice(2);
try {
    const store = await openServerStore(directory, { readOnly: readOnly === "true" });
    const { records } = await store.reader.counts();
    await store.close();
    writeSync(1, `${records} records`);
} catch (cause) {
    writeSync(1, cause instanceof MetersealError ? cause.code : String(cause));
}
