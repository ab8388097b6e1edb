// Makes the pictures of the documentation again: 90 days of the whole neighbourhood, as a reader of
// the README would see them. `npm run screenshots`, or with `-- NAME` those whose names begin so;
// `CHROMIUM` names the browser.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeEvidence, encodeEvidence } from "@meterseal/ledger";
import { writeDagLedger } from "../../packages/node/test/dag-bed.ts";
import { startQuietServer } from "../../packages/node/test/quiet-server.ts";
import { startDemo } from "./demo.mjs";
import { KEY_INPUT, shoot } from "./home-page.mjs";
import { launchBrowser, openWatchedPage } from "./watched-page.mjs";

const output = fileURLToPath(new URL("../../docs/screenshots", import.meta.url));
const LONDON_HOME = "MAC000530";
const CALIFORNIA_HOME = "Building_1";
const DESKTOP = { width: 1440, height: 900 };
const PHONE = { width: 360, height: 780 };
const MARCH = "#/home?month=2013-03-01";

/** A home that is open at an address. */
async function showHome(page, demo, home, address) {
    await page.goto(`${demo.url}/${address}`);
    await page.setInputFiles(KEY_INPUT, demo.keyFile(home));
    await page.waitForSelector("[data-testid=verify]");
}

/** Flips one bit of a record on the way from the server. */
async function alterEvidence(context) {
    await context.route("**/evidence", async (route) => {
        const answer = await route.fetch();
        const evidence = decodeEvidence(new Uint8Array(await answer.body()));
        if (!evidence.ok) throw evidence.error;
        const { bytes } = evidence.value.records[4];
        bytes[bytes.length - 1] ^= 1;
        await route.fulfill({
            response: answer,
            body: Buffer.from(encodeEvidence(evidence.value)),
        });
    });
}

const showStart = async (page, demo) => {
    await page.goto(`${demo.url}/`);
    await page.waitForSelector("[data-testid=pulse]");
};
const showNeighbourhood = async (page, demo) => {
    await page.goto(`${demo.url}/#/neighbourhood`);
    await page.waitForSelector("[data-testid=sealed-registers] td");
};
/** Who can see what: monthly totals were granted, hourly ones are about to be. */
async function showSharing(page, demo) {
    await page.goto(`${demo.url}/#/sharing`);
    await page.setInputFiles(KEY_INPUT, demo.keyFile(LONDON_HOME));
    const signer = join(demo.dataDir, "households", LONDON_HOME, "wallet.key");
    await page.setInputFiles("[data-testid=signer-input]", signer);
    await page.getByRole("radio", { name: "Example Energy" }).check();
    const card = page.locator("[data-testid=recipient]", { hasText: "Example Energy" });
    if ((await card.count()) === 0) {
        await page.getByRole("radio", { name: /^Monthly/ }).check();
        await page.fill("input[type=date] >> nth=0", "2013-01-01");
        await page.fill("input[type=date] >> nth=1", "2013-12-31");
        await page.click("[data-testid=issue-now]");
    }
    await page.getByText("Look at what Example Energy sees").click();
    await page.getByRole("radio", { name: /^Hourly/ }).check();
    await page.waitForSelector("[data-testid=issue-now]");
    await page.fill("input[type=date] >> nth=0", "2013-03-01");
    await page.fill("input[type=date] >> nth=1", "2013-03-31");
    await page.waitForSelector("[data-testid=issue-now]");
}

const showLondon = (page, demo) => showHome(page, demo, LONDON_HOME, MARCH);
const showCalifornia = (page, demo) => showHome(page, demo, CALIFORNIA_HOME, MARCH);

/** The ledger of several collectors, which the demo has not, with a vertex chosen. */
async function showLedger(page) {
    const directory = mkdtempSync(join(tmpdir(), "meterseal-dag-"));
    await writeDagLedger(join(directory, "data"), { authors: 4, vertices: 400 });
    const server = await startQuietServer(join(directory, "data"));
    try {
        await page.goto(`${server.httpUrl}/#/ledger`);
        await page.waitForSelector("[data-testid=dag-found][data-loading=false]");
        await page.focus("[data-testid=dag]");
        for (let i = 0; i < 6; i++) await page.keyboard.press("ArrowLeft");
        await page.waitForSelector("[data-testid=vertex]");
    } finally {
        await server.close();
        rmSync(directory, { recursive: true, force: true });
    }
}

/** Each picture: its name, what it shows, and what is special about the browser. */
const PICTURES = [
    ["start.png", showStart],
    ["start-mobile.png", showStart, { viewport: PHONE }],
    ["neighbourhood.png", showNeighbourhood],
    ["household.png", showLondon],
    ["household-dark.png", showLondon, { colorScheme: "dark" }],
    ["household-mobile.png", showLondon, { viewport: PHONE }],
    ["household-two-way.png", showCalifornia],
    ["sharing.png", showSharing],
    ["sharing-mobile.png", showSharing, { viewport: PHONE }],
    ["household-tampered.png", showLondon, {}, alterEvidence],
    ["ledger.png", showLedger],
];
const wanted = process.argv.slice(2);
const isWanted = ([name]) => wanted.length === 0 || wanted.some((each) => name.startsWith(each));

const browser = await launchBrowser();
const demo = await startDemo("--days", "90");
try {
    for (const [name, show, options = {}, prepare] of PICTURES.filter(isWanted)) {
        const { page, context } = await openWatchedPage(browser, { viewport: DESKTOP, ...options });
        await prepare?.(context);
        await show(page, demo);
        await shoot({ output }, page, name);
        await context.close();
        console.log(name);
    }
} finally {
    await browser.close();
    await demo.stop();
    demo.remove();
}
