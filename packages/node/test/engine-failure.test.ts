import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem, VerifierPool } from "@meterseal/core/node";
import { openServerStore } from "@meterseal/stores/sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../src/clocks.ts";
import { PLACES } from "../src/files.ts";
import { enrolMeter } from "../src/server/enrolment.ts";
import { ServerMetrics } from "../src/server/metrics.ts";
import { type Roles, startRoles } from "../src/server/roles.ts";
import { quiet, useScratch } from "./fixture.ts";

const scratch = useScratch();
const subject = new Uint8Array(16).fill(7);
let roles: Roles;
let fatal: unknown[];
let isFull: boolean;
let close: () => Promise<void>;

beforeEach(async () => {
    const dataDir = join(scratch, "failing");
    const directory = PLACES.server(dataDir);
    mkdirSync(directory, { recursive: true });
    fatal = [];
    isFull = false;
    const store = await openServerStore(directory, {
        hooks: {
            beforeCommit: (point) => {
                if (isFull && point === "append") throw new Error("injected fault");
            },
        },
    });
    const verifier = new VerifierPool({ threads: 1 });
    const options = {
        ...{ dataDir, host: "127.0.0.1", httpPort: 0, mqttPort: null, clock: systemClock },
        ...{ clockLabel: null, mode: null, log: quiet },
        onFatal: (cause: unknown) => fatal.push(cause),
    };
    roles = await startRoles(options, { store, verifier, metrics: new ServerMetrics() });
    close = async () => {
        await roles.collector.close();
        await roles.engine.close();
        await verifier.close();
        await store.close();
    };
});
afterEach(() => close());

it("a server whose log cannot be written stops, and its collector says nothing more", async () => {
    const { clock, collector, engine, genesis, identity } = { ...roles, clock: systemClock };
    const { publicKey: key } = signerFromPem(generatePrivateKeyPem("es256"));
    isFull = true;
    const enrolled = enrolMeter(
        { clock, engine, genesis, identity },
        { subject, key, streams: [] },
    );
    await expect(enrolled).rejects.toMatchObject({ code: "MS_STORE_UNWRITABLE" });
    isFull = false;
    expect(fatal).toMatchObject([{ code: "MS_STORE_UNWRITABLE" }]);
    expect(engine.failure).toBe(fatal[0]);
    const message = collector.receive(toHex(subject), Uint8Array.of(1));
    await expect(message).rejects.toMatchObject({ code: "MS_BUSY" });
});
