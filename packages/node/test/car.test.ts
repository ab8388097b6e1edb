import { cpSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CarReader } from "@ipld/car";
import * as dagCbor from "@ipld/dag-cbor";
import { unwrap } from "@meterseal/core";
import { generatePrivateKeyPem, rawSignerFromPem } from "@meterseal/core/node";
import {
    COSIGNATURE,
    type Cosigner,
    cosign,
    formatCosignerKey,
    formatNote,
    parseNote,
} from "@meterseal/ledger";
import { SERVER_FILE } from "@meterseal/stores/sqlite";
import { CID } from "multiformats/cid";
import { sha256 } from "multiformats/hashes/sha2";
import { beforeAll, describe, expect, it } from "vitest";
import { PLACES } from "../src/files.ts";
import type { VerifyReport } from "../src/verify/report.ts";
import { loadKeyFiles, verifyDirectory } from "../src/verify/verify.ts";
import { verifyCar } from "../src/verify/verify-car.ts";
import { run } from "./command.ts";
import { FIXTURE_MS, useFixture, useScratch } from "./fixture.ts";
import { randomOf } from "./kill/random.ts";

const SEED = 829;
const HEADER_BYTES = 59;
const scratch = useScratch();
let dataDir = "";
let keyFile = "";
let car = "";
let bytes: Uint8Array;

beforeAll(async () => {
    const { crashed, names } = await useFixture();
    dataDir = crashed;
    keyFile = PLACES.keyFile(crashed, names[0] ?? "");
    car = join(scratch, "ledger.car");
    expect((await exported(car)).code).toBe(0);
    bytes = new Uint8Array(readFileSync(car));
}, FIXTURE_MS);

const exported = (path: string, dir = dataDir) =>
    run("export", "--format", "car", "--data", dir, "--out", path, "--json");

/** Checks an archive of these bytes. */
async function checked(content: Uint8Array): Promise<VerifyReport> {
    const path = join(scratch, "changed.car");
    writeFileSync(path, content);
    return await verifyCar(path, [], () => undefined);
}

function flipped(at: number, bit = 0): Uint8Array {
    const copy = bytes.slice();
    copy[at] = (copy[at] as number) ^ (1 << bit);
    return copy;
}

const belowOf =
    (random: () => number) =>
    (n: number): number =>
        Math.floor(random() * n);

/** Puts a cosignature on the last checkpoint of a store; returns its size. */
async function cosignLast(dir: string, cosigner: Cosigner): Promise<number> {
    const database = new DatabaseSync(join(PLACES.server(dir), SERVER_FILE));
    const [row] = database
        .prepare("SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1")
        .all() as { size: number; note: string }[];
    if (row === undefined) throw new Error("no checkpoint");
    const note = unwrap(parseNote(row.note));
    const signatures = [...note.signatures, await cosign(cosigner, row.note, 1_700_000_000)];
    database
        .prepare("UPDATE checkpoints SET note = ? WHERE size = ?")
        .run(formatNote({ ...note, signatures }), row.size);
    database.close();
    return row.size;
}

/** Links of a dag-cbor value, at any depth. */
function linksOf(value: unknown): CID[] {
    const cid = CID.asCID(value);
    if (cid !== null) return [cid];
    if (value instanceof Uint8Array || typeof value !== "object" || value === null) return [];
    return Object.values(value).flatMap(linksOf);
}

