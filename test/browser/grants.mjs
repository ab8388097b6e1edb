// Grants end to end: made, looked at, warned of and revoked in the browser, on the real server.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { seriousFindings } from "./access.mjs";
import { startDemo } from "./demo.mjs";
import { KEY_INPUT, shoot } from "./home-page.mjs";
import { sectionsOf, walkByKeyboard } from "./keyboard.mjs";
import { opensTheGrantedDays } from "./provider.mjs";
import { openWatchedPage, scrollsSideways, textOfRequest } from "./watched-page.mjs";

/** Grants nothing before its test. */
const HOME = "MAC000515";
/** Has granted days of January and half-hours of February before the tests. */
const NEIGHBOUR = "MAC000516";
const PROVIDER = "Example Energy";
const SIGNER_INPUT = "[data-testid=signer-input]";
const PASSPHRASE = "copper lantern voyage nine";

const walletFile = (demo, home) => join(demo.dataDir, "households", home, "wallet.key");

/** A home open at the sharing page, with its signing key. */
async function openSharing(world, demo, home, options = {}) {
    const watched = await openWatchedPage(world.browser, options);
    const { page } = watched;
    await page.goto(`${demo.url}/#/sharing`);
    await page.setInputFiles(KEY_INPUT, demo.keyFile(home));
    await page.setInputFiles(SIGNER_INPUT, walletFile(demo, home));
    await page.waitForSelector("[data-testid=signer]", { state: "detached" });
    return watched;
}

/** The card of the provider; the demo's monitor may have one of its own. */
function providerCard(page) {
    return page.locator("[data-testid=recipient]", { hasText: PROVIDER });
}

/** Fills in a wish to the provider. */
async function wishFor(page, { step, first, last }) {
    await page.getByRole("radio", { name: PROVIDER }).check();
    await page.getByRole("radio", { name: step }).check();
    await page.fill("input[type=date] >> nth=0", first);
    await page.fill("input[type=date] >> nth=1", last);
    await page.waitForSelector("[data-testid=issue]");
}

/** Issues what was filled in, and waits for the grant that has these words. */
async function issue(page, words) {
    await page.click("[data-testid=issue-now]");
    await page
        .getByText("Its notice is on the ledger")
        .or(page.getByText("Granted", { exact: true }))
        .first()
        .waitFor();
    const grant = page.locator("[data-testid=grant]", { hasText: words });
    await grant.waitFor();
    return grant;
}

