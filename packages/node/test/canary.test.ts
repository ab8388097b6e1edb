import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fromHex, toHex, unwrap } from "@meterseal/core";
import { encodeCbor, GROUP, parsePartyKey, parseRecord } from "@meterseal/record";
import { ownerKeys, TREE_DEPTH, type Tree } from "@meterseal/seal";
import { openServerStore } from "@meterseal/stores/sqlite";
import { type KeyFile, openSeries, parseKeyFile } from "@meterseal/wallet";
import { beforeAll, describe, expect, it } from "vitest";
import { PLACES } from "../src/files.ts";
import { type Outcome, spawned } from "./command.ts";
import { useScratch } from "./fixture.ts";

/** Enough days that the registers are too large to occur by chance. */
const DAYS = 21;
const DISTINCTIVE_WH = 65_536n;
const TEST_MS = 60_000;

const scratch = useScratch();
const dirs = { sealed: join(scratch, "sealed"), open: join(scratch, "open") };
let runs: { sealed: Outcome; open: Outcome };

beforeAll(async () => {
    const words = ["demo", "--once", "--json", "--meters", "2", "--days", `${DAYS}`, "--port", "0"];
    const [sealed, open] = await Promise.all([
        spawned(...words, "--data", dirs.sealed),
        spawned(...words, "--data", dirs.open, "--open"),
    ]);
    runs = { sealed, open };
}, TEST_MS);

/** Every file below a directory. */
function filesOf(directory: string): string[] {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
}

function keysOf(dataDir: string): KeyFile[] {
    return readdirSync(PLACES.households(dataDir)).map((name) =>
        unwrap(parseKeyFile(readFileSync(PLACES.keyFile(dataDir, name), "utf8"))),
    );
}

/** The forms in which a secret might have been written. */
function formsOf(name: string, bytes: Uint8Array): [string, Buffer][] {
    const buffer = Buffer.from(bytes);
    const reversed = Buffer.from(bytes).reverse();
    return [
        [`${name}, raw`, buffer],
        [`${name}, reversed`, reversed],
        [`${name}, hexadecimal`, Buffer.from(buffer.toString("hex"))],
        [`${name}, base64`, Buffer.from(buffer.toString("base64").replace(/=+$/, ""))],
        [`${name}, base64url`, Buffer.from(buffer.toString("base64url"))],
    ];
}

/** Everything that opens consumption: masters, roots of all trees, and the meters' own keys. */
function secretsOf(dataDir: string): [string, Buffer][] {
    const secrets: [string, Buffer][] = [];
    for (const key of keysOf(dataDir)) {
        if (key.master === null) continue;
        secrets.push(...formsOf(`master of ${key.name}`, key.master));
        const keys = unwrap(ownerKeys(key.master, key.stream));
        for (const [tree, depth] of TREE_DEPTH.entries()) {
            const last = 2 ** depth - 1;
            const root = unwrap(keys.coverOf(GROUP.import, tree as Tree, 0, last)).seeds;
            expect(root).toHaveLength(16);
            secrets.push(...formsOf(`root of tree ${tree} of ${key.name}`, root));
        }
        const directory = PLACES.meter(dataDir, toHex(key.meter));
        const pem = readFileSync(join(directory, "meter.pem"), "utf8");
        const body = pem.replace(/-----[^-]+-----|\s/g, "");
        // The first half of the DER form is the private half of the key.
        secrets.push(
            ...formsOf(`meter key of ${key.name}`, Buffer.from(body, "base64").subarray(36, 68)),
        );
        secrets.push([`meter key of ${key.name}, PEM`, Buffer.from(pem.split("\n")[1] ?? "")]);
    }
    for (const path of filesOf(dataDir).filter((one) => one.endsWith(".key"))) {
        const { name, recipientKeys, signingKey } = unwrap(
            parsePartyKey(readFileSync(path, "utf8")),
        );
        secrets.push(...formsOf(`signing key of ${name}`, signingKey.subarray(36, 68)));
        for (const { privateKey, suite } of recipientKeys) {
            secrets.push(...formsOf(`recipient key ${suite} of ${name}`, privateKey));
        }
    }
    return secrets;
}

/** Large registers of the first home, in the forms in which a program writes integers. */
async function registersOf(dataDir: string): Promise<[string, Buffer][]> {
    const [key] = keysOf(dataDir);
    if (key === undefined) throw new Error("no key");
    const store = await openServerStore(PLACES.server(dataDir), { readOnly: true });
    const records = [];
    for await (const row of store.reader.recordsOf(key.meter)) {
        records.push(unwrap(parseRecord(row.bytes)));
    }
    await store.close();
    const registers = new Set(unwrap(openSeries(key, records)).map(({ importWh }) => importWh));
    const large = [...registers].filter((register) => register > DISTINCTIVE_WH);
    expect(large.length).toBeGreaterThan(50);
    return large.flatMap((register): [string, Buffer][] => {
        const [big, little] = [Buffer.alloc(8), Buffer.alloc(8)];
        big.writeBigUInt64BE(register);
        little.writeBigUInt64LE(register);
        return [
            [`register ${register}, big-endian`, big],
            [`register ${register}, little-endian`, little],
            [`register ${register}, CBOR`, Buffer.from(encodeCbor(register))],
            [`register ${register}, decimal`, Buffer.from(`"${register}"`)],
            [`register ${register}, decimal in a list`, Buffer.from(`,${register},`)],
            [`register ${register}, decimal in kWh`, Buffer.from(kwh(register))],
        ];
    });
}

