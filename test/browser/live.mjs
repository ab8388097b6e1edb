// A demo whose time goes on: pages move by themselves, and say so when it ends.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runMeterseal, startDemo } from "./demo.mjs";
import { chooseView, KEY_INPUT, verdictsOf } from "./home-page.mjs";
import { openWatchedPage } from "./watched-page.mjs";

const HOME = "MAC000515";
const MOVE_TIMEOUT_MS = 60_000;

/** A replay in motion, and its end. */
export function describeLive(world) {
    describe("time that goes on", () => {
        it("moves the open home, and ends with the year, all of it verified", async () => {
            const demo = await startDemo("--meters", "1", "--days", "355", "--speed", "86400");
            const { page, context, complaints } = await openWatchedPage(world.browser);
            try {
                await page.goto(`${demo.url}/#/home`);
                assert.match(await page.textContent("[data-testid=clock-label]"), /replay of 2013/);
                await page.setInputFiles(KEY_INPUT, demo.keyFile(HOME));
                const first = await totalWh(page);
                await page.waitForFunction(
                    (before) =>
                        Number(document.querySelector("[data-testid=total]").dataset.wh) > before,
                    first,
                    { timeout: MOVE_TIMEOUT_MS },
                );
                await page
                    .getByText("replay of 2013 has ended")
                    .waitFor({ timeout: MOVE_TIMEOUT_MS });
                await page.goto(`${demo.url}/#/neighbourhood`);
                await page.getByText("Time stands still").waitFor();
                await page.click("[data-page=household]");
                const verdicts = await verdictsOf(page);
                assert.ok(Object.values(verdicts).every(({ holds }) => holds));
                await chooseView(page, "Year");
                const common = ["--key", demo.keyFile(HOME), "--data", demo.dataDir, "--json"];
                const usage = JSON.parse(await runMeterseal("usage", ...common));
                // The page asks again after a while: the last records came when it had another page open.
                const lastWh = String(usage.totalImportWh);
                await page
                    .locator(`[data-testid=total][data-wh="${lastWh}"]`)
                    .waitFor({ timeout: MOVE_TIMEOUT_MS });
                assert.deepEqual(complaints, []);
            } finally {
                await context.close();
                await demo.stop();
                demo.remove();
            }
        });
    });
}

async function totalWh(page) {
    return Number(await page.getAttribute("[data-testid=total]", "data-wh"));
}
