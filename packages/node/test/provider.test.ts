import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
    createLadder,
    parseInstant,
    recipientKeyId,
    toHex,
    unwrap,
    type WindowName,
} from "@meterseal/core";
import { createNotice, NOTICE_KIND } from "@meterseal/record";
import {
    coverBody,
    differenceBody,
    GRANT_KIND,
    type Grant,
    type GrantTerms,
    keyBody,
    ownerKeys,
    parseGrant,
    sealGrant,
} from "@meterseal/seal";
import { type KeyFile, parseKeyFile } from "@meterseal/wallet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemRandom } from "../src/clocks.ts";
import { PLACES } from "../src/files.ts";
import { postNotice, postToBox } from "../src/party/client.ts";
import { type OwnParty, openParty } from "../src/party/party.ts";
import type { Server } from "../src/server/server.ts";
import { type Outcome, run } from "./command.ts";
import { FIXTURE_MS, useFixture, useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

const TEST_MS = 60_000;
const scratch = useScratch();
const place = (name: string): string => join(scratch, name);
let server: Server;
let dataDir: string;
let keyPath: string;
let key: KeyFile;
let household: OwnParty;

beforeAll(async () => {
    const { finished, names } = await useFixture();
    dataDir = place("data");
    cpSync(finished, dataDir, { recursive: true });
    keyPath = PLACES.keyFile(dataDir, names[0] ?? "");
    key = unwrap(parseKeyFile(readFileSync(keyPath, "utf8")));
    server = await startQuietServer(dataDir);
    const wallet = place("wallet");
    await must(run("wallet", "init", "--key", keyPath, "--out", wallet));
    await admit(wallet);
    household = openParty(wallet);
    for (const name of ["energy", "other"]) {
        await must(run("provider", "init", "--name", name, "--out", place(name)));
        await admit(place(name));
    }
}, FIXTURE_MS);
afterAll(() => server.close());

async function must(outcome: Promise<Outcome>): Promise<Outcome> {
    const got = await outcome;
    expect([got.code, got.stderr]).toEqual([0, expect.not.stringContaining("MS_")]);
    return got;
}

const admit = (directory: string): Promise<Outcome> =>
    must(run("enrol", "--data", dataDir, join(directory, "party-request.json")));

type Wish = {
    readonly kind?: GrantTerms["kind"];
    readonly level?: number;
    readonly window?: WindowName;
    readonly from?: string;
    readonly to?: string;
    readonly leaseEndUnix?: number;
};

const at = (text: string): number => unwrap(parseInstant(text, key.zone));

/** A grant as a household makes it, on the ledger and in the box of the server. */
async function grant(wish: Wish, to = "energy"): Promise<Grant> {
    const { kind = GRANT_KIND.K, level, window, leaseEndUnix } = wish;
    const { party } = openParty(place(to));
    const recipient = party.recipients[0] as { suite: number; bytes: Uint8Array };
    const [fromUnix, toUnix] = [at(wish.from ?? "2013-01-01"), at(wish.to ?? "2013-01-07")];
    const { stream } = key;
    const span = { sealEpoch: stream.sealEpoch, fromUnix, toUnix };
    const groups = stream.groups.map(({ group }) => group);
    const terms: GrantTerms = {
        network: key.network,
        grantId: systemRandom.bytes(16),
        household: household.party.id,
        subject: key.meter,
        streamId: stream.streamId,
        spans: [span],
        groups: [0],
        kind,
        fromUnix,
        toUnix,
        recipient: party.id,
        recipientKeyId: recipientKeyId(recipient.bytes),
        issuedUnix: at("2013-01-08"),
        zone: key.zone,
        slotSeconds: stream.slotSeconds,
        scale: key.scale,
        hpkeSuite: recipient.suite,
        sealSuite: stream.suite,
        streamGroups: groups,
        ...(kind === GRANT_KIND.K ? { level: level ?? 2 } : { window: window ?? "day" }),
        ...(leaseEndUnix === undefined ? {} : { leaseEndUnix }),
    };
    const ladder = unwrap(createLadder(key.zone, stream.slotSeconds));
    const owner = unwrap(ownerKeys(key.master as Uint8Array, stream));
    const windows = [{ fromUnix, toUnix }];
    const epochs = [{ span, owner }];
    const body =
        kind === GRANT_KIND.K
            ? coverBody(terms, ladder, epochs)
            : (kind === GRANT_KIND.E ? keyBody : differenceBody)(terms, ladder, epochs, windows);
    const bytes = unwrap(await sealGrant(household.signer, terms, recipient.bytes, unwrap(body)));
    const made = unwrap(parseGrant(bytes));
    await say(NOTICE_KIND.grant, made);
    await postToBox(server.httpUrl, "grants", bytes);
    return made;
}

async function say(kind: 1 | 2, { message }: Grant): Promise<void> {
    const about = { network: key.network, party: household.party.id, kind, hash: message.hash };
    const timeUnix = at("2013-01-08");
    const notice = await createNotice(household.signer, { ...about, timeUnix });
    await postNotice(server.httpUrl, notice);
}

const sums = (name: string, { message }: Grant, ...words: string[]): Promise<Outcome> =>
    run(
        ...["provider", "sums", "--dir", place(name), "--url", server.httpUrl],
        ...["--grant", toHex(message.hash), ...words],
    );

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
                const words = ["--level", window, ...range, "--json", "--url", server.httpUrl];
                const own = JSON.parse(
                    (await must(run("usage", "--key", keyPath, ...words))).stdout,
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
                    run("usage", "--key", keyPath, "--url", server.httpUrl, ...words),
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
            const words = ["--dir", place("energy"), "--url", server.httpUrl];
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
                run("provider", "grants", "--dir", place("other"), "--url", server.httpUrl),
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
            await say(NOTICE_KIND.revocation, made);
            const revoked = await sums("energy", made);
            expect([revoked.code, revoked.stdout]).toEqual([1, ""]);
            expect(revoked.stderr).toMatch(/^MS_GRANT_REVOKED: /);
            const words = ["--dir", place("energy"), "--url", server.httpUrl];
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
