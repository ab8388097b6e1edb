// The page of a home: its numbers, its charts, its ways in, its sizes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { runMeterseal } from "./demo.mjs";
import {
    chooseView,
    HOME,
    KEY_INPUT,
    openHome,
    shoot,
    shownPeriod,
    verdictsOf,
} from "./home-page.mjs";
import { coloursInColumn, openWatchedPage, scrollsSideways } from "./watched-page.mjs";

/** The household page with the right key. */
export function describeHousehold(world) {
    describe("household", () => {
        it("opens the data in the browser: total as the command line says, all verdicts hold", async () => {
            const { page, context, complaints } = await openHome(world);
            const args = ["usage", "--key", world.demo.keyFile(HOME), "--data", world.demo.dataDir];
            const usage = JSON.parse(await runMeterseal(...args, "--level", "month", "--json"));
            const total = page.locator("[data-testid=total]");
            assert.equal(await total.getAttribute("data-wh"), String(usage.totalImportWh));
            const kwh = (usage.totalImportWh / 1000).toFixed(3);
            assert.ok((await total.innerText()).replace(/\s|,/g, "").endsWith(`${kwh}kWh`));
            const verdicts = await verdictsOf(page);
            assert.deepEqual(Object.keys(verdicts), [
                "signature",
                "continuity",
                "clock",
                "plausibility",
            ]);
            for (const [question, { holds, text }] of Object.entries(verdicts)) {
                assert.ok(holds, `${question}: ${text}`);
                assert.match(text, /[1-9][\d,]* [a-z ]+ checked/);
            }
            assert.match(await page.textContent("[data-testid=clock-label]"), /replay of 2013/);
            await shoot(world, page, "household.png");
            await page.emulateMedia({ colorScheme: "dark" });
            await shoot(world, page, "household-dark.png");
            assert.deepEqual(complaints, []);
            await context.close();
        });

        it("draws a gap as a gap and never as zero", async () => {
            const { page, context } = await openHome(world);
            assert.equal(await page.getAttribute("[data-testid=chart]", "data-gaps"), "2");
            await page.waitForTimeout(150);
            assert.ok((await coloursInColumn(page, 10.5 / 31)) > 1, "hatching on 11 January");
            assert.equal(await coloursInColumn(page, 7.5 / 31), 1, "no hatching on 8 January");
            const plot = await page.locator("[data-testid=chart] .u-over").boundingBox();
            await page.mouse.move(plot.x + (plot.width * 19.5) / 31, plot.y + plot.height / 2);
            assert.equal(await page.textContent("[data-testid=readout]"), "Sun 20 Jan: 66.617 kWh");
            await page.mouse.move(plot.x + (plot.width * 10.5) / 31, plot.y + plot.height / 2);
            assert.match(
                await page.textContent("[data-testid=readout]"),
                /11 Jan: [\d.]+ kWh, partly read/,
            );
            await page.mouse.click(plot.x + (plot.width * 24.5) / 31, plot.y + plot.height / 2);
            assert.match(await shownPeriod(page), /25 January 2013/);
            await chooseView(page, "Month");
            await page.click("[data-testid=table] summary");
            await page.waitForSelector("[data-testid=table] tbody tr");
            const quality = await page.$$eval("[data-testid=table] tbody tr", (rows) =>
                rows.map((row) => row.dataset.quality),
            );
            assert.equal(quality.length, 31);
            assert.equal(quality[10], "partial");
            await page.click("[data-testid=table] tbody tr:nth-child(11) button");
            await page.waitForSelector("[data-testid=chart][data-view=day]");
            assert.match(await shownPeriod(page), /11 January 2013/);
            const missing = page.locator("[data-testid=table] tr[data-quality=missing]");
            assert.ok((await missing.count()) > 0);
            assert.match(await missing.first().innerText(), /–\s+no reading/);
            await context.close();
        });

        it("moves by day, week and month in the time of the meter", async () => {
            const { page, context, complaints } = await openHome(world);
            await chooseView(page, "Day");
            assert.match(await shownPeriod(page), /Thursday,? 31 January 2013/);
            assert.equal(
                await page.getByRole("button", { name: "Next day" }).getAttribute("aria-disabled"),
                "true",
            );
            await page.getByRole("button", { name: "Previous day" }).click();
            assert.match(await shownPeriod(page), /30 January 2013/);
            await page.focus("[data-testid=chart]");
            await page.keyboard.press("Home");
            assert.match(
                await page.textContent("[data-testid=readout]"),
                /^00:00–00:30: \d+\.\d{3} kWh/,
            );
            await chooseView(page, "Week");
            assert.match(await shownPeriod(page), /28 Jan – 31 Jan 2013/);
            await page.getByRole("button", { name: "Previous week" }).click();
            assert.match(await shownPeriod(page), /21 Jan – 27 Jan 2013/);
            await shoot(world, page, "household-week.png");
            assert.deepEqual(complaints, []);
            await context.close();
        });

        it("takes a key file by keyboard and by drop", async () => {
            const { page, context } = await openWatchedPage(world.browser);
            await page.goto(`${world.demo.url}/#/home`);
            await page.waitForSelector(KEY_INPUT, { state: "attached" });
            const isFocused = () =>
                page.$eval(KEY_INPUT, (input) => input === document.activeElement);
            for (let i = 0; i < 8 && !(await isFocused()); i++) await page.keyboard.press("Tab");
            assert.ok(await isFocused());
            const transfer = await page.evaluateHandle(
                (text) => {
                    const data = new DataTransfer();
                    data.items.add(new File([text], "key.json"));
                    return data;
                },
                readFileSync(world.demo.keyFile(HOME), "utf8"),
            );
            await page.dispatchEvent(".picker-area", "drop", { dataTransfer: transfer });
            await page.waitForSelector("[data-testid=total]");
            await page.getByRole("button", { name: "Close and forget the key" }).click();
            await page.waitForSelector(KEY_INPUT, { state: "attached" });
            assert.equal(await page.locator("[data-testid=total]").count(), 0);
            assert.equal(page.workers().length, 0);
            await context.close();
        });
    });

    describe("every page", () => {
        for (const width of [320, 768, 1440]) {
            it(`fits ${width} pixels, light and dark`, async () => {
                const { page, context } = await openHome(world, {
                    viewport: { width, height: 800 },
                });
                for (const colorScheme of ["light", "dark"]) {
                    await page.emulateMedia({ colorScheme });
                    for (const view of ["Day", "Week", "Year", "Month"]) {
                        await chooseView(page, view);
                        assert.equal(await scrollsSideways(page), false, `${view} ${colorScheme}`);
                    }
                }
                await page.emulateMedia({ colorScheme: "light" });
                if (width === 320) await shoot(world, page, "household-mobile.png");
                await page.click("[data-page=neighbourhood]");
                await page.waitForSelector("[data-testid=sealed-registers] td");
                assert.equal(await scrollsSideways(page), false, "neighbourhood");
                if (width === 320) await shoot(world, page, "neighbourhood-mobile.png");
                await page.click("[data-page=household]");
                await page.waitForSelector("[data-testid=total]");
                await context.close();
            });
        }
    });
}
