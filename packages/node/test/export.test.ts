import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { unwrap } from "@meterseal/core";
import { decodeEvidence } from "@meterseal/ledger";
import { boundsOf, parseReadingsCsv, seriesBoundaries } from "@meterseal/meter";
import { parseKeyFile } from "@meterseal/wallet";
import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../src/clocks.ts";
import { PLACES } from "../src/files.ts";
import { startServer } from "../src/server/server.ts";
import { run } from "./command.ts";
import { FIXTURE_MS, quiet, useFixture, useScratch } from "./fixture.ts";

const scratch = useScratch();
let dataDir: string;
let keyFile: string;

beforeAll(async () => {
    const { finished, names } = await useFixture();
    dataDir = finished;
    keyFile = PLACES.keyFile(finished, names[0] ?? "");
}, FIXTURE_MS);

const words = (...more: string[]): string[] => [
    "export",
    "--key",
    keyFile,
    "--data",
    dataDir,
    ...more,
];

type UsageJson = { readonly totalImportWh: number; readonly intervals: readonly unknown[] };

describe("export", () => {
    it("writes a CSV file that is read back to the same registers", async () => {
        const path = join(scratch, "slots.csv");
        const written = await run(...words("--out", path, "--json"));
        expect(written.code).toBe(0);
        const usage = await run(
            "usage",
            "--key",
            keyFile,
            "--data",
            dataDir,
            "--level",
            "slot",
            "--json",
        );
        const { intervals, totalImportWh } = JSON.parse(usage.stdout) as UsageJson;
        expect(JSON.parse(written.stdout)).toMatchObject({ rows: intervals.length, format: "csv" });
        expect(statSync(path).mode & 0o777).toBe(0o600);
        const text = readFileSync(path, "utf8");
        expect(text.split("\r\n")[0]).toBe("timestamp,import_kwh,quality");
        const series = unwrap(parseReadingsCsv(text, path));
        expect(boundsOf(series).toSlot - boundsOf(series).fromSlot).toBe(intervals.length);
        const last = [...seriesBoundaries(series)].at(-1);
        expect(Number(last?.registers[0])).toBe(totalImportWh);
    });

    it("writes to standard output, at a level, in a range", async () => {
        const all = await run(...words("--level", "day"));
        expect(all.code).toBe(0);
        const rows = all.stdout.trim().split(/\r?\n/);
        expect(rows[1]).toMatch(/^2013-01-01T00:00:00\+00:00,\d+\.\d{3},measured$/);
        const some = await run(
            ...words("--level", "day", "--from", "2013-01-02", "--to", "2013-01-04"),
        );
        expect(some.stdout.trim().split(/\r?\n/)).toEqual([rows[0], rows[2], rows[3]]);
    });

    it("writes the evidence of a server, checked", async () => {
        const server = await startServer({
            ...{ dataDir, host: "127.0.0.1", httpPort: 0, mqttPort: 0, clock: systemClock },
            ...{ clockLabel: null, mode: null, log: quiet, onFatal: () => {} },
        });
        try {
            const path = join(scratch, "evidence.cbor");
            const asked = ["export", "--format", "evidence", "--key", keyFile];
            const { code } = await run(...asked, "--url", server.httpUrl, "--out", path);
            expect(code).toBe(0);
            const { records } = unwrap(decodeEvidence(new Uint8Array(readFileSync(path))));
            const { meter } = unwrap(parseKeyFile(readFileSync(keyFile, "utf8")));
            expect(records.length).toBeGreaterThan(0);
            expect(meter).toHaveLength(16);
        } finally {
            await server.close();
        }
    });

    it("writes over nothing, and knows its formats", async () => {
        const path = join(scratch, "there.csv");
        expect((await run(...words("--out", path))).code).toBe(0);
        for (const [more, said] of [
            [["--out", path], /not there yet/],
            [["--format", "xml"], /csv\|evidence/],
            [["--format", "evidence"], /--url URL and --out FILE/],
            [["--level", "year"], /slot\|hour\|day\|month/],
        ] as const) {
            const { code, stderr, stdout } = await run(...words(...more));
            expect([code, stdout]).toEqual([2, ""]);
            expect(stderr).toMatch(said);
        }
    });
});
