// Walks a page with the Tab key: every control is reached, in the order of the page, and seen.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openHome } from "./home-page.mjs";

/** Numbers everything that Tab should reach, in the order of the page; names and sections of it. */
function numberControls(page) {
    return page.evaluate(() => {
        const reachable = (element) => {
            if (element.tabIndex < 0 || element.disabled || !element.checkVisibility())
                return false;
            // Of a group of radio buttons Tab reaches the chosen one, arrow keys the others.
            return element.type !== "radio" || element.checked;
        };
        const all = document.querySelectorAll(
            "a[href], button, input, select, summary, [tabindex]",
        );
        return [...all].filter(reachable).map((element, i) => {
            element.dataset.walk = String(i);
            const section = element.closest("section, header, main, footer");
            const label = document.getElementById(section?.getAttribute("aria-labelledby"));
            return {
                name: element.ariaLabel ?? element.innerText?.trim() ?? element.name,
                section: label?.innerText ?? section?.localName ?? "",
            };
        });
    });
}

/** What has the focus: its number, whether that is seen, and whether it lies in the window. */
function focused(page) {
    return page.evaluate(() => {
        const element = document.activeElement;
        const isHidden = getComputedStyle(element).opacity === "0";
        const seen = isHidden ? element.nextElementSibling : element;
        const { outlineStyle, outlineWidth } = getComputedStyle(seen);
        const { top, bottom } = seen.getBoundingClientRect();
        return {
            walk: element.dataset.walk === undefined ? null : Number(element.dataset.walk),
            isDate: element.type === "date",
            text: element.outerHTML.slice(0, 120),
            isOutlined: outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2,
            isInWindow: bottom > 0 && top < window.innerHeight,
        };
    });
}

/** Walks all controls of a page forth and back; answers with their names and sections. */
export async function walkByKeyboard(page) {
    const controls = await numberControls(page);
    await page.focus("[data-walk='0']");
    const step = async (key, expected) => {
        const before = await focused(page);
        await page.keyboard.press(key);
        // A date has stops of its own for day, month, year and calendar.
        for (let i = 0; i < 3 && before.isDate && (await focused(page)).walk === before.walk; i++) {
            await page.keyboard.press(key);
        }
        const { walk, text, isOutlined, isInWindow } = await focused(page);
        const { name } = controls[expected];
        assert.equal(walk, expected, `${key} leads to “${name}”, not to ${text}`);
        assert.ok(isOutlined, `the focus on “${name}” is seen: ${text}`);
        assert.ok(isInWindow, `“${name}” is scrolled to`);
    };
    for (let i = 1; i < controls.length; i++) await step("Tab", i);
    for (let i = controls.length - 2; i >= 0; i--) await step("Shift+Tab", i);
    return controls;
}

/** Sections in the order of the walk, each as often as it is entered. */
export function sectionsOf(controls) {
    const sections = controls.map(({ section }) => section);
    return sections.filter((section, i) => section !== sections[i - 1]);
}

/** The household page without a pointer. */
export function describeKeyboard(world) {
    describe("keyboard", () => {
        for (const width of [320, 1440]) {
            it(`reaches every control of a home at ${width} pixels, in order and seen`, async () => {
                const viewport = { width, height: 700 };
                const { page, context, complaints } = await openHome(world, { viewport });
                const controls = await walkByKeyboard(page);
                assert.deepEqual(sectionsOf(controls), [
                    "",
                    "header",
                    "main",
                    "Electricity used",
                    "Can you trust these numbers?",
                    "Your key",
                    "2013, day by day",
                    "footer",
                ]);
                assert.equal(controls[0].name, "Skip to content");
                // Opened, everything shows more controls: they are reached as well.
                for (const summary of await page.locator("summary").all()) {
                    await summary.focus();
                    await page.keyboard.press("Enter");
                }
                await page.waitForSelector("[data-testid=heat-table] tbody tr");
                const opened = await walkByKeyboard(page);
                assert.ok(opened.length > controls.length + 2 * 31, "the rows of both tables");
                assert.ok(opened.some(({ name }) => name === "Remember"));
                assert.deepEqual(complaints, []);
                await context.close();
            });
        }

        it("chooses view and period, reads a bar, and opens its day", async () => {
            const { page, context } = await openHome(world);
            await page.focus("input[name=view]:checked");
            await page.keyboard.press("ArrowLeft");
            await page.waitForSelector("[data-testid=chart][data-view=week]");
            assert.equal(
                await page.evaluate(() => document.activeElement.value),
                "week",
                "the focus stays on the switch",
            );
            await page.keyboard.press("Tab");
            await page.keyboard.press("Enter");
            await page.waitForFunction(() => window.location.hash === "#/home?week=2013-01-21");
            await page.keyboard.press("Tab");
            await page.keyboard.press("Tab");
            await page.keyboard.press("Tab");
            await page.keyboard.press("End");
            assert.match(
                await page.textContent("[data-testid=readout]"),
                /^Sun 27 Jan, 23:00–00:00: [\d.]+ kWh/,
            );
            await page.keyboard.press("Enter");
            await page.waitForFunction(() => window.location.hash === "#/home?day=2013-01-27");
            await context.close();
        });
    });
}
