import { randomBytes } from "node:crypto";
import { LIMITS, toHex, unwrap, verifySignature } from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import {
    accept,
    createVertex,
    encodeGenesis,
    genesisVertexIds,
    type LedgerState,
    parseVertex,
    stateOfGenesis,
    summarizeBody,
    Tips,
    type Vertex,
} from "@meterseal/ledger";
import {
    createEnrolment,
    type EnrolPayload,
    type MeterRecord,
    parseEnrolment,
    parseRecord,
    ROLE,
    usageOf,
} from "@meterseal/record";
import { openServerStore } from "@meterseal/stores/sqlite";
import { cpuSeconds, median, secondsPerCall, timed } from "./measure.ts";
import { feed, type PackedMessage } from "./messages.ts";
import { ChainWriter, makeMeters } from "./meters.ts";
import { openRoles } from "./roles.ts";
import type { Shape, Signing } from "./stage-meter.ts";
import { inTempDirectory } from "./temp.ts";

const MICRO = 1e6;
const VERTICES = 3;
/** Meters whose records come in turn. */
const METERS = 20;
const CREATED_UNIX = 1_356_998_400;
/** Records of one transaction of the store, as the collector commits them. */
const BATCH = LIMITS.commitRecords;

/** Microseconds of CPU to parse a record with its body. */
export function parseUs(rounds: number, { message }: MeterRecord): number {
    return (
        secondsPerCall(rounds, () => {
            unwrap(usageOf(unwrap(parseRecord(message.bytes))));
        }) * MICRO
    );
}

/** Microseconds of CPU to check a record's signature. */
export function verifyUs(
    rounds: number,
    signing: Signing,
    { message }: MeterRecord,
): Promise<number> {
    const signer = signerFromPem(generatePrivateKeyPem(signing));
    return signer.sign(message.toBeSigned).then((signature) => {
        const key = signer.publicKey;
        const check = (): boolean =>
            verifySignature(key, key.algorithm, message.toBeSigned, signature);
        if (!check()) throw new Error("a signature that holds");
        return secondsPerCall(rounds, () => void check()) * MICRO;
    });
}

/** Microseconds of CPU a record, of the steps that treat many at a time. */
export type BatchCosts = {
    /** Merkle tree, hash and signed header of the vertex. */
    readonly vertex: number;
    /** The rules of the ledger, without its signatures. */
    readonly rules: number;
    readonly store: number;
};

/** Builds full vertices of a shape, takes them by the rules, and stores them. */
export function batchUs(shape: Shape, quick: boolean): Promise<BatchCosts> {
    return inTempDirectory(async (directory) => {
        const ledger = await openLedger(shape);
        const store = await openServerStore(directory);
        await store.initialize(ledger.genesis);
        const costs: BatchCosts[] = [];
        for (let i = quick ? 0 : -1; i < (quick ? 1 : VERTICES); i++) {
            const records = await ledger.records(quick ? 10 : LIMITS.vertexRecords);
            const made = await timed(() => ledger.vertex(records));
            const entry = { kind: "vertex" as const, vertex: made.result, records };
            const ruled = await timed(() =>
                unwrap(accept(ledger.state, entry, Date.now(), () => true)),
            );
            const stored = await timed(async () => {
                for (let at = 0; at < records.length; at += BATCH)
                    await store.insertRecords(records.slice(at, at + BATCH));
                const { id, message } = made.result;
                await store.insertVertex(id.bytes, message.bytes, records);
            });
            if (i < 0) continue;
            const [vertex = 0, rules = 0, keep = 0] = [made, ruled, stored].map(
                ({ cost }) => (cost.cpuS * MICRO) / records.length,
            );
            costs.push({ vertex, rules, store: keep });
        }
        await store.close();
        const of = (part: keyof BatchCosts): number => median(costs.map((each) => each[part]));
        return { vertex: of("vertex"), rules: of("rules"), store: of("store") };
    });
}

