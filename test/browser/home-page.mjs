// What the suites do with the household page. A `world` is what they share: the browser, the demo,
// and the directory for screenshots.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openWatchedPage } from "./watched-page.mjs";

/** Missing readings on 11, 12, 25 and 26 January; the eleventh home of the example data. */
export const HOME = "MAC000528";
export const KEY_INPUT = "[data-testid=key-input]";

/** Fields of the home's key file. */
export function keyFields(world) {
    return JSON.parse(readFileSync(world.demo.keyFile(HOME), "utf8"));
}

/** A file for the key input, made of the fields of a real key file, or of any text. */
export function keyFileOf(fields) {
    const buffer = Buffer.from(typeof fields === "string" ? fields : JSON.stringify(fields));
    return { name: "key.json", mimeType: "application/json", buffer };
}

/** Opens the home with its key, in a page of its own. */
export async function openHome(world, options = {}) {
    const watched = await openWatchedPage(world.browser, options);
    await watched.page.goto(`${world.demo.url}/#/home`);
    await watched.page.setInputFiles(KEY_INPUT, world.demo.keyFile(HOME));
    await watched.page.waitForSelector("[data-testid=total]");
    return watched;
}

/** The verdicts that a page shows: whether each holds, and its whole text. */
export async function verdictsOf(page) {
    await page.waitForSelector("[data-question]");
    const items = await page.$$eval("[data-question]", (all) =>
        all.map(({ dataset, innerText }) => [
            dataset.question,
            { holds: dataset.holds === "true", text: innerText },
        ]),
    );
    return Object.fromEntries(items);
}

/** Shows a day, a week or a month. */
export async function chooseView(page, view) {
    await page.getByRole("radio", { name: view }).check({ force: true });
    await page.waitForSelector(`[data-testid=chart][data-view=${view.toLowerCase()}] canvas`);
}

/** Name of the period that is shown. */
export function shownPeriod(page) {
    return page.$eval("[data-testid=period]", (select) => select.selectedOptions[0].text);
}

/** Takes a picture of the whole page, with nothing pointed at. */
export async function shoot(world, page, name) {
    await page.mouse.move(0, 0);
    await page.evaluate(() => document.activeElement?.blur());
    await page.waitForTimeout(150);
    await page.screenshot({ path: join(world.output, name), fullPage: true });
}
