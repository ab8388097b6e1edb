import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { concatBytes, fromHex, LIMITS, sha256, unwrap, utf8 } from "@meterseal/core";
import {
    accept,
    entryLeafHash,
    type LedgerState,
    MerkleLog,
    originOf,
    parseStoredEntry,
    signCheckpoint,
    stateRoot,
} from "@meterseal/ledger";
import { createRevocation, encodeCbor, type MeterRecord } from "@meterseal/record";
import { openServerStore } from "@meterseal/stores/sqlite";
import { TEST_START_UNIX, TestChain, TestNetwork } from "@meterseal/testkit/records";
import { beforeAll, describe, expect, it } from "vitest";
import { exportCar } from "../src/archive/export-car.ts";
import { claimDirectory, PLACES } from "../src/files.ts";
import { verifyDirectory } from "../src/verify/verify.ts";
import { verifyCar } from "../src/verify/verify-car.ts";
import { run } from "./command.ts";
import { useScratch } from "./fixture.ts";
import { growDirectory } from "./grown-directory.ts";

/** What four real nodes agreed on. */
const REAL = new URL("../../../vectors/ledger/cometbft-ledger.json", import.meta.url);
const DAY_MS = 86_400_000;
const START_MS = (TEST_START_UNIX + 3600) * 1000;
const scratch = useScratch();
const network = new TestNetwork("unsigned");

type Item = {
    readonly item: Uint8Array;
    readonly records: MeterRecord[];
    readonly vertexId: Uint8Array | null;
    readonly timeMs: number;
};

/** Two collectors and a meter in the first hour; then a vertex each day, and a revocation after the first. */
const items: Item[] = [];
const REVOCATION = 4;

beforeAll(async () => {
    const [collector, other] = [await network.collector(), await network.collector("bad")];
    const meter = await network.meter();
    const add = (item: Uint8Array, timeMs: number): void => {
        items.push({ item, timeMs, records: [], vertexId: null });
    };
    for (const { enrolment } of [collector, other, meter]) {
        add(enrolment.message.bytes, START_MS);
    }
    const chain = new TestChain(meter);
    for (let day = 1; day <= 3; day++) {
        const timeMs = START_MS + day * DAY_MS;
        const { records, vertex } = await collector.vertex([await chain.usage()]);
        items.push({ item: vertex.message.bytes, timeMs, records, vertexId: vertex.id.bytes });
        if (day > 1) continue;
        const about = { network: network.networkId, timeUnix: timeMs / 1000 };
        add(await createRevocation(network.operator, { ...about, id: other.enrolment.id }), timeMs);
    }
});

/** What a block without validators states of a ledger: ADR 0018. */
function appHashOf(state: LedgerState, log: MerkleLog): Uint8Array {
    const size = new Uint8Array(8);
    new DataView(size.buffer).setBigUint64(0, BigInt(log.size));
    const noValidators = new MerkleLog().root();
    const parts = [utf8("meterseal/app/v2"), size, log.root(), stateRoot(state), noValidators];
    return sha256(concatBytes(...parts));
}

/**
 * Writes a directory as a member of a network of several has it, by somebody without any key.
 * @param signedSize - size under a checkpoint of the log's key, kept from before; absent for none.
 */
async function share(name: string, entries: readonly Item[], signedSize?: number): Promise<string> {
    const dir = join(scratch, name);
    claimDirectory(dir);
    const [state, log] = [network.state(), new MerkleLog()];
    for (const { item, records, timeMs } of entries) {
        const body = records.map(({ message }) => message.bytes);
        unwrap(accept(state, unwrap(parseStoredEntry(item, body)), timeMs));
        log.append(entryLeafHash({ timeMs, item }));
    }
    const store = await openServerStore(PLACES.server(dir));
    await store.initialize(network.genesis);
    await store.appendBlock({
        ...{ height: 7, appHash: appHashOf(state, log), checkpoint: null },
        engineState: encodeCbor([[], 0]),
        entries: entries.map(({ item, records, timeMs, vertexId }) => ({
            ...{ entry: { timeMs, item }, vertexId, records },
        })),
    });
    if (signedSize !== undefined) {
        const origin = originOf(network.networkId);
        const root = log.root(signedSize);
        const note = await signCheckpoint(network.logSigner, origin, signedSize, root);
        await store.keepCheckpoint(signedSize, note);
    }
    await store.close();
    return dir;
}

