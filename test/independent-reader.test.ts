import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ALGORITHM, type MeterLink, type Signer, slotOfUnix, unwrap } from "@meterseal/core";
import {
    type Evidence,
    encodeEntry,
    encodeEvidence,
    type LogLeaf,
    leafHash,
    MerkleLog,
    originOf,
    signCheckpoint,
} from "@meterseal/ledger";
import { MeterAgent } from "@meterseal/meter";
import {
    channelsOfGroup,
    FLAG,
    type MeterRecord,
    type OutboxRecord,
    parseRecord,
    STREAM_MODE,
} from "@meterseal/record";
import { MemoryMeterStore } from "@meterseal/stores/memory";
import { rsaTestSigner, testBytes } from "@meterseal/testkit/keys";
import { TEST_LATER_MS, TestChain, type TestMeter, TestNetwork } from "@meterseal/testkit/records";
import { formatKeyFile, type KeyFile, openHousehold, usageOfSeries } from "@meterseal/wallet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const reader = fileURLToPath(new URL("../examples/independent-reader/read.py", import.meta.url));
const isThere = (command: string, word: string): boolean => spawnSync(command, [word]).status === 0;
const ready = isThere("python3", "--version") && isThere("openssl", "version");
const folder = mkdtempSync(join(tmpdir(), "meterseal reader "));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Answer = { readonly status: number; readonly said: string };
let files = 0;

/** Runs the reader over evidence and a key file. */
function read(evidence: Uint8Array, key: KeyFile): Promise<Answer> {
    files++;
    const paths = [
        join(folder, `evidence ${files}.cbor`),
        join(folder, `key ${files}.json`),
    ] as const;
    writeFileSync(paths[0], evidence);
    writeFileSync(paths[1], formatKeyFile(key));
    return new Promise((resolve) => {
        execFile("python3", [reader, ...paths], (failure, said, complaint) => {
            const status = failure === null ? 0 : Number(failure.code);
            resolve({ status, said: said + complaint });
        });
    });
}

/** Evidence for a meter whose records share one vertex with those of another meter. */
async function evidenceOf(network: TestNetwork, meter: TestMeter, own: readonly MeterRecord[]) {
    const other = await network.meter("neighbour");
    const open = { values: { mode: "open" as const, registers: [1n, 2n, 3n, 4n] } };
    const foreign = await new TestChain(other).usage(network.mode === 1 ? open : {});
    const collector = await network.collector();
    const { records, vertex } = await collector.vertex([...own, foreign]);
    const items = [meter, other, collector].map(({ enrolment }) => enrolment.message.bytes);
    const entries = [...items, vertex.message.bytes].map((item, i) =>
        encodeEntry({ timeMs: TEST_LATER_MS + i, item }),
    );
    const log = MerkleLog.of(entries.map(leafHash));
    const leaf = (index: number): LogLeaf => ({
        index,
        entry: entries[index] as Uint8Array,
        path: log.inclusionPath(index),
    });
    const tree = MerkleLog.of(records.map(({ message }) => leafHash(message.bytes)));
    const origin = originOf(network.networkId);
    const evidence: Evidence = {
        genesis: network.genesis,
        checkpoint: await signCheckpoint(network.logSigner, origin, log.size, log.root(log.size)),
        enrolments: [leaf(0), leaf(2)],
        vertices: [leaf(3)],
        records: own.map((record) => {
            const position = records.indexOf(record);
            const path = tree.inclusionPath(position);
            return { bytes: record.message.bytes, vertex: 0, position, path };
        }),
    };
    return evidence;
}

function keyOf(network: TestNetwork, { descriptor, subject }: TestMeter): KeyFile {
    const { groups, mode, scale, sealEpoch, slotSeconds, stream, suite, zone } = descriptor;
    const channels = (group: number) => (channelsOfGroup(group) === 2 ? 2 : 1);
    return {
        name: "home",
        network: network.networkId,
        meter: subject,
        stream: {
            streamId: stream,
            sealEpoch,
            suite,
            slotSeconds,
            groups: groups.map((group) => ({ group, channels: channels(group) })),
        },
        zone,
        scale,
        master: mode === STREAM_MODE.open ? null : testBytes("home master", 32),
    };
}

