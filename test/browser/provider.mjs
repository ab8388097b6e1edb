// A provider in the browser: what was granted to it opens, to the last watt-hour, and nothing else.
import assert from "node:assert/strict";
import { join } from "node:path";
import { seriousFindings } from "./access.mjs";
import { runMeterseal } from "./demo.mjs";
import { shoot } from "./home-page.mjs";
import { openWatchedPage, scrollsSideways } from "./watched-page.mjs";

export const PROVIDER_INPUT = "[data-testid=provider-input]";

/** Key file of the demo's provider. */
export function providerFile(demo) {
    return join(demo.dataDir, "providers", "example-energy", "provider.key");
}

/** The provider's page with its key. */
export async function openProvider(world, demo, options = {}) {
    const watched = await openWatchedPage(world.browser, options);
    await watched.page.goto(`${demo.url}/`);
    await watched.page.getByRole("link", { name: "For providers" }).click();
    await watched.page.setInputFiles(PROVIDER_INPUT, providerFile(demo));
    await watched.page.waitForSelector("[data-testid=received]");
    return watched;
}

/** What a home used over a range, by its own key on the command line. */
async function usageOf(demo, keyFile, level, from, to) {
    const common = ["--key", keyFile, "--data", demo.dataDir, "--json", "--level", level];
    return JSON.parse(await runMeterseal("usage", ...common, "--from", from, "--to", to));
}

/** Opens the sums of a grant; answers with their total, in Wh. */
async function readTotal(card) {
    await card.locator("[data-testid=read]").click();
    const total = card.locator("[data-testid=provider-total]");
    await total.waitFor();
    return Number(await total.getAttribute("data-wh"));
}

/** The grants of January and February: their sums are those that the household's own key opens. */
export async function opensTheGrantedDays(world, demo, keyFile) {
    const { page, context, complaints } = await openProvider(world, demo);
    const card = page.locator("[data-testid=received]").first();
    assert.match(
        await card.innerText(),
        /Daily totals of what the home takes from the grid, 1 January to 31 January 2013/,
    );
    const usage = await usageOf(demo, keyFile, "day", "2013-01-01", "2013-02-01");
    assert.equal(await readTotal(card), usage.totalImportWh);
    await card.locator("[data-testid=provider-table] summary").click();
    await card.locator("[data-testid=provider-table] tbody tr").first().waitFor();
    assert.deepEqual(
        await card.locator("[data-testid=provider-table] tbody td:nth-child(2)").allInnerTexts(),
        usage.intervals.map(({ importWh }) =>
            importWh === null ? "–" : (importWh / 1000).toFixed(3),
        ),
    );
    assert.deepEqual(
        await card
            .locator("[data-holds]")
            .evaluateAll((all) => all.map(({ dataset }) => dataset.holds)),
        ["true", "true", "true"],
    );
    // More half-hours than the store answers at one time.
    const february = page.locator("[data-testid=received]").nth(1);
    const halfHours = await usageOf(demo, keyFile, "slot", "2013-02-01", "2013-03-01");
    assert.equal(await readTotal(february), halfHours.totalImportWh);
    assert.match(await february.innerText(), /kWh in 1,344 sums/);
    assert.deepEqual(await seriousFindings(page), []);
    await page.setViewportSize({ width: 320, height: 800 });
    await page.waitForTimeout(150);
    assert.equal(await scrollsSideways(page), false);
    await page.setViewportSize({ width: 1440, height: 900 });
    await shoot(world, page, "provider.png");
    assert.deepEqual(complaints, []);
    await context.close();
}
