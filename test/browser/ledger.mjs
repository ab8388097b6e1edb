// The picture of the ledger, on a data directory that several collectors have written.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { stateOfGenesis, verifyEntryProof } from "@meterseal/ledger";
import { writeDagLedger } from "../../packages/node/test/dag-bed.ts";
import { startQuietServer } from "../../packages/node/test/quiet-server.ts";
import { seriousFindings } from "./access.mjs";
import { shoot } from "./home-page.mjs";
import { walkByKeyboard } from "./keyboard.mjs";
import { openWatchedPage, scrollsSideways } from "./watched-page.mjs";

const PLAN = { authors: 4, vertices: 620 };
const DAG = "[data-testid=dag]";

/** Left edge and scale of the picture, once it stands still. */
async function viewOf(page) {
    await page.waitForTimeout(100);
    const { left, scale } = await page.$eval(DAG, ({ dataset }) => ({ ...dataset }));
    return { left: Number(left), scale: Number(scale) };
}

/** The ledger, whole. */
async function openLedger(world, url, options = {}) {
    const watched = await openWatchedPage(world.browser, options);
    // How many dots are drawn in a picture.
    await watched.page.addInitScript(() => {
        globalThis.dots = 0;
        const { arc } = Path2D.prototype;
        Path2D.prototype.arc = function counted(...place) {
            globalThis.dots++;
            return arc.apply(this, place);
        };
    });
    await watched.page.goto(`${url}/#/ledger`);
    await watched.page.waitForSelector("[data-testid=dag-found][data-loading=false]");
    return watched;
}

/** Authors of what is chosen after a step to a lane beside, and after the step back. */
async function authorsByKeys(page, own, authorAt) {
    const press = async (key) => {
        await page.keyboard.press(key);
        return await authorAt(await chosenPlace(page));
    };
    const below = await press("ArrowDown");
    if (below !== own) return [below, await press("ArrowUp")];
    return [await press("ArrowUp"), await press("ArrowDown")];
}

const chosenPlace = async (page) =>
    Number((await page.innerText("#vertex-title")).replace(/\D/g, ""));

/** Colours of the canvas in a column of pixels. */
const coloursOf = (page) =>
    page.$eval(`${DAG} canvas`, (canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const colours = new Set();
        for (let i = 0; i < data.length; i += 4) {
            if (data[i + 3] === 255) colours.add(data.slice(i, i + 3).join());
        }
        return [...colours];
    });

