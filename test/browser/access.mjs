// Every page for everybody: axe-core finds nothing serious, and the keyboard reaches everything.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, it } from "node:test";
import { chooseView, KEY_INPUT, openHome, shoot } from "./home-page.mjs";
import { openWatchedPage, scrollsSideways } from "./watched-page.mjs";

const axeSource = readFileSync(
    createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
    "utf8",
);
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What axe-core calls serious or critical on a page, by rule and place. */
export async function seriousFindings(page) {
    await page.evaluate(axeSource);
    return await page.evaluate(async (tags) => {
        const { violations } = await globalThis.axe.run(document, { runOnly: tags });
        return violations
            .filter(({ impact }) => impact === "serious" || impact === "critical")
            .flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(" ")}`));
    }, TAGS);
}

/** Accessibility of each page, in both schemes and at both ends of the widths. */
export function describeAccess(world) {
    describe("accessibility", () => {
        for (const width of [320, 1440]) {
            it(`has no serious finding at ${width} pixels, light and dark`, async () => {
                const { page, context } = await openHome(world, {
                    viewport: { width, height: 900 },
                    reducedMotion: "reduce",
                });
                const check = async (place) => {
                    for (const colorScheme of ["light", "dark"]) {
                        await page.emulateMedia({ colorScheme });
                        assert.deepEqual(
                            await seriousFindings(page),
                            [],
                            `${place} ${colorScheme}`,
                        );
                    }
                    assert.equal(await scrollsSideways(page), false, place);
                };
                for (const summary of await page.locator("summary").all()) await summary.click();
                await check("home by month");
                await chooseView(page, "Day");
                await check("home by day");
                await page.click("[data-tab=sharing]");
                await page.click("[data-testid=sight-table] summary");
                await check("who can see what");
                await page.click("[data-page=neighbourhood]");
                await page.waitForSelector("[data-testid=sealed-registers] td");
                await check("neighbourhood");
                await page.click("[data-page=start]");
                await page.waitForSelector("[data-testid=pulse]");
                await check("start");
                await page.emulateMedia({ colorScheme: "light" });
                await shoot(world, page, width === 320 ? "start-mobile.png" : "start.png");
                await page.reload();
                await page.click("[data-page=household]");
                await page.waitForSelector(KEY_INPUT, { state: "attached" });
                await check("key");
                await context.close();
            });
        }

        it("walks the start page by keyboard: skip link first, focus seen, no trap", async () => {
            const { page, context } = await openWatchedPage(world.browser);
            await page.goto(world.demo.url);
            await page.waitForSelector("[data-testid=pulse]");
            const texts = [];
            for (let i = 0; i < 16; i++) {
                await page.keyboard.press("Tab");
                const { isBody, text, outline } = await page.evaluate(() => ({
                    isBody: document.activeElement === document.body,
                    text: document.activeElement.textContent.trim(),
                    outline: getComputedStyle(document.activeElement).outlineStyle,
                }));
                if (isBody) break;
                texts.push(text);
                assert.notEqual(outline, "none", `focus on ${text} shows`);
            }
            assert.deepEqual(texts.slice(0, 6), [
                "Skip to content",
                "Meterseal",
                "Start",
                "Neighbourhood",
                "My home",
                "Open my home",
            ]);
            assert.ok(texts.includes("What is a kilowatt-hour?"), texts.join(", "));
            await context.close();
        });

        it("opens a day from the calendar of the year by keyboard", async () => {
            const { page, context, complaints } = await openHome(world);
            const days = page.locator("[data-testid=heat] [data-day]");
            assert.equal(await days.count(), 31);
            assert.equal(await page.locator("[data-day][tabindex='0']").count(), 1);
            await page.locator("[data-day][tabindex='0']").focus();
            await page.keyboard.press("Home");
            await page.keyboard.press("ArrowDown");
            assert.match(
                await page.textContent("[data-testid=heat-readout]"),
                /8 January 2013: [\d.]+ kWh/,
            );
            await page.keyboard.press("Enter");
            await page.waitForSelector("[data-testid=chart][data-view=day]");
            assert.match(await page.textContent("[data-testid=comparison]"), /7 January 2013/);
            assert.equal(await page.locator("[data-day][aria-current=date]").count(), 1);
            assert.deepEqual(complaints, []);
            await context.close();
        });
    });
}
