/** Takes a directory's lock, says so, and holds it until it is killed. Run by lock.test.ts. */
import { writeSync } from "node:fs";
import { MetersealError } from "@meterseal/core";
import { lockDirectory } from "../src/index.ts";

try {
    lockDirectory(process.argv[2] ?? "");
    writeSync(1, "locked\n");
    setInterval(() => {}, 60_000);
} catch (cause) {
    writeSync(1, `${cause instanceof MetersealError ? cause.code : String(cause)}\n`);
}
