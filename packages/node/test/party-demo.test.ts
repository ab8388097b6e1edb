import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { unwrap } from "@meterseal/core";
import { PARTY_ROLE } from "@meterseal/record";
import { parseKeyFile } from "@meterseal/wallet";
import { describe, expect, it } from "vitest";
import { PLACES } from "../src/files.ts";
import { createParty, openParty } from "../src/party/party.ts";
import { run } from "./command.ts";
import { FIXTURE, FIXTURE_MS, useFixture, useScratch } from "./fixture.ts";

const scratch = useScratch();

describe("a demo of before there were parties", () => {
    it(
        "gets a wallet for each home, a provider and a monitor, and goes on with keys that are there",
        async () => {
            const { finished, names } = await useFixture();
            const dataDir = join(scratch, "older");
            cpSync(finished, dataDir, { recursive: true });
            rmSync(join(dataDir, "server", "grants.db"), { force: true });
            // As a start leaves it that ended before the operator's answer was there.
            const [first = ""] = names;
            const key = readFileSync(PLACES.keyFile(dataDir, first), "utf8");
            const { name, network, stream } = unwrap(parseKeyFile(key));
            const begun = await createParty(PLACES.household(dataDir, first), {
                ...{ role: PARTY_ROLE.household, name, network, streams: [stream.streamId] },
            });
            const size = ["--meters", `${FIXTURE.meters}`, "--california", "0", "--port", "0"];
            const words = ["--once", ...size, "--days", `${FIXTURE.days}`, "--data", dataDir];
            const { code, stderr } = await run("demo", ...words);
            expect(code, stderr).toBe(0);
            const roles = ["households", "providers", "monitors"].flatMap((area) =>
                readdirSync(join(dataDir, area)).map(
                    (one) => openParty(join(dataDir, area, one)).party.role,
                ),
            );
            const { household, monitor, provider } = PARTY_ROLE;
            expect(roles).toEqual([...names.map(() => household), provider, monitor]);
            const { party } = openParty(PLACES.household(dataDir, first));
            expect(party.id).toEqual(begun.id);
            expect(existsSync(join(dataDir, "server", "grants.db"))).toBe(true);
        },
        FIXTURE_MS + 60_000,
    );
});
