// A bill that proves itself, checked in the browser without a key.
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { toHex, unwrap } from "@meterseal/core";
import { signerFromPem } from "@meterseal/core/node";
import { checkEvidence, decodeEvidence } from "@meterseal/ledger";
import { createTariff, parsePartyKey, parseTariff } from "@meterseal/record";
import {
    encodeTariff,
    formatBill,
    parseTariffText,
    periodOf,
    proveBill,
    readStream,
} from "@meterseal/tariff";
import { parseKeyFile } from "@meterseal/wallet";
import { seriousFindings } from "./access.mjs";
import { runMeterseal, startDemo } from "./demo.mjs";
import { shoot } from "./home-page.mjs";
import { openProvider } from "./provider.mjs";
import { openWatchedPage, scrollsSideways } from "./watched-page.mjs";

/** Commits to its registers, as the first home of each street does. */
const HOME = "MAC000515";
const BILL_INPUT = "[data-testid=bill-input]";
const JANUARY = [Date.UTC(2013, 0, 1) / 1000, Date.UTC(2013, 1, 1) / 1000];

const TARIFF = {
    name: "Day and night",
    currency: "GBP",
    zone: "Europe/London",
    from: "2013-01-01",
    import: {
        bands: { day: "0.1612", night: "0.0843" },
        times: [{ band: "night", from: "23:00", to: "07:00" }],
    },
    charges: [{ name: "standing charge", amount: "0.21", per: "day" }],
};

const billFile = (fields) => ({
    name: "bill.json",
    mimeType: "application/json",
    buffer: Buffer.from(JSON.stringify(fields)),
});

/** Publishes a tariff as the demo's provider; answers with its message. */
async function publishTariff(demo, networkId) {
    const path = join(demo.dataDir, "providers", "example-energy", "provider.key");
    const { party, signingKey } = unwrap(parsePartyKey(readFileSync(path, "utf8")));
    const key = createPrivateKey({ key: Buffer.from(signingKey), format: "der", type: "pkcs8" });
    const signer = signerFromPem(key.export({ type: "pkcs8", format: "pem" }));
    const { clock } = await (await fetch(`${demo.url}/api/v1/network`)).json();
    const message = await createTariff(signer, {
        network: networkId,
        party,
        timeUnix: Math.floor(clock.nowMs / 1000),
        body: encodeTariff(unwrap(parseTariffText(TARIFF))),
    });
    const answer = await fetch(`${demo.url}/api/v1/notices`, {
        method: "POST",
        headers: { "content-type": "application/cose" },
        body: message,
    });
    assert.equal(answer.status, 201, await answer.text());
    return unwrap(parseTariff(message));
}

/** The household's bill of January, by its own key. */
async function proveJanuary(demo) {
    const key = unwrap(parseKeyFile(readFileSync(demo.keyFile(HOME), "utf8")));
    const published = await publishTariff(demo, key.network);
    const meter = toHex(key.meter);
    const answer = await fetch(`${demo.url}/api/v1/meters/${meter}/evidence`);
    const evidence = unwrap(decodeEvidence(new Uint8Array(await answer.arrayBuffer())));
    const report = checkEvidence(evidence, { networkId: key.network, subject: key.meter });
    const records = report.records.map(({ record }) => record);
    const recorded = unwrap(readStream(records, key.stream.streamId));
    const body = unwrap(parseTariffText(TARIFF));
    const tariff = { hash: published.message.hash, body, series: null };
    const period = unwrap(periodOf(...JANUARY, key.stream.slotSeconds));
    const prover = { ...key, isMarketSeries: false };
    return JSON.parse(formatBill(unwrap(proveBill(prover, { recorded, tariff, period }))));
}

/** Energy of January by its bands, added up from the readings; pounds to the last digit. */
async function expectedEnergy(demo) {
    const common = ["--key", demo.keyFile(HOME), "--data", demo.dataDir, "--json"];
    const range = ["--from", "2013-01-01", "--to", "2013-02-01", "--level", "slot"];
    const usage = JSON.parse(await runMeterseal("usage", ...common, ...range));
    let micro = 0n;
    for (const { from, importWh } of usage.intervals) {
        const hour = new Date(from).getUTCHours();
        const isNight = hour >= 23 || hour < 7;
        micro += BigInt(importWh ?? 0) * (isNight ? 84_300n : 161_200n);
    }
    return micro;
}

