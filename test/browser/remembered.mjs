// A key remembered on the device: encrypted, unlocked by its passphrase alone, and forgotten again.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { KEY_INPUT, keyFields, openHome } from "./home-page.mjs";
import { textOfRequest } from "./watched-page.mjs";

const PASSPHRASE = "copper lantern voyage nine";

/** All bytes of the databases of a page, as one text. */
function storedText(page) {
    return page.evaluate(async () => {
        const database = await new Promise((resolve, reject) => {
            const opening = indexedDB.open("meterseal");
            opening.onsuccess = () => resolve(opening.result);
            opening.onerror = () => reject(opening.error);
        });
        const kept = await new Promise((resolve, reject) => {
            const all = database.transaction("keys").objectStore("keys").getAll();
            all.onsuccess = () => resolve(all.result);
            all.onerror = () => reject(all.error);
        });
        database.close();
        return JSON.stringify(kept, (_, value) =>
            value instanceof Uint8Array ? String.fromCharCode(...value) : value,
        );
    });
}

/** Remember, unlock, forget. */
export function describeRemembered(world) {
    describe("remembered on this device", () => {
        it("is stored encrypted alone, opens by its passphrase alone, and is forgotten", async () => {
            const { page, context, complaints, requests } = await openHome(world);
            await page.click("[data-testid=remember] summary");
            await page.fill("[data-testid=remember] [data-testid=passphrase]", "too short");
            await page.getByRole("button", { name: "Remember", exact: true }).click();
            assert.equal(await page.evaluate(async () => (await indexedDB.databases()).length), 0);
            await page.fill("[data-testid=remember] [data-testid=passphrase]", PASSPHRASE);
            await page.getByRole("button", { name: "Remember", exact: true }).click();
            await page.getByRole("button", { name: "Lock" }).waitFor();

            const { master, meter, name, stream } = keyFields(world);
            const stored = await storedText(page);
            const bytes = Buffer.from(master, "base64").toString("latin1");
            for (const secret of [
                master,
                bytes,
                meter,
                name,
                stream,
                PASSPHRASE,
                "meterseal-key",
            ]) {
                assert.ok(!stored.includes(secret), "nothing readable is stored");
            }
            assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);

            await page.reload();
            await page.fill("[data-testid=unlock] [data-testid=passphrase]", "another passphrase");
            await page.getByRole("button", { name: "Unlock" }).click();
            await page.getByText("This passphrase does not open the key on this device").waitFor();
            await page.fill("[data-testid=unlock] [data-testid=passphrase]", PASSPHRASE);
            await page.getByRole("button", { name: "Unlock" }).click();
            await page.waitForSelector("[data-testid=total]");
            assert.equal(await page.textContent("h1"), name);

            await page.getByRole("button", { name: "Lock" }).click();
            await page.getByRole("button", { name: "Forget the key on this device" }).click();
            await page.waitForSelector("[data-testid=unlock]", { state: "detached" });
            await page.waitForSelector(KEY_INPUT, { state: "attached" });
            assert.equal(await page.evaluate(async () => (await indexedDB.databases()).length), 0);
            for (const text of await Promise.all(requests.map(textOfRequest))) {
                assert.ok(!text.includes(master) && !text.includes(PASSPHRASE));
            }
            assert.deepEqual(complaints, []);
            await context.close();
        });
    });
}