/** A link to nowhere: what the meter writes stays in its store. */
const nowhere: MeterLink = { open: async () => {}, send: async () => {}, close: async () => {} };

/** Four days and a bit around a change of clocks, by the meter's own software: import and export. */
async function sealedHome(signer?: Signer) {
    const network = new TestNetwork("independent");
    const meter = await network.meter("home", {
        ...(signer === undefined ? {} : { signer }),
        groups: [0, 1],
        descriptor: { slotSeconds: 1800 },
    });
    const key = keyOf(network, meter);
    const written: OutboxRecord[] = [];
    const store = new MemoryMeterStore();
    const append = store.append.bind(store);
    store.append = (state, record) => {
        if (record !== null) written.push(record);
        return append(state, record);
    };
    const agent = await MeterAgent.open({
        profile: {
            network: network.networkId,
            subject: meter.subject,
            chainEpoch: 0,
            anchor: meter.enrolment.message.hash,
            stream: meter.descriptor,
            collectorKey: { algorithm: ALGORITHM.edDsa, x: new Uint8Array(32) },
        },
        signer: meter.signer,
        master: key.master,
        store,
        link: nowhere,
        clock: { nowMs: () => TEST_LATER_MS },
        timers: { after: () => () => {} },
        log: { info: () => {}, warn: () => {} },
        recordBoundaries: 48,
    });
    const first = slotOfUnix(Date.UTC(2013, 2, 29, 21) / 1000, 1800);
    let registers = [123_456_789n, 1_000n];
    for (let i = 0; i < 200; i++) {
        if (i > 150 && i < 156) continue; // no record says anything of these
        const missing = i > 20 && i < 24;
        if (!missing) registers = registers.map((r, g) => r + BigInt((i * (37 + g)) % 1_009));
        await agent.add({ slot: first + i, registers, flag: missing ? FLAG.missing : 0 });
    }
    await agent.flush();
    const records = written.map(({ bytes }) => unwrap(parseRecord(bytes)));
    return { key, evidence: await evidenceOf(network, meter, records) };
}

/** Plain registers in a chain of two epochs. */
async function openHome() {
    const network = new TestNetwork("independent and open", STREAM_MODE.open);
    const meter = await network.meter("open home", { descriptor: { scale: 1 } });
    const chain = new TestChain(meter);
    const usage = (from: bigint) =>
        chain.usage({
            values: { mode: "open", registers: [from, from + 1n, from + 4n, from + 4n] },
        });
    const records = [await usage(5n), await chain.warning({ note: null }), await chain.epoch()];
    records.push(await usage(9n), await usage(20n));
    return {
        key: keyOf(network, meter),
        evidence: await evidenceOf(network, meter, records),
        chain,
    };
}

/** What the wallet makes of the same evidence: the lines that the reader should print. */
function expected(evidence: Evidence, key: KeyFile): string[] {
    const { series, verdicts } = unwrap(openHousehold(evidence, key));
    const { clock, continuity, plausibility, signature } = verdicts;
    for (const verdict of [clock, continuity, plausibility, signature])
        expect(verdict).toMatchObject({ holds: true });
    const usage = usageOfSeries(series, "day");
    const hasExport = usage.totalExportWh !== null;
    return [
        `total import ${usage.totalImportWh} Wh`,
        ...(hasExport ? [`total export ${usage.totalExportWh} Wh`] : []),
        ...usage.intervals.map(
            ({ exportWh, importWh }) =>
                `import ${importWh} Wh${hasExport ? `  export ${exportWh} Wh` : ""}`,
        ),
    ];
}

/** Without the count of checks, the checkpoint, the names of days and remarks on gaps. */
function amounts(said: string): string[] {
    return said
        .trim()
        .split("\n")
        .slice(2)
        .map((line) => line.replace(/^(?!total).*?(?=import)/, "").replace(/ {2}\d+ inter.*$/, ""));
}

