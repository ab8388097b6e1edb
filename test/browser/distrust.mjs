// What must not happen: a key that leaves the browser, and evidence that is believed though altered.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeEvidence, encodeEvidence } from "@meterseal/ledger";
import {
    HOME,
    KEY_INPUT,
    keyFields,
    keyFileOf,
    openHome,
    shoot,
    verdictsOf,
} from "./home-page.mjs";
import { openWatchedPage, textOfRequest } from "./watched-page.mjs";

/** The key stays, wrong keys are named, and a lying server is found out. */
export function describeDistrust(world) {
    describe("the key", () => {
        it("leaves the browser in no request and is stored nowhere", async () => {
            const { page, context, requests } = await openHome(world);
            await page.getByRole("button", { name: "Fetch and check again" }).click();
            await page.getByRole("button", { name: "Fetch and check again" }).waitFor();
            const master = Buffer.from(keyFields(world).master, "base64");
            const forms = ["base64", "base64url", "hex", "latin1"].map((form) =>
                master.toString(form),
            );
            const pieces = forms.flatMap((form) =>
                Array.from({ length: form.length - 7 }, (_, i) =>
                    form.slice(i, i + 8).toLowerCase(),
                ),
            );
            const texts = await Promise.all(requests.map(textOfRequest));
            assert.ok(
                texts.some((text) => text.includes("/evidence")),
                "worker requests are seen",
            );
            for (const [i, text] of texts.entries()) {
                assert.equal(requests[i].method(), "GET");
                assert.equal(requests[i].postDataBuffer(), null);
                const lower = text.toLowerCase();
                assert.deepEqual(
                    pieces.filter((piece) => lower.includes(piece)),
                    [],
                );
            }
            const stored = await page.evaluate(async () => [
                localStorage.length,
                sessionStorage.length,
                document.cookie,
                (await indexedDB.databases()).length,
                (await caches.keys()).length,
            ]);
            assert.deepEqual(stored, [0, 0, "", 0, 0]);
            await context.close();
        });

        it("of another network, of another meter, or no key at all, gives a clear message", async () => {
            const { page, context } = await openWatchedPage(world.browser);
            await page.goto(`${world.demo.url}/#/home`);
            const refusal = async (fields) => {
                await page.setInputFiles(KEY_INPUT, keyFileOf(fields));
                await page.waitForSelector("[data-testid=key-input]:enabled", {
                    state: "attached",
                });
                return await page.innerText("[role=alert]");
            };
            const key = keyFields(world);
            assert.match(
                await refusal({ ...key, network: "ab".repeat(32) }),
                /belongs to another network[\s\S]*MS_KEY_FOREIGN/,
            );
            assert.match(
                await refusal({ ...key, meter: "cd".repeat(16) }),
                /does not know the meter[\s\S]*MS_KEY_FOREIGN/,
            );
            assert.match(await refusal("kWh,42"), /not a Meterseal key file[\s\S]*MS_KEY_FILE/);
            const { master: _, ...keyless } = key;
            const text = await refusal(keyless);
            assert.match(text, /not a Meterseal key file[\s\S]*MS_KEY_FILE/);
            assert.ok(!text.includes(key.stream), "the message does not quote the file");
            await context.close();
        });

        it("of another stream opens nothing", async () => {
            const { page, context } = await openWatchedPage(world.browser);
            await page.goto(`${world.demo.url}/#/home`);
            const master = Buffer.alloc(32, 7).toString("base64");
            await page.setInputFiles(KEY_INPUT, keyFileOf({ ...keyFields(world), master }));
            const { plausibility, signature } = await verdictsOf(page);
            assert.ok(signature.holds);
            assert.ok(!plausibility.holds);
            assert.match(plausibility.text, /MS_REGISTER_CAP/);
            assert.equal(await page.locator("[data-testid=total]").count(), 0);
            await context.close();
        });
    });

    describe("a server that lies", () => {
        /** Opens the home with evidence that a function altered on the way. */
        async function openAltered(alter) {
            const watched = await openWatchedPage(world.browser);
            await watched.context.route("**/evidence", async (route) => {
                const answer = await route.fetch();
                await route.fulfill({
                    response: answer,
                    body: Buffer.from(alter(await answer.body())),
                });
            });
            await watched.page.goto(`${world.demo.url}/#/home`);
            await watched.page.setInputFiles(KEY_INPUT, world.demo.keyFile(HOME));
            return watched;
        }

        function decoded(body) {
            const evidence = decodeEvidence(new Uint8Array(body));
            assert.ok(evidence.ok);
            return evidence.value;
        }

        it("about one bit of a record fails verification, with the place named", async () => {
            const { page, context } = await openAltered((body) => {
                const evidence = decoded(body);
                evidence.records[4].bytes[evidence.records[4].bytes.length - 1] ^= 1;
                return encodeEvidence(evidence);
            });
            const verdicts = await verdictsOf(page);
            assert.ok(!verdicts.signature.holds);
            assert.ok(!verdicts.continuity.holds);
            assert.match(verdicts.signature.text, /MS_SIGNATURE_BAD[\s\S]*5/);
            assert.match(verdicts.continuity.text, /MS_PROOF/);
            assert.match(await page.innerText("[role=alert]"), /Do not rely on these figures/);
            await shoot(world, page, "household-tampered.png");
            await context.close();
        });

        it("by leaving out a record fails continuity", async () => {
            const { page, context } = await openAltered((body) => {
                const evidence = decoded(body);
                const records = evidence.records.filter((_, i) => i !== 6);
                return encodeEvidence({ ...evidence, records });
            });
            const { continuity, signature } = await verdictsOf(page);
            assert.ok(signature.holds);
            assert.ok(!continuity.holds);
            assert.match(continuity.text, /MS_CHAIN_MISMATCH/);
            await context.close();
        });

        it("with what is no evidence at all is refused", async () => {
            const { page, context } = await openAltered((body) =>
                body.subarray(0, body.length >> 1),
            );
            const text = await page.innerText("[role=alert]");
            assert.match(text, /cannot be read[\s\S]*MS_MALFORMED/);
            await context.close();
        });
    });
}
