// A home that takes from the grid and gives to it: both directions, in its own time zone.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runMeterseal, startDemo } from "./demo.mjs";
import { chooseView, KEY_INPUT, shoot, verdictsOf } from "./home-page.mjs";
import { openWatchedPage } from "./watched-page.mjs";

const HOME = "Building_1";

/** Colours of the bars over and under the axis, in the middle of a bar. */
function barColours(page, share) {
    return page.evaluate((at) => {
        const canvas = document.querySelector("[data-testid=chart] canvas");
        const over = document.querySelector("[data-testid=chart] .u-over");
        const ratio = window.devicePixelRatio;
        const frame = canvas.getBoundingClientRect();
        const plot = over.getBoundingClientRect();
        const x = Math.round((plot.left - frame.left + plot.width * at) * ratio);
        const top = Math.round((plot.top - frame.top) * ratio);
        const height = Math.round(plot.height * ratio);
        const { data } = canvas.getContext("2d").getImageData(x, top, 1, height);
        const lengths = new Map();
        for (let i = 0; i < data.length; i += 4) {
            const colour = data[i + 3] < 255 ? "none" : data.slice(i, i + 3).join();
            lengths.set(colour, (lengths.get(colour) ?? 0) + 1);
        }
        return Object.fromEntries(lengths);
    }, share);
}

/** Import and export of one home. */
export function describeTwoWay(world) {
    describe("a home with panels on its roof", () => {
        it("shows what it took and what it gave, as the command line adds it up", async () => {
            const demo = await startDemo("--meters", "1", "--days", "31", "--california", "1");
            const { page, context, complaints } = await openWatchedPage(world.browser);
            try {
                await page.goto(`${demo.url}/#/home?year`);
                await page.setInputFiles(KEY_INPUT, demo.keyFile(HOME));
                const verdicts = await verdictsOf(page);
                assert.ok(Object.values(verdicts).every(({ holds }) => holds));
                const common = ["--key", demo.keyFile(HOME), "--data", demo.dataDir, "--json"];
                const usage = JSON.parse(await runMeterseal("usage", ...common, "--level", "day"));
                const shownWh = async (id) =>
                    Number(await page.getAttribute(`[data-testid=${id}]`, "data-wh"));
                assert.equal(await shownWh("total"), usage.totalImportWh);
                assert.equal(await shownWh("total-export"), usage.totalExportWh);
                assert.ok(usage.totalImportWh > 0 && usage.totalExportWh > 0);
                assert.match(await page.innerText(".home-facts"), /America\/Los Angeles/);
                assert.equal(
                    await page.getByRole("heading", { name: "Electricity, both ways" }).count(),
                    1,
                );
                await chooseView(page, "Month");
                await readsBothDirections(page, usage);
                await switchesTheCalendar(page, usage);
                await shoot(world, page, "household-two-way.png");
                assert.deepEqual(complaints, []);
            } finally {
                await context.close();
                await demo.stop();
                demo.remove();
            }
        });
    });
}

/** A day has both in the chart, in its read-out and in the table. */
async function readsBothDirections(page, usage) {
    await page.waitForTimeout(150);
    const colours = await page.evaluate(() => {
        const style = getComputedStyle(document.documentElement);
        const rgb = (name) =>
            style
                .getPropertyValue(name)
                .match(/[\da-f]{2}/gi)
                .map((digits) => Number.parseInt(digits, 16))
                .join();
        return { bar: rgb("--chart-bar"), out: rgb("--chart-out") };
    });
    const day = usage.intervals.findIndex(
        ({ importWh, exportWh }) => importWh > 5_000 && exportWh > 5_000,
    );
    const column = await barColours(page, (day + 0.5) / usage.intervals.length);
    assert.ok(column[colours.bar] > 5, JSON.stringify({ day, column, colours }));
    assert.ok(column[colours.out] > 5, JSON.stringify({ day, column, colours }));
    await page.focus("[data-testid=chart]");
    await page.keyboard.press("Home");
    assert.match(
        await page.textContent("[data-testid=readout]"),
        /^Tue 1 Jan: [\d.]+ kWh from the grid, [\d.]+ kWh to it/,
    );
    await page.click("[data-testid=table] summary");
    await page.waitForSelector("[data-testid=table] thead");
    assert.deepEqual(await page.locator("[data-testid=table] thead th").allInnerTexts(), [
        "Day",
        "From the grid, kWh",
        "To the grid, kWh",
        "Reading",
    ]);
    await page.click("[data-testid=table] summary");
}

/** The calendar shades one direction at a time, and its words say both. */
async function switchesTheCalendar(page, usage) {
    const classes = () =>
        page.$$eval("[data-testid=heat] [data-day]", (days) => days.map((day) => day.className));
    const extremes = (key) => {
        const days = usage.intervals.map((interval) => Number(interval[key]));
        return { most: days.indexOf(Math.max(...days)), least: days.indexOf(Math.min(...days)) };
    };
    const check = async (key) => {
        const { most, least } = extremes(key);
        const shades = (await classes()).map((name) => Number(/heat-(\d)/.exec(name)[1]));
        assert.equal(shades[most], Math.max(...shades), `${key}: the darkest day has the most`);
        assert.equal(shades[least], Math.min(...shades), `${key}: the palest has the least`);
        return shades;
    };
    const imported = await check("importWh");
    await page.getByRole("radio", { name: "To the grid" }).check({ force: true });
    const exported = await check("exportWh");
    assert.notDeepEqual(exported, imported);
    await page.locator("[data-day][tabindex='0']").focus();
    assert.match(
        await page.textContent("[data-testid=heat-readout]"),
        /kWh from the grid, [\d.]+ kWh to it/,
    );
    await page.getByRole("radio", { name: "From the grid" }).check({ force: true });
    assert.deepEqual(
        await classes(),
        imported.map((shade) => `heat-day heat-${shade}`),
    );
}