/** Grants in the browser. */
export function describeGrants(world) {
    describe("grants", () => {
        let demo;
        before(async () => {
            demo = await startDemo("--meters", "2", "--days", "60");
            const { page, context } = await openSharing(world, demo, NEIGHBOUR);
            await wishFor(page, { step: /^Daily/, first: "2013-01-01", last: "2013-01-31" });
            await issue(page, "1 January to 31 January 2013");
            await wishFor(page, { step: /^Every half/, first: "2013-02-01", last: "2013-02-28" });
            await issue(page, "1 February to 28 February 2013");
            await context.close();
        });
        after(async () => {
            await demo.stop();
            demo.remove();
        });

        it("are made, seen, warned of and revoked, each step said before it is done", async () => {
            const { page, context, complaints, requests } = await openSharing(world, demo, HOME);
            await page.waitForSelector("[data-testid=grant-card] input[name=recipient]");
            assert.match(await page.innerText("[data-testid=others]"), new RegExp(PROVIDER));
            assert.equal(await providerCard(page).count(), 0);
            await wishFor(page, { step: /^Daily/, first: "2013-01-01", last: "2013-01-31" });
            assert.equal(
                await page.getAttribute("[data-testid=issue] [data-testid=derived]", "data-count"),
                "0",
            );
            const sent = () => requests.filter((request) => request.method() === "POST").length;
            assert.equal(sent(), 0, "nothing is sent before it is said");
            const january = await issue(page, "1 January to 31 January 2013");
            assert.equal(await january.getAttribute("data-state"), "active");
            assert.equal(sent(), 2, "a notice and a grant");
            await gapIsSaid(page);
            await revokes(page, demo, january);
            await keysStayed(requests, demo);
            assert.deepEqual(complaints, []);
            await context.close();
        });

        it("open to the provider what the page showed, and the household sees that it took them", async () => {
            await opensTheGrantedDays(world, demo, demo.keyFile(NEIGHBOUR));
            const { page, context } = await openSharing(world, demo, NEIGHBOUR);
            const grant = providerCard(page).locator("[data-testid=grant]").first();
            assert.match(await grant.innerText(), /Example Energy took it once, last on/);
            await grant.locator("[data-testid=accesses] summary").click();
            await grant.locator("[data-testid=accesses] li").waitFor();
            assert.match(
                await grant.locator("[data-testid=accesses]").innerText(),
                /2 Mar 2013, 00:00: Example Energy, for “portal”/,
            );
            await context.close();
        });

        it("are for who holds the home's own signing key, which can be remembered", async () => {
            const { page, context } = await openWatchedPage(world.browser);
            await page.goto(`${demo.url}/#/sharing`);
            await page.setInputFiles(KEY_INPUT, demo.keyFile(NEIGHBOUR));
            const refusal = async (file) => {
                await page.setInputFiles(SIGNER_INPUT, file);
                await page.waitForSelector("[role=alert]");
                const text = await page.innerText("[role=alert]");
                await page.waitForSelector(`${SIGNER_INPUT}:enabled`, { state: "attached" });
                return text;
            };
            assert.match(
                await refusal(walletFile(demo, HOME)),
                /of another home[\s\S]*MS_KEY_FOREIGN/,
            );
            assert.match(
                await refusal(demo.keyFile(NEIGHBOUR)),
                /not the signing key[\s\S]*MS_KEY_FILE/,
            );
            await page.setInputFiles(SIGNER_INPUT, walletFile(demo, NEIGHBOUR));
            await page.waitForSelector("[data-testid=grant]");
            await page.click("[data-tab=household]");
            await page.click("[data-testid=remember] summary");
            await page.fill("[data-testid=remember] [data-testid=passphrase]", PASSPHRASE);
            await page.getByRole("button", { name: "Remember", exact: true }).click();
            await page.getByRole("button", { name: "Lock" }).waitFor();
            await page.goto(`${demo.url}/#/sharing`);
            await page.reload();
            await page.fill("[data-testid=unlock] [data-testid=passphrase]", PASSPHRASE);
            await page.getByRole("button", { name: "Unlock" }).click();
            await page.waitForSelector("[data-testid=grant]");
            assert.equal(await page.locator("[data-testid=signer]").count(), 0);
            await context.close();
        });

        it("that a server alters or keeps back are named, and not shown", async () => {
            const { page, context } = await openWatchedPage(world.browser);
            let isHidden = false;
            await context.route(/api\/v1\/grants\/[0-9a-f]{64}$/, async (route) => {
                const answer = await route.fetch();
                const body = await answer.body();
                body[body.length - 1] ^= 1;
                await route.fulfill({ response: answer, body });
            });
            await context.route(/api\/v1\/grants\?/, async (route) => {
                const answer = await route.fetch();
                const { grants } = await answer.json();
                await route.fulfill({ response: answer, json: { grants: isHidden ? [] : grants } });
            });
            await page.goto(`${demo.url}/#/sharing`);
            await page.setInputFiles(KEY_INPUT, demo.keyFile(NEIGHBOUR));
            await page.setInputFiles(SIGNER_INPUT, walletFile(demo, NEIGHBOUR));
            await page.getByText("is not signed by your home").first().waitFor();
            assert.equal(await page.locator("[data-testid=grant]").count(), 0);
            isHidden = true;
            await page.click("[data-tab=household]");
            await page.waitForSelector("[data-testid=total]");
            await page.click("[data-tab=sharing]");
            await page.getByText("The ledger names a grant of yours").first().waitFor();
            await context.close();
        });

        it("are shown where the server leaves their recipient out of its list, or denies it", async () => {
            const { page, context } = await openWatchedPage(world.browser, {
                viewport: { width: 320, height: 900 },
            });
            let isDenied = false;
            await context.route(/api\/v1\/parties\?/, (route) =>
                route.fulfill({ json: { parties: [] } }),
            );
            await context.route(/api\/v1\/parties\/[0-9a-f]{32}$/, (route) =>
                isDenied ? route.fulfill({ status: 404, json: {} }) : route.continue(),
            );
            await page.goto(`${demo.url}/#/sharing`);
            await page.setInputFiles(KEY_INPUT, demo.keyFile(NEIGHBOUR));
            await page.setInputFiles(SIGNER_INPUT, walletFile(demo, NEIGHBOUR));
            await page
                .getByText(`leaves ${PROVIDER}, which holds something of your home,`)
                .waitFor();
            assert.equal(await providerCard(page).locator("[data-testid=grant]").count(), 2);
            isDenied = true;
            await page.click("[data-tab=household]");
            await page.waitForSelector("[data-testid=total]");
            await page.click("[data-tab=sharing]");
            await page.getByText("The server does not show who this is:").waitFor();
            assert.equal(await page.locator("[data-testid=grant]").count(), 2);
            assert.equal(await page.getByText("Nobody can see anything").count(), 0);
            assert.equal(await scrollsSideways(page), false);
            await shoot(world, page, "grants-denied-320.png");
            await context.close();
        });

        for (const width of [320, 1440]) {
            it(`are there for everybody at ${width} pixels, light and dark`, async () => {
                const { page, context } = await openSharing(world, demo, NEIGHBOUR, {
                    viewport: { width, height: 900 },
                    reducedMotion: "reduce",
                });
                await wishFor(page, { step: /^Hourly/, first: "2013-01-01", last: "2013-01-31" });
                for (const summary of await page.locator("[data-testid=grant] summary").all()) {
                    await summary.click();
                }
                await providerCard(page).locator("[data-testid=revoke]").first().click();
                for (const colorScheme of ["light", "dark"]) {
                    await page.emulateMedia({ colorScheme });
                    assert.deepEqual(await seriousFindings(page), [], colorScheme);
                    await shoot(world, page, `grants-${width}-${colorScheme}.png`);
                }
                assert.equal(await scrollsSideways(page), false);
                const sections = sectionsOf(await walkByKeyboard(page));
                const own = sections.filter((name) => name === PROVIDER || name.startsWith("Let "));
                assert.deepEqual([...new Set(own)], [PROVIDER, "Let somebody see something"]);
                await context.close();
            });
        }
    });
}