function kwh(wh: bigint): string {
    return `${wh / 1000n}.${String(wh % 1000n).padStart(3, "0")} kWh`;
}

/** What of a list occurs in the server's files or in what was printed. */
function found(run: Outcome, dataDir: string, needles: readonly [string, Buffer][]): string[] {
    const hay = filesOf(PLACES.server(dataDir)).map((path): [string, Buffer] => [
        path,
        readFileSync(path),
    ]);
    expect(hay.length).toBeGreaterThan(4);
    hay.push(["standard output", Buffer.from(run.stdout)]);
    hay.push(["standard error", Buffer.from(run.stderr)]);
    return needles.flatMap(([name, needle]) =>
        hay.filter(([, bytes]) => bytes.includes(needle)).map(([place]) => `${name}: ${place}`),
    );
}

describe("a server and what it prints", () => {
    it("hold nothing that opens consumption", () => {
        expect(runs.sealed.code, runs.sealed.stderr).toBe(0);
        const secrets = secretsOf(dirs.sealed);
        expect(secrets.length).toBeGreaterThan(60);
        expect(found(runs.sealed, dirs.sealed, secrets)).toEqual([]);
    });

    it("hold no plain register of a sealed network, and those of an open one are found", async () => {
        expect(found(runs.sealed, dirs.sealed, await registersOf(dirs.sealed))).toEqual([]);
        const open = found(runs.open, dirs.open, await registersOf(dirs.open));
        expect(open.length).toBeGreaterThan(50);
        // The image of the state holds the last registers of open streams as the rules compare them.
        const places = /CBOR|state\.image$/;
        expect(open.filter((name) => !places.test(name))).toEqual([]);
    });

    it("would betray a secret to this search", () => {
        const [key] = keysOf(dirs.sealed);
        const directory = PLACES.meter(dirs.sealed, toHex(key?.meter ?? new Uint8Array()));
        const master = readFileSync(join(directory, "master.hex"), "utf8").trim();
        const run = { ...runs.sealed, stderr: `warn: ${master}` };
        const secrets = secretsOf(dirs.sealed);
        expect(found(run, dirs.sealed, secrets)).toHaveLength(1);
        expect(fromHex(master)).toEqual(key?.master);
    });
});

describe("files", () => {
    it("with secrets are their owner's alone, and so are their directories", () => {
        for (const dataDir of Object.values(dirs)) {
            const secret = filesOf(dataDir).filter((path) =>
                /\.pem$|\.hex$|key\.json$|\.key$/.test(path),
            );
            expect(secret.length).toBeGreaterThanOrEqual(3 + 2 + 2 + 4);
            for (const path of [...secret, ...filesOf(dataDir).filter((one) => /\.db/.test(one))]) {
                expect(statSync(path).mode & 0o777, path).toBe(0o600);
                expect(statSync(join(path, "..")).mode & 0o777, path).toBe(0o700);
            }
        }
    });
});

describe("the last line of `--once --json`", () => {
    it("is one object with the documented fields", () => {
        const line = runs.sealed.stdout.trim().split("\n").at(-1) ?? "";
        const result = JSON.parse(line) as Record<string, unknown>;
        expect(Object.keys(result)).toEqual([
            "meters",
            "days",
            "readings",
            "records",
            "vertices",
            "checkpoint",
            "verified",
            "seconds",
            "readingsPerSecond",
            "households",
        ]);
        expect(result).toMatchObject({
            meters: 2,
            days: DAYS,
            readings: 2 * (DAYS * 48 + 1),
            verified: true,
            checkpoint: { root: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
        });
        const households = result.households as Record<string, string>[];
        expect(households).toHaveLength(2);
        for (const household of households) {
            expect(Object.keys(household)).toEqual([
                "meter",
                "source",
                "zone",
                "keyFile",
                "dataDir",
            ]);
            expect(household).toMatchObject({ zone: "Europe/London" });
            expect(household.source).toMatch(/^MAC\d{6}$/);
            expect(statSync(household.keyFile ?? "").isFile()).toBe(true);
            expect(statSync(household.dataDir ?? "").isDirectory()).toBe(true);
        }
        expect(runs.sealed.stdout.trim().split("\n")).toHaveLength(1);
    });
});
