import { randomBytes } from "node:crypto";
import { bytesEqual, createLadder, type Signer, sha256, unwrap } from "@meterseal/core";
import { signerFromPem } from "@meterseal/core/node";
import {
    COLLECTOR_NAME,
    enrolledCredential,
    Initiator,
    METHOD,
    type OwnCredential,
    Responder,
    SecureChannel,
} from "@meterseal/links/edhoc";
import { type MeterRecord, parseRecord } from "@meterseal/record";
import { newSealState, planBoundaries } from "@meterseal/seal";
import { openMeterStore } from "@meterseal/stores/sqlite";
import { decodeSensorLine } from "@meterseal/telegram";
import { cpuMsPerCall, secondsPerCall, timed } from "./measure.ts";
import { ChainWriter, FIRST_SLOT, makeMeters, SLOT_SECONDS, ZONE } from "./meters.ts";
import { makeYear, sealInSteps, YEAR_SLOTS } from "./sealing.ts";
import { inTempDirectory } from "./temp.ts";

/** Kinds of key that records are signed with. */
export const SIGNING = ["es256", "ps256", "edDsa"] as const;
/** One of {@link SIGNING}. */
export type Signing = (typeof SIGNING)[number];

/** What a record holds. */
export type Shape = { readonly readings: number; readonly registers: number };

/** A line of the sensor of `firmware/acs712`, with its check. */
const SENSOR_LINE = new TextEncoder().encode("MSC1,4711,00,8700,4711000,230,511*5C44\r\n");
/** What a meter remembers beside its records: some three hundred bytes. */
const STATE_BYTES = 300;
/** Microseconds in a second, and in a millisecond. */
const [MICRO, MICRO_OF_MS] = [1e6, 1e3];

/** Microseconds to decode a line of the sensor. */
export function lineUs(rounds: number): number {
    return secondsPerCall(rounds, () => void decodeSensorLine(SENSOR_LINE)) * MICRO;
}

/** Makes a chain of records of one meter. */
export async function makeRecords(
    signing: Signing,
    { readings, registers }: Shape,
    count: number,
): Promise<MeterRecord[]> {
    const [meter] = makeMeters(1, registers, signing);
    if (meter === undefined) throw new Error("no meter");
    const writer = new ChainWriter(meter, 0, new Uint8Array(32));
    const records: MeterRecord[] = [];
    while (records.length < count) records.push(unwrap(parseRecord(await writer.next(readings))));
    return records;
}

/** Microseconds of CPU a record to place its boundaries in the trees and to seal them. */
export function sealUs(rounds: number, { readings, registers }: Shape): number {
    const ladder = unwrap(createLadder(ZONE, SLOT_SECONDS));
    let [state, slot] = [newSealState(0), FIRST_SLOT];
    const plan = secondsPerCall(rounds, () => {
        if (slot + readings > FIRST_SLOT + YEAR_SLOTS)
            [state, slot] = [newSealState(0), FIRST_SLOT];
        state = unwrap(planBoundaries(state, ladder, slot, readings)).state;
        slot += readings;
    });
    const seal = secondsPerCall(rounds, sealInSteps(makeYear(registers), readings));
    return (plan + seal) * MICRO;
}

/** Microseconds of CPU to hash what is signed of a record. */
export function hashUs(rounds: number, { message }: MeterRecord): number {
    return secondsPerCall(rounds, () => void sha256(message.toBeSigned)) * MICRO;
}

/** Microseconds of CPU to sign a record. */
export async function signUs(
    calls: number,
    signing: Signing,
    record: MeterRecord,
): Promise<number> {
    const signer = signerOf(signing);
    return (await cpuMsPerCall(calls, () => signer.sign(record.message.toBeSigned))) * MICRO_OF_MS;
}

/** Microseconds of CPU of a record from its registers to its bytes: all of the above, and encoding. */
export async function makeUs(calls: number, signing: Signing, shape: Shape): Promise<number> {
    const [meter] = makeMeters(1, shape.registers, signing);
    if (meter === undefined) throw new Error("no meter");
    const writer = new ChainWriter(meter, 0, new Uint8Array(32));
    return (await cpuMsPerCall(calls, () => writer.next(shape.readings))) * MICRO_OF_MS;
}

/** Microseconds to keep a record on the meter's disk: of CPU, and by the clock with its fsync. */
export function keepUs(records: readonly MeterRecord[]): Promise<{ cpu: number; wall: number }> {
    return inTempDirectory(async (directory) => {
        const store = await openMeterStore(directory);
        const state = new Uint8Array(STATE_BYTES);
        const { cost } = await timed(async () => {
            for (const { chainEpoch, message, seq } of records) {
                const record = { chainEpoch, seq, hash: message.hash, bytes: message.bytes };
                await store.append(state, record);
            }
        });
        await store.close();
        const each = MICRO / records.length;
        return { cpu: cost.cpuS * each, wall: cost.wallS * each };
    });
}

/** Microseconds of CPU of an EDHOC handshake, both sides together. */
export async function handshakeUs(calls: number): Promise<number> {
    const sides = makeSides();
    return (await cpuMsPerCall(calls, () => handshake(sides))) * MICRO_OF_MS;
}

/** Microseconds of CPU to encrypt a record into a frame of a session, and to open it again. */
export async function frameUs(
    rounds: number,
    { message }: MeterRecord,
): Promise<{ encrypt: number; decrypt: number; bytes: number }> {
    const [meter, collector] = await handshake(makeSides());
    const both = secondsPerCall(rounds, () => {
        unwrap(collector.open(meter.seal(message.bytes)));
    });
    const [alone] = await handshake(makeSides());
    const encrypt = secondsPerCall(rounds, () => void alone.seal(message.bytes));
    const decrypt = Math.max(0, both - encrypt);
    const bytes = alone.seal(message.bytes).length;
    return { encrypt: encrypt * MICRO, decrypt: decrypt * MICRO, bytes };
}

function signerOf(signing: Signing): Signer {
    const [meter] = makeMeters(1, 1, signing);
    if (meter === undefined) throw new Error("no meter");
    return signerFromPem(meter.pem);
}

type Sides = { readonly meter: OwnCredential; readonly collector: OwnCredential };

function makeSides(): Sides {
    const of = (name: string): OwnCredential => {
        const signer = signerOf("es256");
        return { ...enrolledCredential(name, signer.publicKey), signer };
    };
    return { meter: of("0a".repeat(16)), collector: of(COLLECTOR_NAME) };
}

async function handshake({ collector, meter }: Sides): Promise<[SecureChannel, SecureChannel]> {
    const random = { bytes: (length: number) => new Uint8Array(randomBytes(length)) };
    const of = (own: OwnCredential, peer: OwnCredential) => ({
        ...{ own, random, connection: random.bytes(1) },
        find: (id: Uint8Array) => (bytesEqual(id, peer.id) ? peer : null),
    });
    const responder = new Responder({
        ...of(collector, meter),
        own: (method) => (method === METHOD.signatures ? collector : null),
    });
    const initiator = new Initiator({
        ...of(meter, collector),
        method: METHOD.signatures,
        suites: [2],
    });
    const message2 = unwrap(await responder.takeMessage1(initiator.message1));
    const message3 = unwrap(await initiator.takeMessage2(message2));
    unwrap(initiator.takeMessage4(unwrap(responder.takeMessage3(message3))));
    const [mine, theirs] = [initiator.session, responder.session];
    if (mine === null || theirs === null) throw new Error("no session");
    return [new SecureChannel(mine, "initiator"), new SecureChannel(theirs, "responder")];
}
