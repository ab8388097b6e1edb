// What people ask of all pages in their system: colours of their own, and no motion.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seriousFindings } from "./access.mjs";
import { HOME, KEY_INPUT, openHome, shoot } from "./home-page.mjs";
import { openWatchedPage } from "./watched-page.mjs";

/** Colour in the middle of the bar of 20 January, the highest one, as three numbers. */
function colourOfBar(page) {
    return page.evaluate(() => {
        const canvas = document.querySelector("[data-testid=chart] canvas");
        const over = document.querySelector("[data-testid=chart] .u-over");
        const ratio = window.devicePixelRatio;
        const frame = canvas.getBoundingClientRect();
        const plot = over.getBoundingClientRect();
        const x = Math.round((plot.left - frame.left + (plot.width * 19.5) / 31) * ratio);
        const y = Math.round((plot.bottom - frame.top - 10) * ratio);
        return [...canvas.getContext("2d").getImageData(x, y, 1, 1).data.slice(0, 3)];
    });
}

/** A colour that the system names, such as CanvasText, as three numbers. */
function systemColour(page, name) {
    return page.evaluate((colour) => {
        const probe = document.createElement("i");
        probe.style.color = colour;
        document.body.append(probe);
        const text = getComputedStyle(probe).color;
        probe.remove();
        return text.match(/\d+/g).slice(0, 3).map(Number);
    }, name);
}

const styleOf = (page, selector, property) =>
    page.$eval(selector, (element, name) => getComputedStyle(element)[name], property);

/** Forced colours and reduced motion. */
export function describePreferences(world) {
    describe("colours that the system forces", () => {
        it("keep the chart readable, and what is chosen apart from what is not", async () => {
            const { page, context, complaints } = await openHome(world);
            await page.waitForTimeout(150);
            const ownColour = await colourOfBar(page);
            await page.emulateMedia({ forcedColors: "active", colorScheme: "dark" });
            // The chart is drawn anew by itself.
            await page.waitForTimeout(150);
            const ground = await systemColour(page, "Canvas");
            const forced = await colourOfBar(page);
            assert.notDeepEqual(forced, ownColour);
            assert.deepEqual(forced, await systemColour(page, "CanvasText"));
            assert.notDeepEqual(forced, ground);

            const chosen = "input[name=view]:checked + span";
            const other = "input[name=view]:not(:checked) + span";
            const grounds = [chosen, other].map((selector) =>
                styleOf(page, selector, "backgroundColor"),
            );
            const [chosenGround, otherGround] = await Promise.all(grounds);
            assert.notEqual(chosenGround, otherGround, "the chosen view");
            const lines = ["a[aria-current=page]", "a:not([aria-current])"].map((link) =>
                styleOf(page, `nav ${link}`, "borderBottomColor"),
            );
            const [current, elsewhere] = await Promise.all(lines);
            assert.notEqual(current, elsewhere, "the page that is open");
            assert.equal(elsewhere, `rgb(${ground.join(", ")})`);
            const swatches = await page.$$eval(".energy .swatch", (all) =>
                all.map((swatch) => {
                    const { backgroundColor, backgroundImage } = getComputedStyle(swatch);
                    return `${backgroundColor} ${backgroundImage}`;
                }),
            );
            assert.equal(swatches.length, 2);
            assert.ok(swatches[0].startsWith(`rgb(${forced.join(", ")})`), "the legend's bar");
            assert.match(swatches[1], /gradient/, "the legend's hatching");
            const shades = await page.$$eval(".heat .legend .swatch", (all) =>
                all.map((swatch) => getComputedStyle(swatch).backgroundColor),
            );
            assert.equal(new Set(shades.slice(0, 5)).size, 5, "five shades");
            await page.keyboard.press("Tab");
            assert.notEqual(
                await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle),
                "none",
            );
            assert.deepEqual(await seriousFindings(page), []);
            await shoot(world, page, "household-forced-colours.png");
            await page.click("[data-page=neighbourhood]");
            await page.waitForSelector("[data-testid=sealed-registers] td");
            assert.equal(await styleOf(page, ".tile", "borderRightStyle"), "solid");
            await shoot(world, page, "neighbourhood-forced-colours.png");
            // Chromium advises pages that read their canvas twice; here the test reads it.
            const own = complaints.filter((text) => !text.includes("willReadFrequently"));
            assert.deepEqual(own, []);
            await context.close();
        });
    });

    describe("reduced motion", () => {
        for (const [reducedMotion, animation] of [
            ["no-preference", "slide"],
            ["reduce", "none"],
        ]) {
            it(`${reducedMotion}: the bar that says “busy” has animation ${animation}`, async () => {
                const { page, context } = await openWatchedPage(world.browser, { reducedMotion });
                const held = Promise.withResolvers();
                await context.route("**/evidence", async (route) => {
                    await held.promise;
                    await route.continue();
                });
                await page.goto(`${world.demo.url}/#/home`);
                await page.setInputFiles(KEY_INPUT, world.demo.keyFile(HOME));
                await page.waitForSelector(".progress");
                const name = await page.$eval(
                    ".progress",
                    (bar) => getComputedStyle(bar, "::after").animationName,
                );
                assert.equal(name, animation);
                const moving = () => page.evaluate(() => document.getAnimations().length);
                assert.equal(await moving(), animation === "none" ? 0 : 1);
                held.resolve();
                await page.waitForSelector("[data-testid=total]");
                assert.equal(await moving(), 0, "nothing moves on an open home");
                await context.close();
            });
        }
    });
}
