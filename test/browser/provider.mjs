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

/** The one grant of January: its sums are those that the household's own key opens. */
export async function opensTheGrantedDays(world, demo, keyFile) {
    const { page, context, complaints } = await openProvider(world, demo);
    const card = page.locator("[data-testid=received]").first();
    assert.match(
        await card.innerText(),
        /Daily totals of what the home takes from the grid, 1 January to 31 January 2013/,
    );
    await card.locator("[data-testid=read]").click();
    await card.locator("[data-testid=provider-total]").waitFor();
    const common = ["--key", keyFile, "--data", demo.dataDir, "--json", "--level", "day"];
    const range = ["--from", "2013-01-01", "--to", "2013-02-01"];
    const usage = JSON.parse(await runMeterseal("usage", ...common, ...range));
    assert.equal(
        await card.locator("[data-testid=provider-total]").getAttribute("data-wh"),
        String(usage.totalImportWh),
    );
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
    assert.deepEqual(await seriousFindings(page), []);
    await page.setViewportSize({ width: 320, height: 800 });
    await page.waitForTimeout(150);
    assert.equal(await scrollsSideways(page), false);
    await page.setViewportSize({ width: 1440, height: 900 });
    await shoot(world, page, "provider.png");
    assert.deepEqual(complaints, []);
    await context.close();
}
