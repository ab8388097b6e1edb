// What was granted is never forgotten: not by a crash, another window, another device or another key.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { runMeterseal } from "./demo.mjs";
import { KEY_INPUT } from "./home-page.mjs";
import { openWatchedPage } from "./watched-page.mjs";

const HOME = "MAC000519";
const PROVIDER = "Example Energy";
const JANUARY = { step: /^Daily/, first: "2013-01-01", last: "2013-01-20" };

const homeDir = (world) => join(world.demo.dataDir, "households", HOME);

async function enter(world, page) {
    await page.goto(`${world.demo.url}/#/sharing`);
    await page.setInputFiles(KEY_INPUT, world.demo.keyFile(HOME));
    await page.setInputFiles("[data-testid=signer-input]", join(homeDir(world), "wallet.key"));
    await page.waitForSelector("[data-testid=signer]", { state: "detached" });
}

/** The home on a device of its own. */
async function openDevice(world) {
    const watched = await openWatchedPage(world.browser);
    await enter(world, watched.page);
    return watched;
}

async function wishFor(page, { first, last, step }) {
    await page.getByRole("radio", { name: PROVIDER }).check();
    await page.getByRole("radio", { name: step }).check();
    await page.fill("input[type=date] >> nth=0", first);
    await page.fill("input[type=date] >> nth=1", last);
}

const grantsOf = (page) =>
    page.locator("[data-testid=recipient]", { hasText: PROVIDER }).locator("[data-testid=grant]");
const journaled = (page) => page.innerText("[data-testid=journaled]");
const DERIVED = "[data-testid=issue] [data-testid=derived]";

/** Notices of grants of this home that the ledger has. */
async function noticesOf(world) {
    const { party } = JSON.parse(readFileSync(join(homeDir(world), "wallet.key"), "utf8"));
    const answer = await fetch(`${world.demo.url}/api/v1/notices?kind=1&party=${party}`);
    return (await answer.json()).notices;
}