/** A bill in the browser. */
export function describeBill(world) {
    describe("a bill that proves itself", () => {
        let demo;
        let bill;
        before(async () => {
            demo = await startDemo("--meters", "1", "--days", "35");
            bill = await proveJanuary(demo);
        });
        after(async () => {
            await demo.stop();
            demo.remove();
        });

        it("holds for anybody, to the last digit, and no reading is asked for", async () => {
            const { page, context, complaints, requests } = await openWatchedPage(world.browser);
            await page.goto(`${demo.url}/#/bill`);
            await page.setInputFiles(BILL_INPUT, billFile(bill));
            await page.waitForSelector("[data-testid=bill]");
            const text = await page.innerText("[data-testid=bill]");
            assert.match(text, /This bill is right/);
            assert.match(text, /1 January to 31 January 2013/);
            assert.match(text, /Day and night, of Example Energy/);
            assert.match(text, /standing charge, 31 times\s+6\.51/);
            const energy = await expectedEnergy(demo);
            assert.equal(BigInt(bill.amount), energy);
            const total = Number(energy / 1_000n) / 1e6 + 6.51;
            assert.equal(
                await page.innerText("[data-testid=bill-total]"),
                `${total.toFixed(2)} GBP`,
            );
            assert.ok(requests.every((request) => request.method() === "GET"));
            const sent = requests.map((request) => request.url()).join("\n");
            assert.ok(!sent.includes(bill.blind) && !sent.includes(bill.amount));
            for (const width of [320, 1440]) {
                await page.setViewportSize({ width, height: 900 });
                for (const colorScheme of ["light", "dark"]) {
                    await page.emulateMedia({ colorScheme });
                    assert.deepEqual(await seriousFindings(page), [], `${width} ${colorScheme}`);
                }
                assert.equal(await scrollsSideways(page), false);
                await shoot(world, page, `bill-${width}.png`);
            }
            assert.deepEqual(complaints, []);
            await context.close();
        });

        it("costs what a provider opens from a grant of the weighted sum, and that is one number", async () => {
            const home = join(demo.dataDir, "households", HOME);
            const range = ["--from", "2013-01-01", "--to-date", "2013-02-01"];
            const what = ["--kind", "W", "--tariff", bill.tariff, "--url", demo.url, ...range];
            await runMeterseal(
                "grant",
                "create",
                "--home",
                home,
                "--to",
                "Example Energy",
                ...what,
            );
            const { page, context, complaints } = await openProvider(world, demo);
            const card = page.locator("[data-testid=received]");
            assert.match(await card.innerText(), /One amount .* No reading can be taken out of it/);
            await card.locator("[data-testid=read]").click();
            const amount = await card.locator("[data-testid=provider-amount]").innerText();
            const energy = await expectedEnergy(demo);
            const pounds = (energy / 10_000_000n).toString();
            assert.equal(pounds.length, 4);
            assert.ok(amount.startsWith(`${pounds.slice(0, 2)}.${pounds.slice(2)}`), amount);
            assert.match(amount, /GBP by “Day and night”, entry \d+ of the ledger/);
            assert.equal(await card.locator("[data-holds=true]").count(), 2);
            assert.equal(await card.locator("table").count(), 0);
            assert.deepEqual(complaints, []);
            await context.close();
        });

        it("fails with a reason where one unit, one slot or the tariff is another", async () => {
            const { page, context } = await openWatchedPage(world.browser);
            await page.goto(`${demo.url}/#/bill`);
            const refusal = async (fields) => {
                await page.setInputFiles(BILL_INPUT, billFile(fields));
                await page.waitForSelector("[role=alert]");
                const text = await page.innerText("[role=alert]");
                assert.equal(await page.locator("[data-testid=bill]").count(), 0);
                return text;
            };
            const more = String(BigInt(bill.amount) + 1n);
            assert.match(await refusal({ ...bill, amount: more }), /does not follow[\s\S]*MS_BILL/);
            const later = { fromUnix: bill.fromUnix + 1800, toUnix: bill.toUnix + 1800 };
            assert.match(await refusal({ ...bill, ...later }), /MS_(BILL|TARIFF)/);
            assert.match(
                await refusal({ ...bill, tariff: "ab".repeat(32) }),
                /The server has not what[\s\S]*MS_NOT_FOUND/,
            );
            assert.match(await refusal({ ...bill, network: "cd".repeat(32) }), /MS_BILL/);
            assert.match(await refusal({ format: "a bill" }), /not a bill[\s\S]*MS_MALFORMED/);
            // The right one again, behind all the wrong ones.
            await page.setInputFiles(BILL_INPUT, billFile(bill));
            await page.waitForSelector("[data-testid=bill]");
            await context.close();
        });
    });
}