/** A ledger with one meter, and the collector that writes its vertices. */
type Ledger = {
    readonly genesis: Uint8Array;
    readonly state: LedgerState;
    /** The meter's next records, at most so many and as many as a vertex holds. */
    records(most: number): Promise<MeterRecord[]>;
    vertex(records: readonly MeterRecord[]): Promise<Vertex>;
};

async function openLedger({ readings, registers }: Shape): Promise<Ledger> {
    const [meter] = makeMeters(1, registers);
    if (meter === undefined) throw new Error("no meter");
    const operator = signerFromPem(generatePrivateKeyPem("es256"));
    const collector = signerFromPem(generatePrivateKeyPem("es256"));
    const author = new Uint8Array(randomBytes(16));
    const genesis = encodeGenesis({
        operator: operator.publicKey,
        logKey: signerFromPem(generatePrivateKeyPem("edDsa")).publicKey,
        createdUnix: CREATED_UNIX,
        nonce: new Uint8Array(randomBytes(16)),
        mode: 0,
    });
    const state = unwrap(stateOfGenesis(genesis));
    const enrol = async (member: Pick<EnrolPayload, "id" | "key" | "role" | "streams">) => {
        const place = { network: state.networkId, timeUnix: CREATED_UNIX, epoch: 0 };
        const bytes = await createEnrolment(operator, { ...place, ...member });
        const enrolment = unwrap(parseEnrolment(bytes));
        unwrap(accept(state, { kind: "enrolment", enrolment }, CREATED_UNIX * 1000));
        return enrolment.message.hash;
    };
    await enrol({ role: ROLE.collector, id: author, key: collector.publicKey, streams: [] });
    const { publicKey: key } = signerFromPem(meter.pem);
    const member = { role: ROLE.meter, id: meter.subject, key, streams: [meter.stream] };
    const writer = new ChainWriter(meter, 0, await enrol(member));
    const tips = new Tips(author, genesisVertexIds(state.networkId));
    return {
        ...{ genesis, state },
        async records(most) {
            const first = unwrap(parseRecord(await writer.next(readings)));
            const room = Math.floor(LIMITS.vertexBytes / (first.message.bytes.length + 8));
            const records = [first];
            while (records.length < Math.min(most, room))
                records.push(unwrap(parseRecord(await writer.next(readings))));
            return records;
        },
        async vertex(records) {
            const bytes = await createVertex(collector, {
                ...{ net: state.networkId, author, keyEpoch: 0 },
                ...tips.next(),
                seen: { size: 0, root: new Uint8Array(32) },
                ...summarizeBody(records),
            });
            const vertex = unwrap(parseVertex(bytes));
            tips.add(vertex, 0);
            return vertex;
        },
    };
}

/**
 * Microseconds of CPU of a server for a record that comes in a message of its own, from the link's hands
 * until it is final, all threads.
 */
export function serverUs(signing: Signing, shape: Shape, records: number): Promise<number> {
    return inTempDirectory(async (directory) => {
        const roles = await openRoles(directory);
        const meters = makeMeters(METERS, shape.registers, signing);
        const anchors = await roles.enrol(meters);
        const writers = meters.map(
            (meter, i) => new ChainWriter(meter, i, anchors[i] ?? new Uint8Array(32)),
        );
        const rounds: PackedMessage[][] = [];
        for (let round = 0; round < 2; round++) {
            const messages: PackedMessage[] = [];
            for (let i = 0; i < records; i++) {
                const writer = writers[i % METERS];
                if (writer === undefined) continue;
                const subjectHex = toHex(writer.meter.subject);
                messages.push({ subjectHex, message: await writer.next(shape.readings) });
            }
            rounds.push(messages);
        }
        await feed(roles.collector, rounds[0] ?? []); // warms up
        const start = cpuSeconds();
        await feed(roles.collector, rounds[1] ?? []);
        await roles.close();
        return ((cpuSeconds() - start) * MICRO) / records;
    });
}