/** The journal of grants. */
export function describeJournal(world) {
    describe("the journal of what was granted", () => {
        it("sends what a crash kept back, once, and grants nothing twice", async () => {
            const before = (await noticesOf(world)).length;
            const { page, context } = await openDevice(world);
            let isCut = true;
            await context.route(/api\/v1\/grants$/, (route) =>
                isCut ? route.abort() : route.continue(),
            );
            await wishFor(page, JANUARY);
            await page.click("[data-testid=issue-now]");
            await page.getByText("The server does not answer").first().waitFor();
            assert.equal((await noticesOf(world)).length, before + 1, "its notice arrived");
            await page.reload();
            await enter(world, page);
            await page.getByText("A grant that you made could not be sent yet").waitFor();
            assert.equal(await grantsOf(page).count(), 1, "it counts all the same");
            assert.equal(await journaled(page), "1 grant");
            isCut = false;
            await page.reload();
            await enter(world, page);
            await page.waitForSelector("[data-testid=grant][data-state=active]");
            assert.equal(await page.getByText("could not be sent yet").count(), 0);
            await wishFor(page, JANUARY);
            await page.getByText("They can see exactly this already").waitFor();
            assert.equal(await page.locator("[data-testid=issue-now]").count(), 0);
            assert.equal((await noticesOf(world)).length, before + 1);
            await context.close();
        });

        it("counts what another device granted, and judges by it", async () => {
            const { page, context, complaints } = await openDevice(world);
            assert.equal(await journaled(page), "0 grants");
            await wishFor(page, JANUARY);
            await page.getByText("They can see exactly this already").waitFor();
            await wishFor(page, { ...JANUARY, first: "2013-01-24", last: "2013-01-30" });
            await page.waitForSelector(`${DERIVED}[data-count='1']`);
            assert.match(
                await page.innerText(DERIVED),
                /Between the grants lies time .* 21 Jan 2013, 00:00 to 24 Jan 2013, 00:00/,
            );
            assert.deepEqual(complaints, []);
            await context.close();
        });

        it("refuses to judge as if nothing was granted where the server keeps a grant back", async () => {
            const { page, context } = await openWatchedPage(world.browser);
            await context.route(/api\/v1\/grants\?/, (route) =>
                route.fulfill({ json: { grants: [] } }),
            );
            await enter(world, page);
            await page.getByText("that the server does not hand out").first().waitFor();
            await wishFor(page, { ...JANUARY, first: "2013-01-24", last: "2013-01-30" });
            await page.waitForSelector(`${DERIVED}[data-count='1']`);
            assert.match(await page.innerText(DERIVED), /count on everything from 24 Jan 2013/);
            const button = page.locator("[data-testid=issue-now]");
            assert.equal(await button.getAttribute("aria-disabled"), "true");
            await context.close();
        });

        it("is saved, is what the command line reads, and is taken in elsewhere", async () => {
            const first = await openDevice(world);
            await wishFor(first.page, { ...JANUARY, step: /^Monthly/ });
            await first.page.waitForSelector("[data-testid=issue-now]");
            if ((await first.page.locator("[data-testid=issue] input[type=checkbox]").count()) > 0)
                await first.page.check("[data-testid=issue] input[type=checkbox]");
            await first.page.click("[data-testid=issue-now]");
            await first.page.getByText("Granted", { exact: true }).waitFor();
            const [download] = await Promise.all([
                first.page.waitForEvent("download"),
                first.page.click("[data-testid=journal-save]"),
            ]);
            assert.equal(download.suggestedFilename(), "issued.jsonl");
            const path = await download.path();
            const lines = readFileSync(path, "utf8").trimEnd().split("\n").map(JSON.parse);
            assert.deepEqual(
                lines.map(({ format, posted }) => [format, posted !== undefined]),
                [
                    ["meterseal-issued/v1", false],
                    ["meterseal-issued/v1", true],
                ],
            );
            const second = await openDevice(world);
            await second.page.setInputFiles("[data-testid=journal-input]", path);
            await second.page.getByText("1 grant until now").waitFor();
            await second.page.setInputFiles("[data-testid=journal-input]", path);
            await second.page.waitForTimeout(300);
            assert.equal(await journaled(second.page), "1 grant", "twice is once");
            const foreign = {
                name: "issued.jsonl",
                mimeType: "application/jsonl",
                buffer: Buffer.from(
                    readFileSync(path, "utf8").replaceAll(lines[0].stream, "0".repeat(32)),
                ),
            };
            await second.page.setInputFiles("[data-testid=journal-input]", foreign);
            await second.page.getByText("This list is of another home").waitFor();
            const damaged = { ...foreign, buffer: Buffer.from("{}\n") };
            await second.page.setInputFiles("[data-testid=journal-input]", damaged);
            await second.page.getByText("The list of what you granted is damaged").waitFor();
            await first.context.close();
            await second.context.close();
        });

        it("lies on the device so that nobody reads it without the home's key", async () => {
            const { page, context } = await openDevice(world);
            await wishFor(page, { ...JANUARY, step: /^Weekly/ });
            await page.waitForSelector("[data-testid=issue-now]");
            if ((await page.locator("[data-testid=issue] input[type=checkbox]").count()) > 0)
                await page.check("[data-testid=issue] input[type=checkbox]");
            await page.click("[data-testid=issue-now]");
            await page.getByText("Granted", { exact: true }).waitFor();
            const kept = await page.evaluate(
                () =>
                    new Promise((resolve, reject) => {
                        const opening = indexedDB.open("meterseal-issued");
                        opening.onerror = () => reject(opening.error);
                        opening.onsuccess = () => {
                            const store = opening.result.transaction("lines").objectStore("lines");
                            store.getAll().onsuccess = ({ target }) =>
                                resolve(
                                    target.result
                                        .map(
                                            ({ home, sealed }) =>
                                                home + String.fromCharCode(...sealed),
                                        )
                                        .join("\n"),
                                );
                        };
                    }),
            );
            const { stream } = JSON.parse(readFileSync(world.demo.keyFile(HOME), "utf8"));
            for (const text of ["meterseal-issued", "recipient", stream]) {
                assert.ok(!kept.includes(text), text);
            }
            assert.ok(kept.length > 1_000);
            await context.close();
        });

        it("holds older grants for what they are after the home changed its signing key", async () => {
            const before = await openDevice(world);
            const count = await grantsOf(before.page).count();
            assert.ok(count > 0);
            await before.context.close();
            await runMeterseal("party", "rotate", "--dir", homeDir(world));
            await runMeterseal(
                ...["enrol", "--data", world.demo.dataDir],
                join(homeDir(world), "party-request.json"),
            );
            // The new key comes into use with the next command.
            const old = readFileSync(join(homeDir(world), "wallet.key"));
            await runMeterseal("grant", "list", "--home", homeDir(world), "--url", world.demo.url);
            const { page, context, complaints } = await openDevice(world);
            assert.equal(await grantsOf(page).count(), count);
            assert.equal(await page.getByText("This may not be everything").count(), 0);
            await page.locator("[data-testid=grant][data-state=active]").first().waitFor();
            assert.deepEqual(complaints, []);
            await context.close();
            const late = await openWatchedPage(world.browser);
            await late.page.goto(`${world.demo.url}/#/sharing`);
            await late.page.setInputFiles(KEY_INPUT, world.demo.keyFile(HOME));
            const file = { name: "wallet.key", mimeType: "application/json", buffer: old };
            await late.page.setInputFiles("[data-testid=signer-input]", file);
            await late.page.getByText("The server does not take this signing key").waitFor();
            await late.context.close();
        });
    });
}