describe("an archive of the ledger", () => {
    it("is verified from itself alone, with the counts of the directory", async () => {
        const keys = unwrap(loadKeyFiles([keyFile]));
        const [fromCar, fromDirectory] = [
            await verifyCar(car, keys, () => undefined, { commitments: false }),
            await verifyDirectory(dataDir, keys, () => undefined),
        ];
        expect(fromCar.faults).toEqual([]);
        const { outboxes: _own, signatures: _also, ...counts } = fromDirectory.counts;
        expect(fromCar.counts).toMatchObject(counts);
        expect(counts.looseRecords).toBeGreaterThan(0);
        expect(counts.keys).toBe(1);
        expect(fromCar.checkpoint).toEqual(fromDirectory.checkpoint);
        expect(fromCar.network).toBe(fromDirectory.network);
    });

    it("has the same bytes each time, and is for its owner alone", async () => {
        const again = join(scratch, "again.car");
        expect((await exported(again)).code).toBe(0);
        expect(Buffer.compare(readFileSync(again), bytes)).toBe(0);
        expect(statSync(again).mode & 0o777).toBe(0o600);
        expect(existsSync(`${again}.new`)).toBe(false);
    });

    it("is opened by a generic reader: each link leads to a block of the file, and no block is loose", async () => {
        const reader = await CarReader.fromBytes(bytes);
        const [root, ...more] = await reader.getRoots();
        expect(more).toEqual([]);
        const seen = new Set<string>();
        const kinds = new Map<string, number>();
        const walk = async (cid: CID): Promise<unknown> => {
            const block = await reader.get(cid);
            if (block === undefined) throw new Error(`no block ${cid}`);
            const digest = await sha256.digest(block.bytes);
            expect(Buffer.compare(digest.bytes, cid.multihash.bytes)).toBe(0);
            seen.add(cid.toString());
            if (cid.code !== dagCbor.code) return block.bytes;
            const value = dagCbor.decode<Record<string, unknown>>(block.bytes);
            if ("parents" in value) {
                // Vertices name their parents, which are blocks too but for the two of the genesis.
                expect(linksOf(value.parents).length).toBeGreaterThanOrEqual(2);
                return value;
            }
            for (const link of linksOf(value)) await walk(link);
            for (const item of Array.isArray(value) ? value : []) {
                if ("kind" in item) kinds.set(item.kind, (kinds.get(item.kind) ?? 0) + 1);
                if (item.kind !== "vertex") continue;
                const header = (await walk(item.vertex)) as { bodyHash: Uint8Array };
                expect(Buffer.compare(header.bodyHash, item.body.multihash.digest)).toBe(0);
            }
            return value;
        };
        const content = (await walk(root as CID)) as Record<string, unknown>;
        expect(content.type).toBe("meterseal/ledger-car/v1");
        let blocks = 0;
        for await (const { cid } of reader.blocks()) {
            blocks++;
            expect(seen.has(cid.toString())).toBe(true);
        }
        expect(blocks).toBeGreaterThan(10);
        expect(kinds.get("vertex")).toBeGreaterThanOrEqual(2);
        expect(kinds.get("enrolment")).toBeGreaterThanOrEqual(4);
    });

    it("shows every changed byte, and where it stands", async () => {
        const below = belowOf(randomOf(SEED));
        const places = new Set<number>();
        for (let at = 0; at < 400; at++) places.add(at); // header, root, genesis
        for (let at = bytes.length - 40; at < bytes.length; at++) places.add(at);
        while (places.size < 700) places.add(below(bytes.length));
        const missed: number[] = [];
        for (const at of places) {
            const { faults } = await checked(flipped(at, below(8)));
            const { code, where = "" } = faults[0] ?? {};
            // What the header says is found wrong at the header, or at the root that it names.
            const isHeader = where === "header" || (at < HEADER_BYTES && where.startsWith("root,"));
            const begins = isHeader ? 0 : Number(/byte (\d+) of /.exec(where)?.[1] ?? Number.NaN);
            if (faults.length !== 1 || code !== "MS_ARCHIVE" || !(begins <= at)) missed.push(at);
        }
        expect(missed).toEqual([]);
    }, 120_000);

    it("is refused when cut anywhere, or when something follows", async () => {
        const below = belowOf(randomOf(SEED));
        for (let i = 0; i < 40; i++) {
            const { faults } = await checked(bytes.subarray(0, below(bytes.length)));
            expect(faults[0]?.code).toBe("MS_ARCHIVE");
        }
        const more = await checked(Uint8Array.of(...bytes, 0));
        expect(more.faults[0]).toMatchObject({
            code: "MS_ARCHIVE",
            where: expect.stringContaining(`end, byte ${bytes.length}`),
        });
    });

    it("does not hold where its hashes are right and its content was forged", async () => {
        const forged = join(scratch, "forged");
        cpSync(dataDir, forged, { recursive: true });
        const database = new DatabaseSync(join(PLACES.server(forged), SERVER_FILE));
        const [row] = database.prepare("SELECT n, rest FROM records ORDER BY n LIMIT 1").all() as {
            n: number;
            rest: Uint8Array;
        }[];
        if (row === undefined) throw new Error("no record");
        const rest = row.rest.slice();
        rest[rest.length - 70] = (rest[rest.length - 70] as number) ^ 1; // in the payload or signature
        database.prepare("UPDATE records SET rest = ? WHERE n = ?").run(rest, row.n);
        database.close();
        const path = join(scratch, "forged.car");
        expect((await exported(path, forged)).code).toBe(0);
        const { faults } = await verifyCar(path, [], () => undefined);
        expect(faults.map(({ code }) => code)).not.toContain("MS_ARCHIVE");
        expect(faults.length).toBeGreaterThan(0);
    });

    it("carries the proofs of anchors, and says which one is none", async () => {
        const anchored = join(scratch, "anchored");
        cpSync(dataDir, anchored, { recursive: true });
        const proofs = join(PLACES.anchors(anchored), "1-ab");
        mkdirSync(proofs, { recursive: true });
        writeFileSync(join(proofs, "anchor-2.json"), "{}");
        writeFileSync(join(proofs, "pending.json"), "no proof");
        const path = join(scratch, "anchored.car");
        expect((await exported(path, anchored)).code).toBe(0);
        const { counts, faults } = await verifyCar(path, [], () => undefined);
        expect(counts.anchors).toBe(0);
        expect(faults).toMatchObject([
            { code: "MS_MALFORMED", where: expect.stringMatching(/^anchor 0 of the archive/) },
        ]);
        const whole = readFileSync(path);
        const cut = await checked(whole.subarray(0, whole.length - 1));
        expect(cut.faults).toMatchObject([{ code: "MS_ARCHIVE" }]);
    });

    it("is held against a network and a policy by the command", async () => {
        const good = await run("verify", car);
        expect([good.code, good.stderr.includes("checked in")]).toEqual([0, true]);
        const foreign = await run("verify", car, "--network", "00".repeat(32), "--json");
        expect(foreign.code).toBe(1);
        expect(JSON.parse(foreign.stdout).faults[0]).toMatchObject({ code: "MS_NETWORK" });
        const witness = rawSignerFromPem(generatePrivateKeyPem("edDsa"));
        const cosigner: Cosigner = { name: "w.example", type: COSIGNATURE.ed25519, ...witness };
        const policy = join(scratch, "policy.txt");
        writeFileSync(policy, `witness w ${formatCosignerKey(cosigner)}\nquorum w\n`);
        const alone = await run("verify", car, "--witness-policy", policy, "--json");
        expect(alone.code).toBe(1);
        expect(JSON.parse(alone.stdout).faults[0]).toMatchObject({ code: "MS_WITNESS" });
        const cosigned = join(scratch, "cosigned");
        cpSync(dataDir, cosigned, { recursive: true });
        const size = await cosignLast(cosigned, cosigner);
        const path = join(scratch, "cosigned.car");
        expect((await exported(path, cosigned)).code).toBe(0);
        const both = await run("verify", path, "--witness-policy", policy);
        expect(both.code).toBe(0);
        expect(both.stdout).toContain(`The first ${size} of ${size} entries are cosigned by w.`);
    });

    it("is asked for in one way", async () => {
        for (const [words, said] of [
            [["verify"], /either --data DIR or a FILE\.car/],
            [["verify", car, "--data", dataDir], /either --data DIR or a FILE\.car/],
            [["verify", join(scratch, "none.car")], /MS_NOT_FOUND/],
            [["export", "--format", "car", "--data", dataDir], /--out FILE with --format car/],
            [
                ["export", "--format", "car", "--data", dataDir, "--out", "x", "--key", keyFile],
                /--key/,
            ],
            [["export", "--format", "car", "--data", dataDir, "--out", car], /not there yet/],
        ] as const) {
            const { code, stderr, stdout } = await run(...words);
            expect([code, stdout]).toEqual([2, ""]);
            expect(stderr).toMatch(said);
        }
    });
});
