import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
    type Clock,
    error,
    type HpkeKeyPair,
    MetersealError,
    toHex,
    unwrap,
} from "@meterseal/core";
import { createNotice, NOTICE_KIND, PARTY_ROLE } from "@meterseal/record";
import {
    createStandingPolicy,
    GRANT_KIND,
    type Grant,
    openGrant,
    parseGrant,
    parseStandingPolicy,
} from "@meterseal/seal";
import { parseKeyFile } from "@meterseal/wallet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { walletOf } from "../src/commands/wallet-of-options.ts";
import { readWallet } from "../src/custody/wallet-files.ts";
import { DEVICE_FILES } from "../src/device/device.ts";
import { readJournal } from "../src/household/journal-file.ts";
import { type OwnGrant, ownGrants } from "../src/household/own-grants.ts";
import { findRecipient } from "../src/household/recipient.ts";
import { keepPolicy } from "../src/household/subscriptions.ts";
import { type WalletRound, walletRound } from "../src/household/wallet-rounds.ts";
import { createParty, keepAnswer, openParty } from "../src/party/party.ts";
import { type ListedGrant, ServerApi } from "../src/party/server-api.ts";
import type { Server } from "../src/server/server.ts";
import { type Outcome, run } from "./command.ts";
import { useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

const TEST_MS = 60_000;
const scratch = useScratch();
const dataDir = join(scratch, "utility");
const place = (name: string): string => join(scratch, name);
let server: Server;

async function must(outcome: Promise<Outcome>): Promise<Outcome> {
    const got = await outcome;
    expect([got.code, got.stderr]).toEqual([0, expect.not.stringContaining("MS_")]);
    return got;
}

async function party(name: string, role: number, streams: readonly Uint8Array[]): Promise<void> {
    const plan = { role, name, streams, network: server.networkId };
    const request = await createParty(place(name), plan);
    keepAnswer(place(name), await server.admitParty(request), request);
}

/** A household whose meter has sent one day of January 2024. */
async function household(name: string): Promise<void> {
    const meter = place(`meter of ${name}`);
    const words = ["--zone", "Europe/Berlin", "--slot-seconds", "3600", "--json"];
    await must(run("meter", "init", "--dir", meter, ...words));
    await must(run("enrol", "--data", dataDir, join(meter, DEVICE_FILES.request), "--json"));
    const rows = Array.from({ length: 24 }, (_, i) => {
        return `${new Date(Date.UTC(2024, 0, 1, i)).toISOString()},0.25`;
    });
    writeFileSync(place(`${name}.csv`), `timestamp,import_kwh\n${rows.join("\n")}\n`);
    const csv = ["--csv", place(`${name}.csv`), "--to", server.mqttUrl, "--json"];
    await must(run("meter", "run", "--dir", meter, ...csv));
    mkdirSync(place(name));
    copyFileSync(join(meter, DEVICE_FILES.keyFile), join(place(name), "key.json"));
    const key = unwrap(parseKeyFile(readFileSync(join(place(name), "key.json"), "utf8")));
    await party(name, PARTY_ROLE.household, [key.stream.streamId]);
}

beforeAll(async () => {
    server = await startQuietServer(dataDir);
    await household("home");
    for (const name of ["Bright Energy", "Cosy Heat", "Gap Makers"]) {
        await party(name, PARTY_ROLE.provider, []);
    }
}, TEST_MS);
afterAll(() => server.close());

const at = (text: string): number => Date.parse(text) / 1000;
/** The wallet of the home, by a clock that stands at an instant. */
const walletAt = (text: string, home = "home") => {
    const clock: Clock = { nowMs: () => at(text) * 1000 };
    return { ...walletOf({ home: place(home), url: server.httpUrl }), clock };
};
const roundAt = (text: string): Promise<WalletRound> => walletRound(walletAt(text));
const grantsOf = (round: WalletRound): Grant[] =>
    round.renewals.flatMap(({ issued }) => issued.map(({ grant }) => grant));

const subscribe = (...words: string[]): Promise<Outcome> =>
    run("subscription", "create", "--home", place("home"), "--url", server.httpUrl, ...words);
const revoke = (hash: string): Promise<Outcome> =>
    run("subscription", "revoke", hash, "--home", place("home"), "--url", server.httpUrl);

/** Opens what the box has for a provider; codes where it refuses. */
async function taken(provider: string, hash: string): Promise<string> {
    const { key, network, party: own, signer } = openParty(place(provider));
    const api = new ServerApi(server.httpUrl, { network, party: own.id, signer });
    try {
        const grant = unwrap(parseGrant(await api.grant(hash, "test")));
        const pair = key.recipientKeys.find(({ suite }) => suite === grant.hpkeSuite);
        return (await openGrant(grant, pair as HpkeKeyPair)).ok ? "opens" : "closed";
    } catch (cause) {
        return (cause as { code: string }).code;
    }
}

describe("a subscription", () => {
    it(
        "is renewed a year long: one lease a month, each before the one before ends, and none twice",
        async () => {
            const words = ["--to", "Bright Energy", "--level", "day", "--from", "2024-01-01"];
            const until = ["--until", "2025-01-01", "--json"];
            const made = JSON.parse((await must(subscribe(...words, ...until))).stdout);
            expect(made.says).toContain("sums of days, import, from 2024-01-01 to 2025-01-01");
            // By the machine's clock the whole year is past: all twelve are made at once.
            expect(made.grants).toHaveLength(12);
            const own = readJournal(place("home")).grants;
            const grants = own.map(({ messages }) =>
                unwrap(parseGrant(Uint8Array.fromBase64(messages.at(-1) ?? ""))),
            );
            grants.forEach((grant, i) => {
                expect(grant.fromUnix).toBe(
                    i === 0 ? at("2023-12-31T23:00Z") : grants[i - 1]?.toUnix,
                );
                expect(grant).toMatchObject({ level: 2, kind: 1 });
            });
            expect(grants.at(-1)?.toUnix).toBe(at("2024-12-31T23:00Z"));
            expect(await taken("Bright Energy", made.grants[11])).toBe("opens");
            const again = await roundAt("2026-01-01T00:00Z");
            expect([grantsOf(again), again.nextUnix]).toEqual([[], null]);
        },
        TEST_MS,
    );

    it(
        "is renewed by the wallet's own clock, whatever a server says of the time",
        async () => {
            const words = [
                "--to",
                "Cosy Heat",
                "--level",
                "month",
                "--from",
                "2030-01-01",
                "--json",
            ];
            const { grants, subscription } = JSON.parse((await must(subscribe(...words))).stdout);
            expect(grants).toEqual([]);
            const wallet = walletAt("2029-12-23T00:00Z");
            const network = wallet.leasing.api.network.bind(wallet.leasing.api);
            wallet.leasing.api.network = async () => ({
                ...(await network()),
                nowUnix: at("2035-01-01T00:00Z"),
            });
            expect(grantsOf(await walletRound(wallet))).toEqual([]);
            await must(revoke(subscription));
            // A lease on time is read a period longer than it covers, and no longer.
            const weekly = ["--to", "Cosy Heat", "--level", "day", "--every", "week", "--json"];
            const made = JSON.parse((await must(subscribe(...weekly))).stdout);
            const message = readJournal(place("home")).grants.at(-1)?.messages.at(-1) ?? "";
            const lease = unwrap(parseGrant(Uint8Array.fromBase64(message)));
            const days = ((lease.leaseEndUnix ?? 0) - lease.toUnix) / 86_400;
            expect(Math.round(days)).toBe(7);
            await must(revoke(made.subscription));
        },
        TEST_MS,
    );

    it(
        "crashed around every message resumes: each lease is issued once, and arrives",
        async () => {
            let crashes = 0;
            const { api: server, key } = walletAt("2026-01-01T00:00Z").leasing;
            const evidence = await server.bytes(`/api/v1/meters/${toHex(key.meter)}/evidence`);
            for (const when of ["before", "after"] as const) {
                for (let step = 0; ; step++) {
                    const copy = `home ${when} ${step}`;
                    for (const name of ["key.json", "wallet.key", "party.json"]) {
                        cpSync(join(place("home"), name), join(place(copy), name));
                    }
                    const policyId = await keepWeeks(copy);
                    const api = new MemoryApi(evidence, step, when);
                    const wallet = walletAt("2026-01-01T00:00Z", copy);
                    const own = { ...wallet, leasing: { ...wallet.leasing, api } };
                    const dead = await walletRound(own).catch((cause: unknown) => cause);
                    if (!(dead instanceof MetersealError)) break;
                    crashes++;
                    expect(api.sent).toBe(step + 1);
                    await walletRound(own);
                    await walletRound(own);
                    const leases = await leasesOf(policyId, place(copy), api);
                    expect(leases.map(({ grant }) => grant.fromUnix)).toEqual(
                        ["2023-12-31T23:00Z", "2024-01-07T23:00Z"].map(at),
                    );
                    expect(leases.map(({ state }) => state)).toEqual(["in force", "in force"]);
                }
            }
            // Two messages of the policy, two of each lease.
            expect(crashes).toBe(2 * 6);
        },
        TEST_MS,
    );

    it(
        "that would make more derivable than it says is not begun",
        async () => {
            const words = ["--to", "Gap Makers", "--level", "day"];
            const home = ["--home", place("home"), "--url", server.httpUrl];
            const january = ["--from", "2024-01-01", "--to-date", "2024-02-01"];
            await must(run("grant", "create", ...home, ...words, ...january));
            const before = readdirSync(place("home"));
            const journal = readJournal(place("home"));
            const march = ["--from", "2024-03-01", "--until", "2024-05-01"];
            const refused = await subscribe(...words, ...march);
            expect(refused.stderr).toMatch(/^MS_DERIVABLE: /);
            expect(readdirSync(place("home"))).toEqual(before);
            expect(readJournal(place("home"))).toEqual(journal);
            for (const [wrong, code] of [
                [["--to", "Nobody", "--level", "day"], "MS_NOT_FOUND"],
                [["--to", "Cosy Heat", "--level", "fortnight"], "MS_USAGE"],
                [["--to", "Cosy Heat", "--level", "day", "--every", "hour"], "MS_USAGE"],
                [["--to", "Cosy Heat", "--level", "day", "--from", "2024-03-02"], "MS_USAGE"],
                [["--to", "Cosy Heat", "--level", "day", "--groups", "1"], "MS_STREAM_RULE"],
                [["--to", "Cosy Heat", "--level", "month", "--every", "week"], "MS_USAGE"],
            ] as const) {
                expect((await subscribe(...wrong)).stderr).toMatch(new RegExp(`^${code}: `));
            }
            expect(readJournal(place("home"))).toEqual(journal);
        },
        TEST_MS,
    );

    it(
        "ends where it is revoked: no lease follows, and the present one is given out no more",
        async () => {
            const words = ["--to", "Bright Energy", "--level", "month", "--every", "year"];
            words.push("--from", "2025-01-01");
            const made = JSON.parse((await must(subscribe(...words, "--json"))).stdout);
            const [lease = ""] = made.grants;
            expect(await taken("Bright Energy", lease)).toBe("opens");
            const once = ["--home", place("home"), "--url", server.httpUrl, "--once"];
            // A copy of the wallet has the policies, and what was revoked, besides its keys.
            const names = readWallet(place("home")).map((file) => file.name);
            expect(names.filter((name) => name.startsWith("policy-"))).toContain(
                `policy-${made.subscription.slice(0, 32)}.cose`,
            );
            const round = JSON.parse((await must(run("wallet", "run", ...once, "--json"))).stdout);
            expect(round).toMatchObject({ resent: 0, leases: [], refusals: [] });
            expect(round.nextUnix).toBeGreaterThan(Date.now() / 1000);

            const said = await must(revoke(made.subscription.slice(0, 12)));
            expect(said.stderr).toContain("The past stays readable");
            expect(await taken("Bright Energy", lease)).toBe("MS_GRANT_REVOKED");
            expect((await revoke(made.subscription)).stderr).toMatch(/^MS_GRANT_REVOKED: /);
            const { api, home } = walletAt("2026-01-01T00:00Z").leasing;
            const notices = await api.notices(NOTICE_KIND.revocation);
            expect(notices.map(({ topic }) => topic)).toContain(made.subscription);
            const text = await must(run("wallet", "run", ...once));
            expect(text.stderr).toContain("No lease is due.");

            // A server that hides the revocation gets no lease all the same.
            const wallet = walletAt("2030-01-01T00:00Z");
            const hiding = wallet.leasing.api;
            const policies = hiding.policies.bind(hiding);
            hiding.policies = async () =>
                (await policies()).map((each) => ({ ...each, isRevoked: false }));
            hiding.postNotice = () => Promise.resolve();
            hiding.network = async () => ({ genesis: new Uint8Array(), nowUnix: at("2030-01-01") });
            expect(grantsOf(await walletRound(wallet))).toEqual([]);
            expect(home).toBe(place("home"));
            const list = await must(
                run("subscription", "list", "--home", home, "--url", server.httpUrl, "--json"),
            );
            const { subscriptions } = JSON.parse(list.stdout);
            expect(subscriptions).toContainEqual(
                expect.objectContaining({ subscription: made.subscription, state: "revoked" }),
            );
        },
        TEST_MS,
    );

    it(
        "is judged by what another device granted: its leases, and the ones it begins with",
        async () => {
            const far = ["--to", "Cosy Heat", "--level", "day", "--from", "2024-02-01"];
            const home = ["--home", place("home"), "--url", server.httpUrl, "--override"];
            await must(run("grant", "create", ...home, ...far, "--to-date", "2024-02-10"));
            const copy = "a copy without the journal";
            for (const name of ["key.json", "wallet.key", "party.json"]) {
                cpSync(join(place("home"), name), join(place(copy), name));
            }
            const words = ["--to", "Cosy Heat", "--level", "day", "--from", "2024-03-01"];
            const until = ["--until", "2024-04-01", "--url", server.httpUrl];
            const begun = run("subscription", "create", "--home", place(copy), ...words, ...until);
            expect((await begun).stderr).toMatch(/^MS_DERIVABLE: .*Cosy Heat could compute/);
            const policyId = toHex(await keepWeeks(copy));
            const { renewals } = await walletRound(walletAt("2026-01-01T00:00Z", copy));
            const weeks = renewals.find(
                ({ subscription }) => toHex(subscription.policy.policyId) === policyId,
            );
            expect(weeks?.issued).toEqual([]);
            expect(weeks?.refusal?.message).toMatch(/^MS_DERIVABLE: .*Cosy Heat could compute/);
            expect(readJournal(place(copy)).grants).toEqual([]);
        },
        TEST_MS,
    );
});

/** A policy of two weeks of January 2024 for Cosy Heat, on disk only; its id. */
async function keepWeeks(name: string): Promise<Uint8Array> {
    const { home, key, own, partyOf, random, api } = walletAt("2026-01-01T00:00Z", name).leasing;
    const to = await findRecipient("Cosy Heat", key.network, { api, partyOf });
    const policyId = random.bytes(16);
    const bytes = await createStandingPolicy(own.signer, {
        ...{ network: key.network, policyId, household: own.party.id, subject: key.meter },
        ...{ streamId: key.stream.streamId, recipient: to.id, issuedUnix: 1, groups: [0] },
        ...{ kind: GRANT_KIND.K, window: "day", zone: key.zone, leasePeriod: "week" },
        ...{ slotSeconds: key.stream.slotSeconds, fromUnix: at("2023-12-31T23:00Z") },
        toUnix: at("2024-01-14T23:00Z"),
    });
    const policy = unwrap(parseStandingPolicy(bytes));
    const said = { network: key.network, party: own.party.id, timeUnix: 1 };
    const { hash } = policy.message;
    const notice = await createNotice(own.signer, { ...said, kind: NOTICE_KIND.policy, hash });
    keepPolicy(home, notice, policy);
    return policyId;
}

/** Grants that name a policy, in the order of their ranges. */
async function leasesOf(policyId: Uint8Array, home: string, api: ServerApi): Promise<OwnGrant[]> {
    const server = { own: openParty(home), api };
    const { grants } = await ownGrants(readJournal(home).grants, server);
    const own = grants.filter(
        ({ grant }) => grant.policyId !== undefined && toHex(grant.policyId) === toHex(policyId),
    );
    return own.sort((a, b) => a.grant.fromUnix - b.grant.fromUnix);
}

/** A server in memory, on which the wallet dies around its n-th message. */
class MemoryApi extends ServerApi {
    sent = 0;
    readonly #boxes = {
        grants: new Map<string, ListedGrant>(),
        policies: new Map<string, ListedGrant>(),
    };
    readonly #evidence: Uint8Array;
    readonly #dies: { readonly at: number; readonly when: "before" | "after" };

    constructor(evidence: Uint8Array, at: number, when: "before" | "after") {
        super("http://127.0.0.1:1", null);
        this.#evidence = evidence;
        this.#dies = { at, when };
    }

    override network = () =>
        Promise.resolve({ genesis: new Uint8Array(), nowUnix: at("2026-01-01T00:00Z") });
    override notices = () => Promise.resolve([]);
    override bytes = () => Promise.resolve(this.#evidence);
    override grants = () => Promise.resolve([...this.#boxes.grants.values()]);
    override policies = () => Promise.resolve([...this.#boxes.policies.values()]);
    override postNotice = () => this.#take(() => undefined);
    override postGrant = (bytes: Uint8Array) =>
        this.#take(() => this.#put("grants", unwrap(parseGrant(bytes))));
    override postPolicy = (bytes: Uint8Array) =>
        this.#take(() => this.#put("policies", unwrap(parseStandingPolicy(bytes))));

    #put(
        box: "grants" | "policies",
        { household, message, recipient }: Pick<Grant, "household" | "message" | "recipient">,
    ): void {
        const [hash, issuer] = [toHex(message.hash), toHex(household)];
        const listed = { hash, issuer, recipient: toHex(recipient), isRevoked: false };
        this.#boxes[box].set(hash, listed);
    }

    #take(keep: () => void): Promise<void> {
        const dies = this.sent++ === this.#dies.at;
        if (!dies || this.#dies.when === "after") keep();
        return dies ? Promise.reject(error("MS_LINK")) : Promise.resolve();
    }
}
