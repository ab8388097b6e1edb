import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "@meterseal/core";
import { NOTICE_KIND } from "@meterseal/record";
import { GRANT_KIND, type Grant } from "@meterseal/seal";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Outcome, run } from "./command.ts";
import { FIXTURE_MS, useScratch } from "./fixture.ts";
import { must, ProviderBed, type Wish } from "./provider-bed.ts";

const TEST_MS = 60_000;
const scratch = useScratch();
let bed: ProviderBed;

beforeAll(async () => {
    bed = await ProviderBed.open(scratch);
}, FIXTURE_MS);
afterAll(() => bed.server.close());

const place = (name: string): string => bed.place(name);
const at = (text: string): number => bed.at(text);
const grant = (wish: Wish): Promise<Grant> => bed.grant(wish);
const sums = (name: string, made: Grant, ...words: string[]): Promise<Outcome> =>
    bed.sums(name, made, ...words);

type Shown = {
    windows: { from: string; importWh: number; quality: string; marks: string[] }[];
    totalImportWh: number;
    coverage: number;
    proof: { holds: boolean; storeSums: number; checkpoint: { size: number } };
};

describe("a provider", () => {
    it(
        "reads the household's own usage, exactly, and nothing finer than granted",
        async () => {
            const range = ["--from", "2013-01-01", "--to", "2013-01-07"];
            for (const [level, window] of [
                [2, "day"],
                [1, "hour"],
                [0, "slot"],
            ] as const) {
                const made = await grant({ level });
                const words = ["--level", window, ...range, "--json", "--url", bed.server.httpUrl];
                const own = JSON.parse(
                    (await must(run("usage", "--key", bed.keyPath, ...words))).stdout,
                );
                const got = JSON.parse(
                    (await must(sums("energy", made, "--json"))).stdout,
                ) as Shown;
                const plain = ({ from, importWh, marks, quality }: Shown["windows"][0]) => {
                    return { from, importWh: importWh ?? null, marks, quality };
                };
                expect(got.windows.map(plain)).toEqual(own.intervals.map(plain));
                expect(got.totalImportWh).toBe(own.totalImportWh);
                expect(got.coverage).toBe(own.coverage);
                expect(got.proof).toMatchObject({
                    holds: true,
                    storeSums: got.windows.length,
                    amountsBy: "household",
                });
            }
            const days = await grant({ level: 2 });
            const finer = await sums("energy", days, "--window", "hour");
            expect([finer.code, finer.stdout]).toEqual([2, ""]);
            expect(finer.stderr).toMatch(/^MS_GRANT_LEVEL: /);
            const beyond = await sums("energy", days, "--from", "2013-02-01");
            expect(beyond.stderr).toMatch(/^MS_GRANT_RANGE: /);
            const total = JSON.parse(
                (await must(sums("energy", days, "--window", "total", "--json"))).stdout,
            ) as Shown;
            expect(total.windows).toHaveLength(1);
        },
        TEST_MS,
    );

    it(
        "reads single sums and listed windows likewise",
        async () => {
            for (const kind of [GRANT_KIND.D, GRANT_KIND.E]) {
                const made = await grant({ kind, window: "total" });
                const got = JSON.parse(
                    (await must(sums("energy", made, "--json"))).stdout,
                ) as Shown;
                const words = ["--from", "2013-01-01", "--to", "2013-01-07", "--json"];
                const own = await must(
                    run("usage", "--key", bed.keyPath, "--url", bed.server.httpUrl, ...words),
                );
                expect(got.totalImportWh).toBe(JSON.parse(own.stdout).totalImportWh);
            }
        },
        TEST_MS,
    );

    it(
        "finds its grants by their first digits, and reads them as a table and as CSV",
        async () => {
            const made = await grant({ from: "2013-01-02" });
            const hash = toHex(made.message.hash);
            const words = ["--dir", place("energy"), "--url", bed.server.httpUrl];
            const list = await must(run("provider", "grants", ...words));
            expect(list.stdout).toContain(`${hash.slice(0, 12)}  meter `);
            const { grants } = JSON.parse(
                (await must(run("provider", "grants", ...words, "--json"))).stdout,
            );
            expect(grants.find((each: { grant: string }) => each.grant === hash)).toMatchObject({
                state: "valid",
                terms: {
                    kind: "K",
                    sums: "days and longer",
                    from: "2013-01-02T00:00:00+00:00",
                },
            });
            const short = ["provider", "sums", ...words, "--grant", hash.slice(0, 10)];
            const table = await must(run(...short));
            expect(table.stdout.split("\n").filter(Boolean)).toHaveLength(6);
            expect(table.stdout).toMatch(/^2013-01-02T00:00:00\+00:00 +\d+\.\d{3} kWh/);
            expect(table.stdout).toMatch(/total \d+\.\d{3} kWh, [\d.]+ % of the slots measured/);
            expect(table.stderr).toMatch(/Proven: \d+ signatures, .* 5 sums are as the store says/);
            const csv = await must(run(...short, "--csv"));
            expect(csv.stdout.split("\n")[0]).toBe(
                "from,to,import_wh,quality,measured,slots,marks",
            );
            expect((await run(...short, "--csv", "--json")).code).toBe(2);
            const none = await run("provider", "sums", ...words, "--grant", "0000000000");
            expect([none.code, none.stderr]).toEqual([2, expect.stringMatching(/^MS_NOT_FOUND: /)]);
            const empty = await must(
                run("provider", "grants", "--dir", place("other"), "--url", bed.server.httpUrl),
            );
            expect(empty.stderr).toMatch(/No household has granted anything/);
        },
        TEST_MS,
    );

    it(
        "reads what it saved without a server; nobody else can",
        async () => {
            const made = await grant({});
            const kept = place("kept");
            const online = await must(sums("energy", made, "--json", "--save", kept));
            const files = [
                ...["--grant-file", join(kept, "grant.cose")],
                ...["--evidence-file", join(kept, "evidence.cbor")],
            ];
            const offline = await must(
                run("provider", "sums", "--dir", place("energy"), ...files, "--json"),
            );
            const [a, b] = [online, offline].map(({ stdout }) => JSON.parse(stdout) as Shown);
            expect(b?.windows).toEqual(a?.windows);
            expect(b?.proof).toMatchObject({ holds: true, storeSums: null });
            const foreign = await run("provider", "sums", "--dir", place("other"), ...files);
            expect([foreign.code, foreign.stdout]).toEqual([2, ""]);
            expect(foreign.stderr).toMatch(/^MS_GRANT_RECIPIENT: /);
            expect((await sums("other", made)).stderr).toMatch(/^MS_NOT_(ALLOWED|FOUND): /);
            const evidence = readFileSync(join(kept, "evidence.cbor"));
            const middle = Math.floor(evidence.length / 2);
            evidence[middle] = (evidence[middle] ?? 0) ^ 1;
            writeFileSync(join(kept, "evidence.cbor"), evidence);
            const altered = await run("provider", "sums", "--dir", place("energy"), ...files);
            expect([altered.code, altered.stdout]).toEqual([1, ""]);
            expect(altered.stderr).toMatch(/^MS_\w+: /);
        },
        TEST_MS,
    );

    it(
        "is told plainly that a grant is revoked, over, or not yet valid",
        async () => {
            const over = await grant({ leaseEndUnix: at("2013-01-09") });
            expect((await sums("energy", over)).stderr).toMatch(/^MS_EXPIRED: .*new grant/);
            const made = await grant({ to: "2013-01-05" });
            await must(sums("energy", made));
            await bed.say(NOTICE_KIND.revocation, made);
            const revoked = await sums("energy", made);
            expect([revoked.code, revoked.stdout]).toEqual([1, ""]);
            expect(revoked.stderr).toMatch(/^MS_GRANT_REVOKED: /);
            const words = ["--dir", place("energy"), "--url", bed.server.httpUrl];
            const list = await must(run("provider", "grants", ...words));
            const [line] = list.stdout.split("\n").filter((each) => each.includes("revoked"));
            expect(line).toMatch(
                new RegExp(`^${toHex(made.message.hash).slice(0, 12)}  household`),
            );
            expect(list.stdout).toMatch(/ expired$/m);
        },
        TEST_MS,
    );

    it(
        "remembers the log that it saw, and takes no older or other one",
        async () => {
            const made = await grant({ from: "2013-01-03" });
            await must(sums("energy", made));
            const path = join(place("energy"), "seen-checkpoint.json");
            expect(existsSync(path)).toBe(true);
            const seen = JSON.parse(readFileSync(path, "utf8"));
            const write = (changes: object): void =>
                writeFileSync(path, JSON.stringify({ ...seen, ...changes }));
            write({ size: seen.size + 1_000 });
            expect((await sums("energy", made)).stderr).toMatch(/^MS_CHECKPOINT: .*a shorter one/);
            write({ root: "0".repeat(64) });
            expect((await sums("energy", made)).stderr).toMatch(/^MS_CHECKPOINT: /);
            write({ root: "nonsense" });
            expect((await sums("energy", made)).stderr).toMatch(
                /^MS_CHECKPOINT: .*Delete the file/,
            );
            write({});
            await must(sums("energy", made));
        },
        TEST_MS,
    );
});
