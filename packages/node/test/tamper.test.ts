import { cpSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SERVER_FILE } from "@meterseal/stores/sqlite";
import { it } from "vitest";
import { verifyDirectory } from "../src/verify/verify.ts";
import { useFixture, useScratch } from "./fixture.ts";
import { randomOf } from "./kill/random.ts";
import { casesOf, INSERTS, STORE_ROWS, SWAPS } from "./tamper/cases.ts";
const scratch = useScratch();
it("x", async () => {
    const { crashed } = await useFixture();
    const dir = join(scratch, "a");
    cpSync(crashed, dir, { recursive: true });
    const file = join(dir, "server", SERVER_FILE);
    const good = join(crashed, "server", SERVER_FILE);
    let db = new DatabaseSync(file);
    db.exec("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE");
    db.close();
    cpSync(file, join(scratch, "good.db"));
    db = new DatabaseSync(file);
    const random = randomOf(7);
    const cases = [...STORE_ROWS.flatMap((k) => casesOf(db, k, random)), ...SWAPS, ...INSERTS];
    db.close();
    const t = performance.now();
    for (const c of cases) {
        cpSync(join(scratch, "good.db"), file);
        const d = new DatabaseSync(file);
        const ran = c.run(d);
        d.close();
        if (!ran) { console.log("NOTRUN", c.name); continue; }
        try {
            const r = await verifyDirectory(dir, [], () => {});
            if (r.faults.length === 0) console.log("UNDETECTED", c.name, r.notes);
            else if (c.name.includes("row") || c.name.includes("swap")) console.log("ok", c.name, r.faults.length, r.faults[0]);
        } catch (e) { console.log("THROWN", c.name, String(e)); }
    }
    console.log(cases.length, performance.now() - t);
}, 60000);
