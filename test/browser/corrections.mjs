// A home whose meter was wrong for a day: the operator's correction beside what was read.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { runMeterseal, startServer } from "./demo.mjs";
import { chooseView, KEY_INPUT, shoot, verdictsOf } from "./home-page.mjs";
import { openWatchedPage } from "./watched-page.mjs";

const SLOT_MS = 1_800_000;

/** CSV of half-hours of 0.25 kWh, from the first of January 2013 on. */
function csvOf(days) {
    const rows = Array.from({ length: 48 * days }, (_, i) => {
        const start = Date.UTC(2013, 0, 1) + i * SLOT_MS;
        return `${new Date(start).toISOString()},0.25`;
    });
    return `timestamp,import_kwh\n${rows.join("\n")}\n`;
}

/** Corrections in the total, the table and the chart's words. */
export function describeCorrections(world) {
    describe("a correction", () => {
        it("stands beside what was read, in the total and in the day that counts it", async () => {
            const directory = mkdtempSync(join(tmpdir(), "meterseal-correction-"));
            const meter = ["--dir", directory];
            const server = await startServer();
            const { dataDir, url } = server;
            const address = JSON.parse(readFileSync(join(dataDir, "server/address.json"), "utf8"));
            const run = async (days) => {
                const csv = join(directory, `${days}.csv`);
                writeFileSync(csv, csvOf(days));
                await runMeterseal("meter", "run", ...meter, "--csv", csv, "--to", address.mqtt);
            };
            const { page, context, complaints } = await openWatchedPage(world.browser);
            try {
                const stream = ["--zone", "UTC", "--slot-seconds", "1800"];
                const groups = ["--groups", "import,adjustments"];
                await runMeterseal("meter", "init", ...meter, ...stream, ...groups);
                await runMeterseal("enrol", "--data", dataDir, join(directory, "request.json"));
                await run(2);
                const about = [
                    "--from",
                    "2013-01-01",
                    "--until",
                    "2013-01-02",
                    "--reason",
                    "ratio",
                ];
                const amount = ["--minus", "1.25", "--to", address.mqtt];
                await runMeterseal("meter", "correct", ...meter, ...amount, ...about);
                await run(4);
                await page.goto(`${url}/#/home`);
                await page.setInputFiles(KEY_INPUT, join(directory, "key.json"));
                const verdicts = await verdictsOf(page);
                assert.ok(Object.values(verdicts).every(({ holds }) => holds));
                await chooseView(page, "Month");
                const wh = (id) => page.getAttribute(`[data-testid=${id}]`, "data-wh").then(Number);
                assert.deepEqual([await wh("total"), await wh("correction")], [48_000, -1250]);
                assert.match(
                    await page.innerText("[data-testid=correction]"),
                    /corrected by −1\.250 kWh: 46\.750 kWh count/,
                );
                await page.getByText("Show as table").first().click();
                const rows = await page.$$eval("[data-testid=table] tbody tr", (all) =>
                    all.map(({ innerText }) => innerText),
                );
                const corrected = rows.filter((row) => row.includes("corrected"));
                assert.equal(corrected.length, 1);
                assert.match(
                    corrected[0] ?? "",
                    /3 Jan.*12\.000.*measured, corrected by −1\.250 kWh/s,
                );
                await shoot(world, page, "household-correction.png");
                assert.deepEqual(complaints, []);
            } finally {
                await context.close();
                await server.stop();
                server.remove();
                rmSync(directory, { recursive: true, force: true });
            }
        });
    });
}