/** A second grant leaves a gap that follows from both: it is said before, and asks for a word more. */
async function gapIsSaid(page) {
    await wishFor(page, { step: /^Daily/, first: "2013-02-10", last: "2013-02-20" });
    const derived = page.locator("[data-testid=issue] [data-testid=derived]");
    await page.waitForSelector("[data-testid=issue] [data-testid=derived][data-count='1']");
    assert.match(
        await derived.innerText(),
        /Between the grants lies time .* 1 Feb 2013, 00:00 to 10 Feb 2013, 00:00/,
    );
    const button = page.locator("[data-testid=issue-now]");
    assert.equal(await button.getAttribute("aria-disabled"), "true");
    await button.click({ force: true });
    assert.equal(
        await providerCard(page).locator("[data-testid=grant]").count(),
        1,
        "not without the word",
    );
    await page.check("[data-testid=issue] input[type=checkbox]");
    await issue(page, "10 February to 20 February 2013");
    assert.match(
        await providerCard(page).locator("[data-testid=derived]").innerText(),
        /Taken together, these grants tell Example Energy more than each of them/,
    );
    // A whole month on top closes the gap, and says nothing new.
    await wishFor(page, { step: /^Monthly/, first: "2013-02-05", last: "2013-02-06" });
    assert.match(
        await page.innerText("[data-testid=grant-words]"),
        /^Monthly totals .*, 1 February to 28 February 2013/,
    );
}

/** Revoking asks once more, says what it cannot do, and stands in the ledger. */
async function revokes(page, demo, grant) {
    await grant.locator("[data-testid=revoke]").click();
    await page.getByText("What it could read until now stays readable").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Keep it");
    await page.getByRole("button", { name: "Keep it" }).click();
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Revoke");
    await grant.locator("[data-testid=revoke]").click();
    await grant.locator("[data-testid=revoke-now]").click();
    await page.waitForSelector("[data-testid=grant][data-state=revoked]");
    assert.equal(await grant.locator("[data-testid=revoke]").count(), 0);
    assert.match(await grant.innerText(), /revoked on .* What was readable before stays readable/);
    const hash = await grant.getAttribute("data-hash");
    const { notices } = await (await fetch(`${demo.url}/api/v1/notices?kind=2`)).json();
    assert.ok(notices.some(({ topic }) => topic === hash));
    await grant.getByText("Technical details").click();
    assert.match(await grant.innerText(), /entry \d+, proven under the server's checkpoint/);
}

/** No request carried the key of the readings or the one that signs. */
async function keysStayed(requests, demo) {
    const { master } = JSON.parse(readFileSync(demo.keyFile(HOME), "utf8"));
    const { signingKey } = JSON.parse(readFileSync(walletFile(demo, HOME), "utf8"));
    const secrets = [master, signingKey.slice(40, 100)].flatMap((text) => {
        const bytes = Buffer.from(text, "base64");
        return [text, bytes.toString("hex"), bytes.toString("latin1"), bytes.toString("base64url")];
    });
    for (const text of await Promise.all(requests.map(textOfRequest))) {
        for (const secret of secrets)
            assert.ok(!text.includes(secret), "a key stays in the browser");
    }
}
