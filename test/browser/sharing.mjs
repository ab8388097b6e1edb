// Who can see what: what others would see is shown on the household's own readings.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runMeterseal } from "./demo.mjs";
import { HOME, openHome, shoot } from "./home-page.mjs";
import { walkByKeyboard } from "./keyboard.mjs";
import { scrollsSideways } from "./watched-page.mjs";

const OTHERS = ".picture-others";

/** Chooses how finely somebody shall see, and waits for the picture of it. */
async function chooseStep(page, name, blocks) {
    await page.getByRole("radio", { name }).check();
    await page.waitForSelector(`${OTHERS}[data-blocks="${blocks}"]`);
}

/** What somebody would see. */
export function describeSharing(world) {
    describe("who can see what", () => {
        it("shows before any grant what somebody would see, to the last watt-hour", async () => {
            const { page, context, complaints, requests } = await openHome(world);
            await page.click("[data-tab=sharing]");
            await page.waitForSelector("[data-testid=sight]");
            const before = requests.length;
            assert.match(await page.title(), /Who can see what/);
            assert.equal(
                await page.textContent("[data-testid=grant-words]"),
                "Daily totals of what you take from the grid, 1 January to 31 January 2013. Nothing finer.",
            );
            assert.equal(await page.getAttribute(OTHERS, "data-blocks"), "7");
            assert.equal(await page.getAttribute(".picture-own", "data-blocks"), "336");
            await page.click("[data-testid=sight-table] summary");
            const cells = page.locator("[data-testid=sight-table] tbody td:nth-child(2)");
            const common = ["--key", world.demo.keyFile(HOME), "--data", world.demo.dataDir];
            const usage = JSON.parse(
                await runMeterseal("usage", ...common, "--level", "day", "--json"),
            );
            // 25 to 31 January; a day without any reading is a dash.
            assert.deepEqual(
                await cells.allInnerTexts(),
                usage.intervals
                    .slice(-7)
                    .map(({ importWh }) =>
                        importWh === null ? "–" : (importWh / 1000).toFixed(3),
                    ),
            );
            await chooseStep(page, /^Every half-hour/, 96);
            assert.match(
                await page.textContent("[data-testid=grant-words]"),
                /^Every half-hour of .* This is all that your meter records\.$/,
            );
            await chooseStep(page, /^Weekly/, 3);
            await chooseStep(page, /^Monthly/, 1);
            await chooseStep(page, /^One total/, 1);
            await page.fill("input[type=date] >> nth=0", "2013-06-01");
            await page.fill("input[type=date] >> nth=1", "2013-06-30");
            await page.getByText("There are no such totals of this time yet").waitFor();
            await page.fill("input[type=date] >> nth=1", "2013-05-30");
            await page.getByText("The last day lies before the first").waitFor();
            assert.deepEqual(
                requests.slice(before).filter((request) => request.method() !== "GET"),
                [],
                "nothing is sent",
            );
            assert.deepEqual(complaints, []);
            await context.close();
        });

        for (const width of [320, 1440]) {
            it(`is reached by keyboard in order and fits ${width} pixels`, async () => {
                const { page, context } = await openHome(world, {
                    viewport: { width, height: 800 },
                });
                await page.click("[data-tab=sharing]");
                await page.waitForSelector("[data-testid=sight]");
                assert.equal(await scrollsSideways(page), false);
                const controls = await walkByKeyboard(page);
                assert.ok(controls.some(({ name }) => name === "Who can see what"));
                await shoot(world, page, `sharing-${width}.png`);
                await context.close();
            });
        }

        it("is a page of its own address: a link to it asks for the key first", async () => {
            const { page, context } = await openHome(world);
            await page.click("[data-tab=sharing]");
            await page.waitForSelector("[data-testid=sight]");
            assert.equal(new URL(page.url()).hash, "#/sharing");
            assert.equal(
                await page.getAttribute("[data-page=household]", "aria-current"),
                "true",
                "the header says in which part one is",
            );
            await page.goBack();
            await page.waitForSelector("[data-testid=total]");
            await context.close();
        });
    });
}
