import { CORES } from "../lib/machine.ts";
import { verifyPerCpuSecond } from "../lib/openssl.ts";
import type { Row, Suite } from "../lib/report.ts";
import {
    frameUs,
    handshakeUs,
    hashUs,
    keepUs,
    lineUs,
    makeRecords,
    makeUs,
    type Shape,
    SIGNING,
    sealUs,
    signUs,
} from "../lib/stage-meter.ts";
import { batchUs, parseUs, serverUs, verifyUs } from "../lib/stage-server.ts";
import {
    ASSUMED,
    capacityRows,
    channelRows,
    NAMES,
    READINGS,
    row,
    SHAPES,
    shapeName,
} from "../lib/stages-rows.ts";

/** P-256 verifications a second of one core of a Raspberry Pi 4, `openssl speed` of OpenSSL 1.1.1d, as text. */
const PI4_VERIFY_PER_S = 1550.7;
/** Records that a meter keeps, and that a server takes, while they are measured. */
const RECORDS = { kept: 200, taken: 2_000 };
const RECORDS_QUICK = { kept: 5, taken: 20 };

/** P4's questions: what each stage costs, and so how many sensors, gateways and servers. */
export const stagesSuite: Suite = {
    name: "stages",
    title: "what each stage of a reading costs, and how many devices that lets a gateway and a server have",
    async run({ quick }) {
        const rounds = quick ? 1 : 5;
        const count = quick ? RECORDS_QUICK : RECORDS;
        const rows: Row[] = [row("decode a line of the sensor", lineUs(rounds), "µs")];
        for (const shape of SHAPES) rows.push(...(await shapeRows(shape, quick, count.kept)));
        rows.push(...(await signatureRows(rounds)));
        rows.push(row("EDHOC handshake, both sides", await handshakeUs(quick ? 3 : 50), "µs"));
        rows.push(...(await sizeRows()));
        const whole = await wholeRows(quick, count.taken);
        rows.push(...whole);
        const slowness = verifyPerCpuSecond() / PI4_VERIFY_PER_S;
        rows.push(row("a Raspberry Pi 4, slower by", slowness, "×"));
        const value = (what: string): number =>
            rows.find((each) => each.what === what)?.ours.value ?? Number.NaN;
        const costs = (signing: (typeof SIGNING)[number], readings: number) => ({
            line: value("decode a line of the sensor"),
            record:
                value(`record made: ${NAMES[signing]}, ${readings}`) +
                value(`keep: ${shapeName({ readings, registers: 1 })}`),
            disk:
                value(`keep, by the clock: ${shapeName({ readings, registers: 1 })}`) -
                value(`keep: ${shapeName({ readings, registers: 1 })}`),
            server: value(`record taken: ${NAMES[signing]}, ${readings}`),
        });
        rows.push(...capacityRows(costs, slowness, CORES));
        const frame = (readings: number): number =>
            value(`frame: ${shapeName({ readings, registers: 1 })}`);
        rows.push(...channelRows(frame));
        return { rows, facts: FACTS };
    },
};

const FACTS: readonly string[] = [
    "CPU time of one thread, but for what a server takes: all threads of it, one record a message, from the link's hands until final; the link comes on top (suites live and links)",
    "seal: addresses and registers, keys kept between records; hash: SHA-256 of what is signed; encrypt and decrypt: a frame of AES-CCM in an EDHOC session; keep: the meter's transaction, whose fsync is most of its time by the clock; vertex: Merkle tree, hash and signed header, of full vertices; rules: without signatures; store: records and vertex",
    "record made and taken: one register; made is everything from the register to the bytes",
    `a Raspberry Pi 4 is an ESTIMATE: its published ${PI4_VERIFY_PER_S} P-256 verifications a second of a core (openssl speed, OpenSSL 1.1.1d) against those of node:crypto in this run, for every stage alike`,
    ...ASSUMED,
];

async function shapeRows(shape: Shape, quick: boolean, kept: number): Promise<Row[]> {
    const rounds = quick ? 1 : 5;
    const name = shapeName(shape);
    const records = await makeRecords("es256", shape, kept);
    const [record] = records;
    if (record === undefined) return [];
    const frame = await frameUs(rounds, record);
    const keep = await keepUs(records);
    const batch = await batchUs(shape, quick);
    return [
        row(`seal: ${name}`, sealUs(rounds, shape), "µs"),
        row(`hash: ${name}`, hashUs(rounds, record), "µs"),
        row(`encrypt: ${name}`, frame.encrypt, "µs"),
        row(`keep: ${name}`, keep.cpu, "µs"),
        row(`keep, by the clock: ${name}`, keep.wall, "µs"),
        row(`decrypt: ${name}`, frame.decrypt, "µs"),
        row(`parse: ${name}`, parseUs(rounds, record), "µs"),
        row(`rules: ${name}`, batch.rules, "µs"),
        row(`vertex: ${name}`, batch.vertex, "µs"),
        row(`store: ${name}`, batch.store, "µs"),
        row(`frame: ${name}`, frame.bytes, "bytes"),
    ];
}

async function signatureRows(rounds: number): Promise<Row[]> {
    const [record] = await makeRecords("es256", { readings: 1, registers: 1 }, 1);
    if (record === undefined) return [];
    const rows: Row[] = [];
    for (const signing of SIGNING) {
        rows.push(row(`sign: ${NAMES[signing]}`, await signUs(20 * rounds, signing, record), "µs"));
        const verify = await verifyUs(rounds, signing, record);
        rows.push(row(`verify: ${NAMES[signing]}`, verify, "µs"));
    }
    return rows;
}

/** Bytes of a record, which no machine changes. */
async function sizeRows(): Promise<Row[]> {
    const rows: Row[] = [];
    for (const signing of SIGNING) {
        for (const shape of SHAPES) {
            const record = (await makeRecords(signing, shape, 2)).at(-1);
            const bytes = record?.message.bytes.length ?? Number.NaN;
            rows.push(row(`size: ${NAMES[signing]}, ${shapeName(shape)}`, bytes, "bytes"));
        }
    }
    return rows;
}

async function wholeRows(quick: boolean, taken: number): Promise<Row[]> {
    const rows: Row[] = [];
    for (const signing of SIGNING) {
        for (const readings of READINGS) {
            const shape = { readings, registers: 1 };
            const name = `${NAMES[signing]}, ${readings}`;
            const made = await makeUs(quick ? 3 : 60, signing, shape);
            rows.push(row(`record made: ${name}`, made, "µs"));
            const server = await serverUs(signing, shape, taken);
            rows.push(row(`record taken: ${name}`, server, "µs"));
        }
    }
    return rows;
}
