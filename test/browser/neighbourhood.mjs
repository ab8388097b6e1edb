// The page that everybody may see.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startDemo } from "./demo.mjs";
import { HOME, KEY_INPUT, shoot, verdictsOf } from "./home-page.mjs";
import { openWatchedPage } from "./watched-page.mjs";

/** The neighbourhood page, of a sealed and of an open network, and without a server. */
export function describeNeighbourhood(world) {
    describe("neighbourhood", () => {
        it("shows the fleet, the ledger and a sealed row, from this server alone", async () => {
            const { page, context, complaints, requests } = await openWatchedPage(world.browser);
            await page.goto(`${world.demo.url}/#/neighbourhood`);
            await page.waitForSelector("[data-testid=sealed-registers] td");
            assert.match(await page.title(), /Neighbourhood/);
            assert.match(await page.textContent("[data-testid=clock-label]"), /replay of 2013/);
            assert.equal(await page.locator(".meters tbody tr:not(.street)").count(), 11);
            const text = await page.innerText("main");
            assert.match(text, /your consumption: nothing/);
            const { ledger, checkpoint } = await (
                await fetch(`${world.demo.url}/api/v1/network`)
            ).json();
            assert.equal(ledger.readings, 11 * (31 * 48 + 1));
            assert.ok(text.includes(ledger.readings.toLocaleString("en-GB")));
            const root = Buffer.from(checkpoint.split("\n")[2], "base64").toString("hex");
            assert.equal(await page.getAttribute("[data-testid=checkpoint-root]", "title"), root);
            const sealed = await page.textContent("[data-testid=sealed-registers] td");
            assert.match(sealed, /^[0-9a-f]{4}( [0-9a-f]{4}){3}$/);
            await shoot(world, page, "neighbourhood.png");
            assert.deepEqual(complaints, []);
            assert.ok(
                requests.every((request) => new URL(request.url()).origin === world.demo.url),
            );
            const scripts = requests
                .map((request) => request.url())
                .filter((url) => /\.js$/.test(url));
            assert.equal(
                scripts.filter((url) => /worker/.test(url)).length,
                0,
                "no cryptography yet",
            );
            await context.close();
        });

        it("says plainly that an open network is open", async () => {
            const open = await startDemo("--meters", "1", "--days", "2", "--open");
            const { page, context, complaints } = await openWatchedPage(world.browser);
            try {
                await page.goto(`${open.url}/#/neighbourhood`);
                await page.waitForSelector("[data-testid=sealed-registers] td");
                const text = await page.innerText("main");
                assert.match(text, /your consumption: all of it/);
                assert.doesNotMatch(text, /nothing|only the household can read/);
                assert.match(await page.textContent("[data-testid=sealed-registers] td"), /^\d+$/);
                await page.goto(`${open.url}/#/home`);
                await page.setInputFiles(KEY_INPUT, open.keyFile("MAC000515"));
                const verdicts = await verdictsOf(page);
                assert.ok(Object.values(verdicts).every(({ holds }) => holds));
                await page.click("[data-tab=sharing]");
                await page.getByText("there is nothing to grant").waitFor();
                assert.equal(await page.locator("[data-testid=grant-card]").count(), 0);
                assert.deepEqual(complaints, []);
            } finally {
                await context.close();
                await open.stop();
                open.remove();
            }
        });
    });

    describe("without a server", () => {
        it("the page says so and keeps what it has", async () => {
            const { page, context } = await openWatchedPage(world.browser);
            await page.goto(`${world.demo.url}/#/neighbourhood`);
            await page.waitForSelector(".meters");
            await context.route("**/api/**", (route) => route.abort());
            await page.getByText("The server does not answer").waitFor();
            assert.equal(await page.locator(".meters tbody tr:not(.street)").count(), 11);
            await page.click("[data-page=household]");
            await page.setInputFiles(KEY_INPUT, world.demo.keyFile(HOME));
            await page.getByText("Your key was read").waitFor();
            assert.match(await page.innerText("main"), /MS_LINK/);
            await context.close();
        });
    });
}
