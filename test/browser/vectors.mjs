// The frozen vectors of sealing, grants, cohorts and commitments, computed by a browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { build, defaultClientConditions } from "vite";
import { openWatchedPage } from "./watched-page.mjs";

const root = new URL("../../", import.meta.url);
const ENTRY = fileURLToPath(new URL("packages/seal/test/vectors-in-page.ts", root));

function readVectors(path) {
    return JSON.parse(readFileSync(new URL(`vectors/${path}`, root), "utf8"));
}

/** The checks as one script, with the cryptography that pages get. */
async function bundle() {
    const [{ output }] = await build({
        configFile: false,
        logLevel: "error",
        resolve: { conditions: ["browser", ...defaultClientConditions] },
        build: { write: false, target: "es2023", lib: { entry: ENTRY, formats: ["es"] } },
    });
    return output[0].code;
}

/** Vectors in the page. */
export function describeVectors(world) {
    describe("the published vectors", () => {
        it("come out in the browser as everywhere", async () => {
            // The server's policy refuses scripts that it did not send, as it should.
            const { page, context } = await openWatchedPage(world.browser, { bypassCSP: true });
            await page.goto(world.demo.url);
            await page.addScriptTag({ type: "module", content: await bundle() });
            await page.waitForFunction(() => "checkVectors" in globalThis);
            const files = {
                sealed: ["key-tree", "sealed-boundaries", "commitments"].map((name) =>
                    readVectors(`seal/${name}.json`),
                ),
                grants: readVectors("grant/grants.json"),
                cohort: readVectors("seal/cohort.json"),
                rfc9180: readVectors("hpke/published.json").rfc9180,
            };
            const check = (given) => page.evaluate((all) => globalThis.checkVectors(all), given);
            const { checked, wrong } = await check(files);
            assert.deepEqual(wrong, []);
            assert.ok(checked > 60, `${checked} vectors`);
            files.sealed[0].vectors[0].expected.seed = "00";
            assert.equal((await check(files)).wrong.length, 1, "a wrong one is found");
            await context.close();
        });
    });
}