describe.skipIf(!ready)("the independent reader (not run without python3 and openssl)", () => {
    let home: Awaited<ReturnType<typeof sealedHome>>;
    let bytes: Uint8Array;

    beforeAll(async () => {
        home = await sealedHome();
        bytes = encodeEvidence(home.evidence);
    });

    it("opens sealed registers to what the wallet opens, by civil days", async () => {
        const { said, status } = await read(bytes, home.key);
        expect(said).toContain("Everything holds");
        expect(status).toBe(0);
        expect(amounts(said)).toEqual(expected(home.evidence, home.key));
        expect(said).toContain("\n2013-03-31  import ");
        expect(said).toContain("  3 intervals missing");
    });

    it("checks a meter that signs with PS256, and says which of its records was changed", async () => {
        const rsa = await sealedHome(rsaTestSigner());
        const evidence = encodeEvidence(rsa.evidence);
        const { said, status } = await read(evidence, rsa.key);
        expect(said).toContain("Everything holds");
        expect(status).toBe(0);
        expect(amounts(said)).toEqual(expected(rsa.evidence, rsa.key));
        const second = rsa.evidence.records[1]!.bytes;
        expect(second.length).toBeGreaterThan(256);
        const flipped = evidence.slice();
        const at = Buffer.from(evidence).indexOf(second) + second.length - 1;
        flipped[at] = (flipped[at] as number) ^ 0x01;
        expect((await read(flipped, rsa.key)).said).toMatch(/^FAULT at record 2: /);
    });

    it("reads plain registers and a later chain epoch", async () => {
        const { evidence, key } = await openHome();
        const { said, status } = await read(encodeEvidence(evidence), key);
        expect(said).toContain("Everything holds");
        expect(status).toBe(0);
        expect(amounts(said)).toEqual(expected(evidence, key));
    });

    it("says where one flipped byte is", async () => {
        const { checkpoint, enrolments, genesis, records, vertices } = home.evidence;
        const [enrolment, vertex, record] = [enrolments[0]!, vertices[0]!, records[1]!];
        const parts: [place: string, part: Uint8Array, offset: number][] = [
            ["genesis", genesis, 40],
            ["checkpoint", new TextEncoder().encode(checkpoint), 30],
            ["checkpoint", new TextEncoder().encode(checkpoint), checkpoint.length - 3],
            ["enrolment at leaf 0", enrolment.entry, 90],
            ["enrolment at leaf 0", enrolment.path[1]!, 5],
            ["vertex at leaf 3", vertex.entry, 120],
            ["record 2", record.bytes, 12],
            ["record 2", record.bytes, 250],
            ["record 2", record.bytes, record.bytes.length - 1],
            ["record 2, its vertex", record.path[0]!, 31],
            ["evidence", bytes, 0],
        ];
        const answers = await Promise.all(
            parts.map(([, part, offset]) => {
                const flipped = bytes.slice();
                const at = Buffer.from(bytes).indexOf(part) + offset;
                flipped[at] = (flipped[at] as number) ^ 0x01;
                return read(flipped, home.key);
            }),
        );
        expect(answers.map(({ status }) => status)).toEqual(parts.map(() => 1));
        for (const [i, { said }] of answers.entries())
            expect(said).toMatch(new RegExp(`^FAULT at ${parts[i]?.[0]}: `));
    });

    it("finds what is left out, and another household's key", async () => {
        const { evidence, key } = home;
        const records = evidence.records.filter((_, i) => i !== 1);
        const other = testBytes("somebody else", 32);
        const answers = await Promise.all([
            read(encodeEvidence({ ...evidence, records }), key),
            read(encodeEvidence({ ...evidence, records: [] }), key),
            read(bytes, { ...key, network: other }),
            read(bytes, { ...key, meter: other.slice(0, 16) }),
            read(bytes, { ...key, master: other }),
            read(bytes, { ...key, stream: { ...key.stream, sealEpoch: 1 } }),
        ]);
        expect(answers.map(({ said }) => said.split(":")[0])).toEqual([
            "FAULT at record 2, its chain",
            "FAULT at evidence",
            "FAULT at genesis",
            "FAULT at record 1",
            "FAULT at import register",
            "FAULT at record 1, its stream",
        ]);
        expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(1));
    });

    it("says how it is called", () => {
        const { status, stderr } = spawnSync("python3", [reader], { encoding: "utf8" });
        expect(stderr).toMatch(/^usage: /);
        expect(status).toBe(2);
    });
});