/** Codes and places of the faults of a directory, and of an archive of it, which are the same. */
async function faultsOf(dir: string): Promise<string[]> {
    const car = `${dir}.car`;
    await exportCar(dir, car, () => undefined);
    const asked = { network: network.networkId };
    const reports = [
        await verifyDirectory(dir, [], () => undefined, asked),
        await verifyCar(car, [], () => undefined, asked),
    ].map(({ faults }) => faults.map(({ code, where }) => `${code} ${where}`));
    expect(reports[1]).toEqual(reports[0]);
    return reports[0] ?? [];
}

describe("a log that several are said to share", () => {
    it("does not hold where nobody signed it: entries left out, and times moved", async () => {
        const forged = items
            .filter((_, i) => i !== REVOCATION)
            .map((item) =>
                item.vertexId === null ? item : { ...item, timeMs: item.timeMs + 30 * DAY_MS },
            );
        expect(await faultsOf(await share("forged", forged))).toEqual(["MS_CHECKPOINT leaf 0"]);
    });

    it("holds under a checkpoint, and for a short time of the log behind it", async () => {
        const size = items.length - 1;
        const signedMs = items[size - 1]?.timeMs ?? 0;
        const shortMs = LIMITS.unsignedLogSeconds * 1000;
        const ending = (ms: number): Item[] =>
            items.map((item, i) => (i < size ? item : { ...item, timeMs: signedMs + ms }));
        expect(await faultsOf(await share("signed", ending(DAY_MS), items.length))).toEqual([]);
        const late = await share("late", ending(shortMs + 1), size);
        expect(await faultsOf(late)).toEqual([`MS_CHECKPOINT leaf ${size}`]);
        const last = await share("last", ending(shortMs), size);
        expect(await faultsOf(last)).toEqual([]);
        const { notes } = await verifyDirectory(last, [], () => undefined);
        expect(notes.join(" ")).toMatch(/The last 1 entries of the log stand under no checkpoint/);
    });
});

describe("a log that validators signed, without checkpoints", () => {
    const read = JSON.parse(readFileSync(REAL, "utf8")) as Record<string, string>;
    const { firstValidators = "", hex = "" } = read;
    const car = join(scratch, "real.car");
    beforeAll(() => writeFileSync(car, fromHex(hex)));
    const check = async (validators: Uint8Array | null) => {
        const { faults } = await verifyCar(car, [], () => undefined, { validators });
        return faults.map(({ code, where }) => `${code} ${where}`);
    };

    it("holds for who names them, and for nobody else: anybody can make up validators", async () => {
        expect(await check(fromHex(firstValidators))).toEqual([]);
        expect(await check(null)).toEqual(["MS_CHECKPOINT leaf 0"]);
        const others = ["MS_COMMIT commits", "MS_CHECKPOINT leaf 0"];
        expect(await check(new Uint8Array(32))).toEqual(others);
    });

    it("is checked by the command, in the spelling of CometBFT", async () => {
        const good = await run("verify", car, "--validators", firstValidators.toUpperCase());
        expect([good.code, good.stdout]).toEqual([0, expect.stringContaining("3 of 4 validators")]);
        expect(good.stdout).not.toContain("compare it");
        const wrong = await run("verify", car, "--validators", "first");
        expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("--validators")]);
    });

    it("is asked for: what one server orders has no commits of validators", async () => {
        const dir = join(scratch, "single");
        await (await growDirectory(dir)).close();
        const asked = { validators: new Uint8Array(32) };
        const { faults } = await verifyDirectory(dir, [], () => undefined, asked);
        expect(faults).toMatchObject([{ code: "MS_COMMIT", where: "commits" }]);
    });
});
