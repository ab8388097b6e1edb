// The portal in headless Chromium, served by the real server on real readings.
// `CHROMIUM` names the browser. Screenshots go to output/ here; with `SCREENSHOTS=docs/screenshots`
// those that the documentation shows are written there anew.
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { describeAccess } from "./access.mjs";
import { startDemo } from "./demo.mjs";
import { describeDistrust } from "./distrust.mjs";
import { describeHousehold } from "./household.mjs";
import { describeLive } from "./live.mjs";
import { describeNeighbourhood } from "./neighbourhood.mjs";
import { describeRemembered } from "./remembered.mjs";
import { launchBrowser } from "./watched-page.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const output = join(here, "output");
const published = process.env.SCREENSHOTS || output;
const world = { browser: undefined, demo: undefined, output, published };

before(async () => {
    const dist = join(here, "../../packages/portal/dist/index.html");
    assert.ok(existsSync(dist), "the portal is not built: node scripts/ready.mjs --portal");
    for (const directory of [output, published]) mkdirSync(directory, { recursive: true });
    // One after the other: what has started is ended even where the other does not start.
    world.browser = await launchBrowser();
    world.demo = await startDemo("--meters", "11", "--days", "31");
});

after(async () => {
    await world.browser?.close();
    await world.demo?.stop();
    world.demo?.remove();
});

describeNeighbourhood(world);
describeHousehold(world);
describeDistrust(world);
describeAccess(world);
describeRemembered(world);
describeLive(world);
