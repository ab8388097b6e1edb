import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem, VerifierPool } from "@meterseal/core/node";
import { PARTY_ROLE } from "@meterseal/record";
import { openServerStore } from "@meterseal/stores/sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../src/clocks.ts";
import { PLACES } from "../src/files.ts";
import { admitCollector, enrolMeter, type Registry } from "../src/server/enrolment.ts";
import { ServerMetrics } from "../src/server/metrics.ts";
import { admitParty } from "../src/server/party-admission.ts";
import { removeMember } from "../src/server/removal.ts";
import { type Roles, startRoles } from "../src/server/roles.ts";
import { quiet, useScratch } from "./fixture.ts";

const scratch = useScratch();
const subject = new Uint8Array(16).fill(7);
let roles: Roles;
let fatal: unknown[];
let isFull: boolean;
/** Called when an entry is in the state, and its write is about to fail. */
let meanwhile: () => void;
let close: () => Promise<void>;

beforeEach(async () => {
    const dataDir = join(scratch, "failing");
    const directory = PLACES.server(dataDir);
    mkdirSync(directory, { recursive: true });
    fatal = [];
    isFull = false;
    meanwhile = () => undefined;
    const store = await openServerStore(directory, {
        hooks: {
            beforeCommit: (point) => {
                if (!isFull || point !== "append") return;
                meanwhile();
                throw new Error("injected fault");
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

const { publicKey: key } = signerFromPem(generatePrivateKeyPem("es256"));

function registry(): Registry {
    const { engine, genesis, identity } = roles;
    return { clock: systemClock, engine, genesis, identity };
}

const enrol = (): Promise<unknown> => enrolMeter(registry(), { subject, key, streams: [] });

it("a server whose log cannot be written stops, and its collector says nothing more", async () => {
    const { collector, engine } = roles;
    isFull = true;
    await expect(enrol()).rejects.toMatchObject({ code: "MS_STORE_UNWRITABLE" });
    isFull = false;
    expect(fatal).toMatchObject([{ code: "MS_STORE_UNWRITABLE" }]);
    expect(engine.failure).toBe(fatal[0]);
    const message = collector.receive(toHex(subject), Uint8Array.of(1));
    await expect(message).rejects.toMatchObject({ code: "MS_BUSY" });
});

const party = (): Promise<unknown> => {
    const facts = { role: PARTY_ROLE.household, name: "", streams: [], recipients: [] };
    return admitParty(registry(), { id: subject, key, keyEpoch: 0, ...facts });
};
const collector = (): Promise<unknown> => {
    const network = roles.engine.state.networkId;
    return admitCollector(registry(), { id: subject, key, network });
};

it.each([
    ["a meter's enrolment", enrol, () => Promise.resolve()],
    ["a collector's admission", collector, () => Promise.resolve()],
    ["a party's admission", party, () => Promise.resolve()],
    ["a meter's removal", () => removeMember(registry(), subject), enrol],
])("%s, asked for again, is not confirmed before it is on disk", async (_, ask, before) => {
    await before();
    const again: Promise<unknown>[] = [];
    meanwhile = () => again.push(ask());
    isFull = true;
    const answers = await Promise.allSettled([ask()]);
    isFull = false;
    answers.push(...(await Promise.allSettled([...again, ask()])));
    expect(answers).toHaveLength(3);
    for (const answer of answers) {
        expect(answer).toMatchObject({ reason: { code: "MS_STORE_UNWRITABLE" } });
    }
});
