// One amount by a tariff, and the groups of a neighbourhood, on the real server.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { seriousFindings } from "./access.mjs";
import { runMeterseal } from "./demo.mjs";
import { KEY_INPUT, shoot } from "./home-page.mjs";
import { openWatchedPage, scrollsSideways } from "./watched-page.mjs";

const HOME = "MAC000516";
const PROVIDER = "Example Energy";
const MONITOR = "Example Feeder";
const TARIFF = "Low Carbon London, dynamic, January 2013";

async function openSharing(world, options = {}) {
    const watched = await openWatchedPage(world.browser, options);
    const { page } = watched;
    await page.goto(`${world.demo.url}/#/sharing`);
    await page.setInputFiles(KEY_INPUT, world.demo.keyFile(HOME));
    const wallet = join(world.demo.dataDir, "households", HOME, "wallet.key");
    await page.setInputFiles("[data-testid=signer-input]", wallet);
    await page.waitForSelector("[data-testid=signer]", { state: "detached" });
    return watched;
}

const cardOf = (page, name) => page.locator("[data-testid=recipient]", { hasText: name });

async function wishForAmount(page, tariff) {
    await page.getByRole("radio", { name: PROVIDER }).check();
    await page.getByRole("radio", { name: /^One amount/ }).check();
    await page.waitForSelector("[data-testid=tariff]");
    await page.selectOption("[data-testid=tariff]", { label: `${tariff}, ${PROVIDER}` });
}

/** What the provider's own program reads with a grant. */
async function readByProvider(world, hash) {
    const dir = join(world.demo.dataDir, "providers", "example-energy");
    const common = ["--dir", dir, "--url", world.demo.url, "--json"];
    return JSON.parse(await runMeterseal("provider", "sums", "--grant", hash, ...common));
}

/** Grants by a tariff, and groups. */
export function describeTariffGrants(world) {
    describe("one amount by a tariff", () => {
        it("is shown before it is granted, and is what the provider reads", async () => {
            const { page, context, complaints } = await openSharing(world);
            await wishForAmount(page, TARIFF);
            await page.waitForSelector("[data-testid=issue-now]");
            assert.match(
                await page.innerText("[data-testid=grant-words]"),
                /^One amount for 1 January to 31 January 2013: .* No reading can be taken out of it\.$/,
            );
            await page.waitForFunction(() =>
                /GBP/.test(document.querySelector("[data-testid=amount]")?.textContent ?? ""),
            );
            const shown = await page.innerText("[data-testid=amount]");
            assert.equal(await page.locator("[data-testid=sight]").count(), 0);
            await page.click("[data-testid=issue-now]");
            const grant = cardOf(page, PROVIDER).locator("[data-testid=grant]");
            await grant.waitFor();
            const hash = await grant.getAttribute("data-hash");
            const { currency, prices } = await readByProvider(world, hash);
            assert.equal(shown, `${prices[0].price} ${currency}`);
            await grant.getByText("Look at what").click();
            await grant.locator("[data-testid=amount]").getByText(shown).waitFor();
            assert.deepEqual(complaints, []);
            await context.close();
        });

        it("is refused by a tariff that does not fit the time, in words", async () => {
            const { page, context } = await openSharing(world);
            await wishForAmount(page, "Solar, summer afternoons dearer");
            await page.getByText("This tariff cannot weigh this time").waitFor();
            assert.equal(await page.locator("[data-testid=issue-now]").count(), 0);
            assert.equal(await page.locator("[data-testid=grant-card] [role=alert]").count(), 1);
            await context.close();
        });

        it("counts with everything else: a second tariff is warned of", async () => {
            // A browser that never granted anything: what another one did counts all the same.
            const { page, context } = await openSharing(world);
            assert.equal(await page.innerText("[data-testid=journaled]"), "0 grants");
            await wishForAmount(page, "Day and night, with weekends and a standing charge");
            const derived = page.locator("[data-testid=issue] [data-testid=derived]");
            await page.waitForSelector("[data-testid=issue] input[type=checkbox]");
            assert.match(await derived.innerText(), /has a weighted sum over this time already/);
            await context.close();
        });
    });

    describe("the groups of a neighbourhood", () => {
        it("are named to the home, with what their monitor sees and how to leave", async () => {
            const { page, context, complaints } = await openSharing(world);
            const card = cardOf(page, MONITOR);
            const groups = card.locator("[data-testid=group]");
            assert.match(
                await groups.first().innerText(),
                /^London, March 2013: 11 homes, one sum for every half-hour; you take part\.$/,
            );
            const crowd = card.locator("[data-testid=crowd]");
            assert.equal(await crowd.locator(".picture-own").getAttribute("data-blocks"), "48");
            assert.equal(await crowd.locator(".picture-others").getAttribute("data-blocks"), "48");
            await card.getByText("How to leave").click();
            await card.getByText("has no sum at all until").waitFor();
            const march = card.locator("[data-testid=grant]", { hasText: "31 March" });
            await march.locator("[data-testid=revoke]").click();
            await march.getByText("hands Example Feeder no tokens of yours").waitFor();
            await march.locator("[data-testid=revoke-now]").click();
            await card.locator("[data-testid=grant][data-state=revoked]").waitFor();
            assert.match(await groups.first().innerText(), /you left it\.$/);
            assert.deepEqual(complaints, []);
            await context.close();
        });

        for (const width of [320, 1440]) {
            it(`are there for everybody at ${width} pixels, light and dark`, async () => {
                const { page, context } = await openSharing(world, {
                    viewport: { width, height: 900 },
                    reducedMotion: "reduce",
                });
                await wishForAmount(page, TARIFF);
                for (const colorScheme of ["light", "dark"]) {
                    await page.emulateMedia({ colorScheme });
                    assert.deepEqual(await seriousFindings(page), [], colorScheme);
                    await shoot(world, page, `tariff-grants-${width}-${colorScheme}.png`);
                }
                assert.equal(await scrollsSideways(page), false);
                await context.close();
            });
        }
    });
}
