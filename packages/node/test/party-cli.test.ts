import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "@meterseal/core";
import { PARTY_ROLE } from "@meterseal/record";
import { testBytes } from "@meterseal/testkit/keys";
import { beforeAll, describe, expect, it } from "vitest";
import { createDevice, DEVICE_FILES, openDevice, provideKeyFile } from "../src/device/device.ts";
import { openParty, PARTY_FILES } from "../src/party/party.ts";
import { run, start } from "./command.ts";
import { useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

const scratch = useScratch();
const dataDir = join(scratch, "utility");
const at = (...names: string[]): string => join(scratch, ...names);

beforeAll(async () => {
    await (await startQuietServer(dataDir)).close();
});

const enrol = (directory: string): ReturnType<typeof run> =>
    run("enrol", "--data", dataDir, join(directory, PARTY_FILES.request));

/** Directory of a meter that is enrolled, with the household's key file in it. */
async function home(name: string): Promise<string> {
    const directory = at(name);
    createDevice(directory, {
        ...{ zone: "Europe/London", slotSeconds: 1800, groups: [0], mode: 0, network: null },
    });
    await run("enrol", "--data", dataDir, join(directory, DEVICE_FILES.request));
    provideKeyFile(directory, name, openDevice(directory));
    return directory;
}

describe("meterseal provider init, monitor init and enrol", () => {
    it.each([
        ["provider", PARTY_ROLE.provider],
        ["monitor", PARTY_ROLE.monitor],
    ] as const)("make a %s that checks its admission offline", async (role, number) => {
        const directory = at(`a ${role}`);
        const made = await run(role, "init", "--name", "Example & Co", "--out", directory);
        expect(made).toMatchObject({ code: 0 });
        expect(made.stderr).toContain(`meterseal enrol --data SERVER-DIR`);
        expect(statSync(join(directory, `${role}.key`)).mode & 0o777).toBe(0o600);
        expect(() => openParty(directory)).toThrow(/MS_NOT_FOUND.*meterseal enrol/);
        const admitted = await enrol(directory);
        expect(admitted).toMatchObject({ code: 0 });
        const { key, network, party } = openParty(directory);
        expect(party).toMatchObject({ role: number, name: "Example & Co", keyEpoch: 0 });
        expect(admitted.stderr).toContain(`Admitted ${role} ${toHex(party.id)}`);
        expect(key.recipientKeys.map(({ suite }) => suite)).toEqual([1, 2]);
        expect(readFileSync(join(directory, `${role}.key`), "utf8")).toContain(toHex(network));
    });

    it("never write over a key, and refuse a name that is none", async () => {
        const directory = at("kept");
        await run("provider", "init", "--name", "Kept", "--out", directory);
        const before = readFileSync(join(directory, "provider.key"), "utf8");
        const again = await run("provider", "init", "--name", "Kept", "--out", directory);
        expect(again).toMatchObject({ code: 3 });
        expect(readFileSync(join(directory, "provider.key"), "utf8")).toBe(before);
        for (const name of [" ", "two\nlines", "x".repeat(65)]) {
            const refused = await run("provider", "init", "--name", name, "--out", at("none"));
            expect(refused, name).toMatchObject({ code: 2 });
        }
    });

    it("refuse an answer for another party, of another network, or changed", async () => {
        const [one, two] = [at("one"), at("two")];
        for (const directory of [one, two]) {
            await run("provider", "init", "--name", "One of two", "--out", directory);
            await enrol(directory);
        }
        const answer = join(one, PARTY_FILES.answer);
        const good = readFileSync(answer, "utf8");
        writeFileSync(answer, readFileSync(join(two, PARTY_FILES.answer)));
        expect(() => openParty(one)).toThrow(/MS_PARTY: .*the id of the request/);
        const fields = JSON.parse(good) as Record<string, string>;
        const signed = Uint8Array.fromBase64(fields.party ?? "");
        signed[signed.length - 1] = (signed.at(-1) ?? 0) ^ 1;
        writeFileSync(answer, JSON.stringify({ ...fields, party: signed.toBase64() }));
        expect(() => openParty(one)).toThrow("MS_SIGNATURE_BAD");
        writeFileSync(answer, good);
        openParty(one);
        const elsewhere = at("elsewhere");
        await (await startQuietServer(elsewhere)).close();
        rmSync(answer);
        await run("enrol", "--data", elsewhere, join(one, PARTY_FILES.request));
        expect(() => openParty(one)).toThrow("MS_GENESIS");
    });

    it("do the same over the server while it runs", async () => {
        const directory = at("live");
        await run("monitor", "init", "--name", "Live", "--out", directory);
        const server = await startQuietServer(dataDir);
        try {
            expect(await enrol(directory)).toMatchObject({ code: 0 });
        } finally {
            await server.close();
        }
        expect(openParty(directory).party.name).toBe("Live");
    });
});

describe("the command line", () => {
    it("says nothing of features of Node that are experimental", async () => {
        const words = ["provider", "init", "--name", "Quiet", "--out", at("quiet")];
        const { code, stderr } = await start(words).outcome;
        expect([code, stderr.split("\n").length]).toEqual([0, 3]);
        expect(stderr).not.toMatch(/warning/i);
    });
});

describe("meterseal wallet init", () => {
    it("makes the household of a key file, which owns its stream and keeps to its network", async () => {
        const directory = await home("household");
        const made = await run("wallet", "init", "--key", join(directory, "key.json"));
        expect(made).toMatchObject({ code: 0 });
        expect(await enrol(directory)).toMatchObject({ code: 0 });
        const { party } = openParty(directory);
        const device = openDevice(directory);
        expect(party.role).toBe(PARTY_ROLE.household);
        expect(party.streams.map(toHex)).toEqual([toHex(device.profile.stream.stream)]);
    });

    it("is no way to somebody else's stream", async () => {
        const directory = await home("victim");
        for (const out of [directory, at("thief")]) {
            await run("wallet", "init", "--key", join(directory, "key.json"), "--out", out);
        }
        expect(await enrol(directory)).toMatchObject({ code: 0 });
        const thief = await enrol(at("thief"));
        expect(thief.code).toBe(1);
        expect(thief.stderr).toMatch(/^MS_PARTY: .*no other household/);
    });
});

describe("meterseal decode", () => {
    const { messages } = JSON.parse(
        readFileSync(new URL("../../../vectors/record/parties.json", import.meta.url), "utf8"),
    ) as { messages: { name: string; hex: string; hash: string }[] };
    const decode = async (name: string): Promise<unknown> => {
        const { hex = "" } = messages.find((message) => message.name === name) ?? {};
        return JSON.parse((await run("decode", hex, "--json")).stdout);
    };

    it("shows what parties, notices and tariffs say, each under the hash of its message", async () => {
        const party = await decode("a provider with a key of each suite");
        expect(party).toMatchObject({ message: "party", role: "provider", name: "Zähler & Söhne" });
        const about = toHex(testBytes("vector grant", 32));
        const notice = await decode("notice of a grant");
        expect(notice).toMatchObject({ message: "notice", kind: "grant", about });
        const override = { kind: "override", about, findings: expect.any(String) as string };
        expect(await decode("notice of an override")).toMatchObject(override);
        const tariff = await decode("a tariff");
        expect(tariff).toMatchObject({ message: "tariff", body: ["a tariff", 1] });
        for (const { hash, name } of messages) expect(await decode(name)).toMatchObject({ hash });
    });
});

describe("meterseal party rotate", () => {
    it("keeps the old key until the new one is admitted, and then uses the new one", async () => {
        const directory = at("rotating");
        await run("provider", "init", "--name", "Rotating", "--out", directory);
        await enrol(directory);
        const before = openParty(directory);
        expect(await run("party", "rotate", "--dir", directory)).toMatchObject({ code: 0 });
        const meanwhile = openParty(directory);
        expect(meanwhile.key.signingKey).toEqual(before.key.signingKey);
        expect(await enrol(directory)).toMatchObject({ code: 0 });
        const after = openParty(directory);
        expect(after.party.keyEpoch).toBe(1);
        expect(after.key.signingKey).not.toEqual(before.key.signingKey);
        expect(after.key.recipientKeys).toEqual(before.key.recipientKeys);
        expect(openParty(directory).party.keyEpoch).toBe(1);
    });
});
