import { existsSync } from "node:fs";
import { join } from "node:path";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ReplayClock } from "../src/clocks.ts";
import { PLACES } from "../src/files.ts";
import { Neighbourhood } from "../src/fleet/neighbourhood.ts";
import type { Server } from "../src/server/server.ts";
import { run } from "./command.ts";
import { FIXTURE_MS, quiet, useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

const scratch = useScratch();
const dataDir = join(scratch, "street");
/** A year behind the readings. */
const LATER_MS = Date.UTC(2014, 0, 10);
/** Two bills that were made before: of days that are pruned, and of days that are not. */
const BILLS = {
    old: { days: ["--from", "2013-01-01", "--to", "2013-01-03"], said: "" },
    late: { days: ["--from", "2013-01-04", "--to", "2013-01-06"], said: "" },
};
type Name = keyof typeof BILLS;

const pathOf = (name: Name): string => join(scratch, `${name}.json`);
const evidenceOf = (name: Name): string => join(scratch, `${name}.evidence`);
const check = (name: Name, ...from: string[]) =>
    run("bill", "check", pathOf(name), ...from, "--json");

let tariff = "";
let key = "";
let server: Server;

function prove(name: Name, out: string, url: string) {
    const words = ["--key", key, "--tariff", tariff, "--url", url, "--out", out];
    return run("bill", "prove", ...words, ...BILLS[name].days, "--json");
}

/** A street whose household makes two bills, and which is pruned a year later. */
beforeAll(async () => {
    const stop = new AbortController();
    const street = await Neighbourhood.start({
        ...{ dataDir, meters: 1, california: 0, own: null, days: 6, speed: 0, httpPort: 0 },
        ...{ open: false, log: quiet, signal: stop.signal },
    });
    await street.replay(() => {});
    const url = street.server.info.httpUrl;
    const shown = await run("tariff", "show", "--url", url, "--json");
    const tariffs = Object.values(JSON.parse(shown.stdout)) as { hash: string; name: string }[];
    tariff = tariffs.find(({ name }) => /standard/.test(name))?.hash ?? "";
    key = PLACES.keyFile(dataDir, "MAC000515");
    for (const name of ["old", "late"] as const) {
        const made = await prove(name, pathOf(name), url);
        expect([made.code, made.stderr]).toEqual([0, ""]);
        const checked = await check(name, "--url", url, "--save-evidence", evidenceOf(name));
        expect(checked.code).toBe(0);
        BILLS[name].said = checked.stdout;
    }
    stop.abort();
    await street.stop();
    const clock = new ReplayClock(LATER_MS);
    const later = await startQuietServer(dataDir, { clock });
    const { publicKey } = signerFromPem(generatePrivateKeyPem("es256"));
    await later.enrol({ subject: new Uint8Array(16).fill(7), key: publicKey, streams: [] });
    await later.close();
    const words = ["prune", "--data", dataDir, "--before", "2013-01-04", "--yes", "--json"];
    const done = await run(...words);
    expect(done.code).toBe(0);
    expect((JSON.parse(done.stdout) as { pruned: number }).pruned).toBeGreaterThan(0);
    server = await startQuietServer(dataDir, { clock });
}, FIXTURE_MS);
afterAll(async () => {
    await server.close();
});

describe("a bill that was made before pruning", () => {
    it.each(["old", "late"] as const)(
        "is checked as ever by the evidence that was kept with it: %s",
        async (name) => {
            const checked = await check(name, "--evidence", evidenceOf(name));
            expect([checked.code, checked.stdout]).toEqual([0, BILLS[name].said]);
        },
    );

    it("is checked against the server where its days are left, to the same amount", async () => {
        const checked = await check("late", "--url", server.httpUrl);
        expect([checked.code, checked.stdout]).toEqual([0, BILLS.late.said]);
    });

    it("is refused against the server where its days are gone, and not called wrong", async () => {
        const refused = await check("old", "--url", server.httpUrl);
        expect([refused.code, refused.stdout, refused.stderr]).toEqual([
            2,
            "",
            expect.stringMatching(/^MS_PRUNED.*reach back.*evidence from before the pruning/s),
        ]);
    });

    it("cannot be made again of days that are gone: no bill of the rest takes its place", async () => {
        const out = join(scratch, "again.json");
        const refused = await prove("old", out, server.httpUrl);
        expect([refused.code, refused.stderr, existsSync(out)]).toEqual([
            2,
            expect.stringMatching(/^MS_PRUNED/),
            false,
        ]);
        const made = await prove("late", out, server.httpUrl);
        expect([made.code, made.stderr]).toEqual([0, ""]);
    });
});
