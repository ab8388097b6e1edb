import { copyFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { unwrap } from "@meterseal/core";
import { METER_FILE, SERVER_FILE } from "@meterseal/stores/sqlite";
import { beforeAll, describe, expect, it } from "vitest";
import { PLACES } from "../src/files.ts";
import { ATTACKS, attack } from "../src/tamper/attacks.ts";
import type { VerifyReport } from "../src/verify/report.ts";
import { loadKeyFiles, verifyDirectory } from "../src/verify/verify.ts";
import { FIXTURE_MS, useFixture, useScratch } from "./fixture.ts";
import { randomOf } from "./kill/random.ts";
import {
    casesOf,
    INSERTS,
    OUTBOX_ROWS,
    type RowKind,
    STORE_ROWS,
    SWAPS,
    type TamperCase,
} from "./tamper/cases.ts";

const SEED = 2013;
/** What a fault may name: where to look, for somebody who was not there. */
const PLACE =
    /record [0-9a-f]{32}\/0\/-?\d+|(?:leaf|vertex row|checkpoint) -?\d+|column |genesis|meta|store\.db|server\/keys|outbox of meter/;
/**
 * Bytes that nobody signed and that no other bytes determine: the meter's private memory (a wrong one
 * makes the next record be refused), the receipt `stored` while the record is there to be sent again,
 * and the number of a row in an outbox.
 */
const WITHOUT_MEANING = [/^state blob/, /^stored blob: blobs row deleted/, /outbox\.n /];
const UNDETECTABLE_KEY = /^(?:stored|final) blob: blobs\.key/;

const scratch = useScratch();
const random = randomOf(SEED);
let directory = "";

beforeAll(async () => {
    const { crashed } = await useFixture();
    directory = join(scratch, "tampered");
    cpSync(crashed, directory, { recursive: true });
}, FIXTURE_MS);

const check = (dir = directory): Promise<VerifyReport> => verifyDirectory(dir, [], () => {});

/** Runs cases one by one on a database file, each on the untouched file; lists what was not found. */
async function unfound(
    file: string,
    casesFrom: (database: DatabaseSync) => TamperCase[],
): Promise<{ tried: number; missed: string[] }> {
    const clean = `${file}.clean`;
    const opened = new DatabaseSync(file);
    opened.exec("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE");
    const cases = casesFrom(opened);
    opened.close();
    copyFileSync(file, clean);
    expect((await check()).faults).toEqual([]);
    const missed: string[] = [];
    let tried = 0;
    for (const { name, run } of cases) {
        const database = new DatabaseSync(file);
        const done = run(database);
        database.close();
        if (done) {
            tried++;
            const { faults } = await check();
            if (!faults.some((fault) => PLACE.test(fault.where))) missed.push(name);
        }
        copyFileSync(clean, file);
    }
    return { tried, missed };
}

const all = (kinds: readonly RowKind[], database: DatabaseSync): TamperCase[] =>
    kinds.flatMap((kind) => casesOf(database, kind, random));

/** Contents of every file below a directory but SQLite's index of its log, which is no content. */
function contentsOf(dir: string): Map<string, string> {
    const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
    const paths = entries
        .filter((entry) => entry.isFile() && !entry.name.endsWith("-shm"))
        .map((entry) => join(entry.parentPath, entry.name));
    return new Map(paths.map((path) => [path, readFileSync(path, "latin1")]));
}

describe(`whatever is changed in a data directory is found (seed ${SEED})`, () => {
    it("and what nobody touched holds", async () => {
        const fixture = await useFixture();
        for (const dir of [fixture.finished, fixture.crashed]) {
            const report = await check(dir);
            expect(report.faults).toEqual([]);
            expect(report.notes).toEqual([]);
        }
    });

    it("and looking changes nothing: no file is written", async () => {
        const fixture = await useFixture();
        for (const dir of [fixture.finished, fixture.crashed]) {
            const copy = join(scratch, "looked-at");
            rmSync(copy, { recursive: true, force: true });
            cpSync(dir, copy, { recursive: true });
            const before = contentsOf(copy);
            await check(copy);
            const after = contentsOf(copy);
            for (const [path, text] of before) expect(after.get(path) === text, path).toBe(true);
            const made = [...after.keys()].filter((path) => !before.has(path));
            // SQLite's own helper files, which hold nothing.
            expect(made.filter((path) => !/\.db-(?:wal|shm)$/.test(path))).toEqual([]);
            expect(made.filter((path) => path.endsWith("-wal") && after.get(path) !== "")).toEqual(
                [],
            );
        }
    });

    it.each(ATTACKS)("the attack of the demonstration: $name", async (each) => {
        const { finished } = await useFixture();
        const copy = join(scratch, `attacked ${each.name}`);
        cpSync(finished, copy, { recursive: true });
        attack(copy, each);
        const { faults } = await check(copy);
        expect(faults.some((fault) => PLACE.test(fault.where))).toBe(true);
    });

    it("each bit, integer and text of each column, and each row of the store", async () => {
        const file = join(PLACES.server(directory), SERVER_FILE);
        const { missed, tried } = await unfound(file, (database) => all(STORE_ROWS, database));
        expect(missed).toEqual([]);
        expect(tried).toBeGreaterThan(180);
    });

    it("rows that were swapped, and rows that nobody of the network made", async () => {
        const file = join(PLACES.server(directory), SERVER_FILE);
        const { missed, tried } = await unfound(file, () => [...SWAPS, ...INSERTS]);
        expect(missed).toEqual([]);
        expect(tried).toBe(SWAPS.length + INSERTS.length);
    });

    it("a meter's outbox, but for what has no meaning", async () => {
        const [subject = ""] = readdirSync(PLACES.meters(directory));
        const file = join(PLACES.meter(directory, subject), METER_FILE);
        const { missed, tried } = await unfound(file, (database) => all(OUTBOX_ROWS, database));
        const excused = [...WITHOUT_MEANING, UNDETECTABLE_KEY];
        expect(missed.filter((name) => !excused.some((one) => one.test(name)))).toEqual([]);
        expect(tried).toBeGreaterThan(40);
    });

    it.each(["operator.pem", "collector.pem", "log.pem", "collector.id"])(
        "the server's %s",
        async (name) => {
            const path = join(PLACES.serverKeys(directory), name);
            const clean = readFileSync(path);
            // Base64 of the private and public scalar; the last digits may be padding.
            const start = name.endsWith(".pem") ? clean.indexOf("\n") + 60 : 0;
            for (const offset of [start, start + 7]) {
                const changed = Buffer.from(clean);
                changed[offset] = changed[offset] === 0x61 ? 0x62 : 0x61;
                writeFileSync(path, changed);
                const { faults } = await check();
                expect(faults.map((fault) => fault.where)).toContain(`server/keys/${name}`);
            }
            writeFileSync(path, clean);
        },
    );

    it("a meter's outbox that is gone, and a log cut to nothing with it", async () => {
        const { finished, names } = await useFixture();
        const copy = join(scratch, "without an outbox");
        cpSync(finished, copy, { recursive: true });
        const [subject = "", other = ""] = readdirSync(PLACES.meters(copy));
        rmSync(join(PLACES.meter(copy, subject), METER_FILE));
        expect((await check(copy)).faults).toMatchObject([
            { code: "MS_OUTBOX", where: `outbox of meter ${subject}` },
        ]);
        rmSync(PLACES.meter(copy, subject), { recursive: true });
        rmSync(PLACES.meter(copy, other), { recursive: true });
        const absent = await check(copy);
        expect([absent.faults, absent.notes.length]).toEqual([[], 1]);
        expect(absent.notes[0]).toContain("2 of 3 enrolled meters");
        const database = new DatabaseSync(join(PLACES.server(copy), SERVER_FILE));
        database.exec(`PRAGMA foreign_keys = OFF; DELETE FROM bodies; DELETE FROM records;
            DELETE FROM subjects; DELETE FROM heads; DELETE FROM vertices;
            DELETE FROM checkpoints WHERE size > (SELECT min(idx) FROM log WHERE vertex NOT NULL);
            DELETE FROM log WHERE vertex NOT NULL`);
        database.close();
        rmSync(PLACES.meters(copy), { recursive: true });
        const keys = unwrap(loadKeyFiles([PLACES.keyFile(finished, names[0] ?? "")]));
        const cut = await verifyDirectory(copy, keys, () => {});
        expect(cut.faults).toMatchObject([{ code: "MS_KEY_FOREIGN" }]);
        expect(cut.counts.keys).toBe(0);
    });

    it("each field of a meter's profile, but for the name of the home", async () => {
        const [subject = ""] = readdirSync(PLACES.meters(directory));
        const path = join(PLACES.meter(directory, subject), "profile.json");
        const clean = readFileSync(path, "utf8");
        const fields = JSON.parse(clean) as Record<string, unknown>;
        for (const name of Object.keys(fields).filter((name) => name !== "source")) {
            const value = fields[name];
            const changed =
                typeof value === "number" ? value + 1 : `${String(value).slice(0, -1)}~`;
            writeFileSync(path, JSON.stringify({ ...fields, [name]: changed }));
            const { faults } = await check();
            const place = `outbox of meter ${subject}, profile.json, field ${name}`;
            expect(faults.map((fault) => fault.where)).toContain(place);
        }
        writeFileSync(path, "{");
        expect((await check()).faults).toHaveLength(1);
        writeFileSync(path, clean);
    });

    it("the mark of the directory", async () => {
        const path = join(directory, "meterseal.json");
        const clean = readFileSync(path);
        writeFileSync(path, Buffer.from(clean.toString().replace("v1", "v2")));
        await expect(check()).rejects.toMatchObject({ code: "MS_STORE_FORMAT" });
        writeFileSync(path, clean);
    });
});
