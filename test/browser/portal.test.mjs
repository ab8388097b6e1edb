// The portal in headless Chromium, served by the real server on real readings.
// `CHROMIUM` names the browser. What the pages looked like is left in output/ here.
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { describeAccess } from "./access.mjs";
import { describeAddress } from "./address.mjs";
import { describeBill } from "./bill.mjs";
import { describeCorrections } from "./corrections.mjs";
import { startDemo } from "./demo.mjs";
import { describeDistrust } from "./distrust.mjs";
import { describeGrants } from "./grants.mjs";
import { describeHousehold } from "./household.mjs";
import { describeJournal } from "./journal.mjs";
import { describeKeyboard } from "./keyboard.mjs";
import { describeLedger } from "./ledger.mjs";
import { describeLive } from "./live.mjs";
import { describeNeighbourhood } from "./neighbourhood.mjs";
import { describePreferences } from "./preferences.mjs";
import { describeRemembered } from "./remembered.mjs";
import { describeSharing } from "./sharing.mjs";
import { describeTariffGrants } from "./tariff-grants.mjs";
import { describeTwoWay } from "./two-way.mjs";
import { describeVectors } from "./vectors.mjs";
import { launchBrowser } from "./watched-page.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const output = join(here, "output");
const world = { browser: undefined, demo: undefined, output };

before(async () => {
    const dist = join(here, "../../packages/portal/dist/index.html");
    assert.ok(existsSync(dist), "the portal is not built: node scripts/ready.mjs --portal");
    mkdirSync(output, { recursive: true });
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
describeAddress(world);
describeTwoWay(world);
describeCorrections(world);
describeLedger(world);
describeSharing(world);
describeGrants(world);
describeTariffGrants(world);
describeJournal(world);
describeBill(world);
describeDistrust(world);
describeAccess(world);
describeKeyboard(world);
describePreferences(world);
describeRemembered(world);
describeLive(world);
describeVectors(world);
