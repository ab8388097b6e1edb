// The address names what is shown: Back, a reload and a link lead to it again.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chooseView, HOME, KEY_INPUT, openHome, shownPeriod } from "./home-page.mjs";
import { openWatchedPage } from "./watched-page.mjs";

const hashOf = (page) => new URL(page.url()).hash;

/** Waits until the page shows a period, and its view; browsers differ in commas. */
async function waitForPeriod(page, view, name) {
    await page.waitForFunction(
        ([wantedView, wantedName]) =>
            document.querySelector("[data-testid=chart]")?.dataset.view === wantedView &&
            document
                .querySelector("[data-testid=period]")
                .selectedOptions[0].text.replaceAll(",", "") === wantedName,
        [view, name],
    );
    assert.equal(await page.locator(`input[name=view][value=${view}]`).isChecked(), true);
}

/** View and period in the address. */
export function describeAddress(world) {
    describe("the address of a home", () => {
        it("follows view and period, and Back and Forward go the same way", async () => {
            const { page, context, complaints } = await openHome(world);
            assert.equal(hashOf(page), "#/home");
            await chooseView(page, "Week");
            assert.equal(hashOf(page), "#/home?week");
            await page.getByRole("button", { name: "Previous week" }).click();
            await waitForPeriod(page, "week", "21 Jan – 27 Jan 2013");
            assert.equal(hashOf(page), "#/home?week=2013-01-21");
            await page.getByRole("button", { name: /^Tuesday,? 8 January/ }).click();
            await waitForPeriod(page, "day", "Tuesday 8 January 2013");
            assert.equal(hashOf(page), "#/home?day=2013-01-08");
            const total = await page.getAttribute("[data-testid=total]", "data-wh");
            await page.goBack();
            await waitForPeriod(page, "week", "21 Jan – 27 Jan 2013");
            await page.goBack();
            await waitForPeriod(page, "week", "28 Jan – 31 Jan 2013");
            await page.goForward();
            await page.goForward();
            await waitForPeriod(page, "day", "Tuesday 8 January 2013");
            assert.equal(await page.getAttribute("[data-testid=total]", "data-wh"), total);
            await page.click("[data-page=neighbourhood]");
            await page.waitForSelector(".meters");
            await page.goBack();
            await waitForPeriod(page, "day", "Tuesday 8 January 2013");
            assert.deepEqual(complaints, []);
            await context.close();
        });

        it("shows what it says after a reload, once the key is there again", async () => {
            const { page, context, complaints } = await openWatchedPage(world.browser);
            await page.goto(`${world.demo.url}/#/home?day=2013-01-11`);
            await page.setInputFiles(KEY_INPUT, world.demo.keyFile(HOME));
            await waitForPeriod(page, "day", "Friday 11 January 2013");
            await page.reload();
            await page.setInputFiles(KEY_INPUT, world.demo.keyFile(HOME));
            await waitForPeriod(page, "day", "Friday 11 January 2013");
            assert.equal(hashOf(page), "#/home?day=2013-01-11");
            assert.deepEqual(complaints, []);
            await context.close();
        });

        it("of no period of this home leads to one that is there", async () => {
            const { page, context } = await openHome(world);
            for (const [hash, view, name] of [
                ["#/home?day=2012-02-30", "day", "Thursday 31 January 2013"],
                ["#/home?week=1999-01-01", "week", "1 Jan – 6 Jan 2013"],
                ["#/home?year=2031", "year", "2013"],
                ["#/home?fortnight", "month", "January 2013"],
            ]) {
                await page.evaluate((to) => {
                    window.location.hash = to;
                }, hash);
                await waitForPeriod(page, view, name);
            }
            assert.equal(await shownPeriod(page), "January 2013");
            await context.close();
        });
    });
}