/** The ledger page. */
export function describeLedger(world) {
    describe("the picture of the ledger", () => {
        let directory;
        let server;
        let vertices;
        before(async () => {
            directory = mkdtempSync(join(tmpdir(), "meterseal-dag-"));
            await writeDagLedger(join(directory, "data"), PLAN);
            server = await startQuietServer(join(directory, "data"));
            const pages = ["", "?before=1000000&limit=500"].map(async (query) =>
                (await fetch(`${server.httpUrl}/api/v1/dag${query}`)).json(),
            );
            const [first, last] = await Promise.all(pages);
            vertices = [
                ...first.vertices.slice(0, PLAN.vertices - 500),
                ...last.vertices.reverse(),
            ];
        });
        after(async () => {
            await server?.close();
            rmSync(directory, { recursive: true, force: true });
        });

        it("is reached from the neighbourhood, and shows what the server has", async () => {
            const { page, context, complaints, requests } = await openWatchedPage(world.browser);
            await page.goto(`${server.httpUrl}/#/neighbourhood`);
            await page.getByRole("link", { name: "how it grew" }).click();
            await page.waitForSelector("[data-testid=dag-found][data-loading=false]");
            assert.match(
                await page.innerText("[data-testid=dag-found]"),
                /^620 vertices of 4 collectors, in a log of \d+ entries\.$/,
            );
            const asked = requests.filter((request) => /v1\/dag/.test(request.url()));
            assert.deepEqual(
                asked.map((request) => new URL(request.url()).searchParams.get("limit")),
                ["500", "500", "500"],
                "two pages of older vertices, and nothing newer",
            );
            assert.deepEqual(complaints, []);
            await context.close();
        });

        it("tells by keyboard everything of a vertex, and its proof holds offline", async () => {
            const { page, context, complaints } = await openLedger(world, server.httpUrl);
            await page.focus(DAG);
            await page.keyboard.press("End");
            assert.equal(await chosenPlace(page), vertices.at(-1).leafIndex);
            for (let i = 0; i < 40; i++) await page.keyboard.press("ArrowLeft");
            const vertex = vertices.at(-41);
            assert.equal(await chosenPlace(page), vertex.leafIndex);
            const card = await page.innerText("[data-testid=vertex]");
            for (const text of [vertex.id, vertex.author, String(vertex.records)]) {
                assert.ok(card.includes(text), text);
            }
            const view = await viewOf(page);
            assert.ok(-41 >= view.left, "it is seen");
            const parent = vertex.parents.find(({ leafIndex }) => leafIndex !== null);
            await page.getByRole("button", { name: `place ${parent.leafIndex}` }).click();
            assert.equal(await chosenPlace(page), parent.leafIndex);
            // Up and down lead to the lanes beside, and back to a vertex of the same one.
            const authorAt = async (place) =>
                vertices.find(({ leafIndex }) => leafIndex === place).author;
            const own = await authorAt(parent.leafIndex);
            await page.focus(DAG);
            const [there, back] = await authorsByKeys(page, own, authorAt);
            assert.notEqual(there, own);
            assert.equal(back, own);
            await page.keyboard.press("Home");
            assert.equal(await chosenPlace(page), vertices[0].leafIndex);
            assert.match(
                await page.innerText("[data-testid=vertex]"),
                /the genesis of the network/,
            );
            const [download] = await Promise.all([
                page.waitForEvent("download"),
                page.getByRole("link", { name: "Proof that it stands in the log" }).click(),
            ]);
            const network = await (await fetch(`${server.httpUrl}/api/v1/network`)).json();
            const { value: state } = stateOfGenesis(Uint8Array.fromHex(network.genesis));
            const chunks = await (await download.createReadStream()).toArray();
            const trust = { networkId: state.networkId, logKey: state.genesis.logKey };
            const proven = verifyEntryProof(Buffer.concat(chunks).toString("utf8"), trust);
            assert.equal(proven.value?.index, vertices[0].leafIndex);
            assert.deepEqual(complaints, []);
            await context.close();
        });

        it("is moved and zoomed by mouse, keys and buttons, and chosen from by a click", async () => {
            const { page, context } = await openLedger(world, server.httpUrl);
            const box = await page.locator(`${DAG} canvas`).boundingBox();
            const start = await viewOf(page);
            await page.mouse.move(box.x + 200, box.y + 100);
            await page.mouse.down();
            await page.mouse.move(box.x + 480, box.y + 100, { steps: 5 });
            await page.mouse.up();
            const moved = await viewOf(page);
            assert.ok(Math.abs(start.left - moved.left - 280 / start.scale) < 0.5, "280 pixels");
            await page.keyboard.down("Control");
            await page.mouse.wheel(0, 400);
            await page.keyboard.up("Control");
            const farther = await viewOf(page);
            assert.ok(farther.scale < moved.scale * 0.7);
            await page.mouse.wheel(0, 400);
            assert.deepEqual(await viewOf(page), farther, "the wheel alone scrolls the page");
            await page.evaluate(() => window.scrollTo(0, 0));
            await page.click("[data-testid=dag-all]");
            assert.ok((await viewOf(page)).scale < 3);
            await page.click("[data-testid=dag-newest]");
            assert.deepEqual(await viewOf(page), start);
            const newest = vertices.at(-1);
            const authors = [...new Set(vertices.slice(-500).map(({ author }) => author))];
            const lane = authors.indexOf(newest.author);
            const laneHeight = (box.height - 54) / 4;
            await page.mouse.click(box.x + box.width - 14, box.y + 26 + (lane + 0.5) * laneHeight);
            assert.equal(await chosenPlace(page), newest.leafIndex);
            await context.close();
        });

        it("is zoomed by two fingers and moved by one", async () => {
            const { page, context } = await openLedger(world, server.httpUrl, { hasTouch: true });
            const box = await page.locator(`${DAG} canvas`).boundingBox();
            const touch = await context.newCDPSession(page);
            const fingers = (type, ...places) =>
                touch.send("Input.dispatchTouchEvent", {
                    type,
                    touchPoints: places.map((x, id) => ({ id, x: box.x + x, y: box.y + 90 })),
                });
            const start = await viewOf(page);
            await fingers("touchStart", 300, 500);
            for (const by of [20, 40, 60, 80]) await fingers("touchMove", 300 + by, 500 - by);
            await fingers("touchEnd");
            const farther = await viewOf(page);
            assert.ok(farther.scale < start.scale * 0.6, `${farther.scale} of ${start.scale}`);
            await fingers("touchStart", 300);
            for (const by of [20, 40, 60, 80]) await fingers("touchMove", 300 + by);
            await fingers("touchEnd");
            assert.ok((await viewOf(page)).left < farther.left - 1);
            await context.close();
        });

        it("draws what is seen and no more, and colours as the system asks for them", async () => {
            const { page, context } = await openLedger(world, server.httpUrl);
            const { left, scale } = await viewOf(page);
            const box = await page.locator(`${DAG} canvas`).boundingBox();
            await page.evaluate(() => {
                globalThis.dots = 0;
            });
            await page.focus(DAG);
            await page.keyboard.press("-");
            await page.waitForTimeout(100);
            const dots = await page.evaluate(() => globalThis.dots);
            const seen = Math.ceil((box.width / scale) * 1.5) + 1;
            assert.ok(dots > 0 && dots <= seen, `${dots} dots of ${seen} seen, from ${left}`);
            const plain = await coloursOf(page);
            await page.emulateMedia({ colorScheme: "dark" });
            await page.waitForTimeout(150);
            assert.notDeepEqual(await coloursOf(page), plain);
            await page.emulateMedia({ forcedColors: "active", colorScheme: "dark" });
            await page.waitForTimeout(150);
            const forced = await coloursOf(page);
            assert.ok(forced.includes("255,255,255"), forced.slice(0, 9).join(" "));
            await shoot(world, page, "ledger-forced.png");
            await context.close();
        });

        it("stands in a table, too, page by page", async () => {
            const { page, context } = await openLedger(world, server.httpUrl);
            await page.click("[data-testid=dag-table] summary");
            await page.waitForSelector("[data-testid=dag-table] tbody tr:nth-child(50)");
            const places = () =>
                page
                    .locator("[data-testid=dag-table] tbody th")
                    .allInnerTexts()
                    .then((texts) => texts.map((text) => Number(text.replace(/\D/g, ""))));
            const newestFirst = vertices.map(({ leafIndex }) => leafIndex).reverse();
            assert.deepEqual(await places(), newestFirst.slice(0, 50));
            await page.getByRole("button", { name: "Older", exact: true }).click();
            assert.deepEqual(await places(), newestFirst.slice(50, 100));
            await page.locator("[data-testid=dag-table] tbody th button").nth(3).click();
            assert.equal(await chosenPlace(page), newestFirst[53]);
            assert.equal(await page.locator("tr[aria-current=true]").count(), 1);
            const { left } = await viewOf(page);
            assert.ok(left <= -54, "the picture goes along");
            await context.close();
        });

        for (const width of [320, 1440]) {
            it(`is there for everybody at ${width} pixels, light and dark`, async () => {
                const { page, context } = await openLedger(world, server.httpUrl, {
                    viewport: { width, height: 900 },
                    reducedMotion: "reduce",
                });
                await page.focus(DAG);
                await page.keyboard.press("End");
                await page.keyboard.press("ArrowLeft");
                for (const colorScheme of ["light", "dark"]) {
                    await page.emulateMedia({ colorScheme });
                    assert.deepEqual(await seriousFindings(page), [], colorScheme);
                    await shoot(world, page, `ledger-${width}-${colorScheme}.png`);
                }
                await page.click("[data-testid=dag-table] summary");
                assert.deepEqual(await seriousFindings(page), [], "table");
                assert.equal(await scrollsSideways(page), false);
                await page.click("[data-testid=dag-table] summary");
                const controls = await walkByKeyboard(page);
                assert.ok(controls.some(({ name }) => /620 vertices/.test(name)));
                await context.close();
            });
        }
    });
}
