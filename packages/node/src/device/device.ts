import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bytesEqual, createLadder, error, fromHex, toHex, unwrap } from "@meterseal/core";
import { type MeterProfile, sealedStreamOf } from "@meterseal/meter";
import { decodeCoseKey, STREAM_MODE, type StreamDescriptor } from "@meterseal/record";
import { MASTER_BYTES } from "@meterseal/seal";
import { formatKeyFile } from "@meterseal/wallet";
import { systemRandom } from "../clocks.ts";
import { fileSigner, writeSecret, writeWhole } from "../files.ts";
import type { EnrolRequest } from "../server/server.ts";
import { type EnrolmentAnswer, formatRequest, parseAnswer, parseRequest } from "./exchange.ts";

/** Files in a meter's directory. */
export const DEVICE_FILES = {
    signingKey: "meter.pem",
    master: "master.hex",
    /** What the operator gets. */
    request: "request.json",
    /** What the operator answers. */
    enrolment: "enrolment.json",
    /** What the household gets. */
    keyFile: "key.json",
    /** Registers that a device begins with which follows another; secret. */
    opening: "opening.json",
} as const;

/** What a new meter is to be. */
export type DevicePlan = {
    readonly zone: string;
    readonly slotSeconds: number;
    /** Groups of its stream, ascending. */
    readonly groups: readonly number[];
    /** STREAM_MODE. */
    readonly mode: number;
};

/** A meter in its directory, enrolled. */
export type Device = {
    readonly profile: MeterProfile;
    /** 32 bytes; null for an open stream. */
    readonly master: Uint8Array | null;
    readonly answer: EnrolmentAnswer;
};

/**
 * Makes a meter in a new directory: signing key, master secret, and the request for its operator.
 * @throws MetersealError MS_ZONE, or MS_STORE_UNWRITABLE where the directory has a meter already.
 */
export function createDevice(directory: string, plan: DevicePlan): EnrolRequest {
    unwrap(createLadder(plan.zone, plan.slotSeconds));
    requireNoDevice(directory);
    const master = plan.mode === STREAM_MODE.sealed ? systemRandom.bytes(MASTER_BYTES) : null;
    const stream: StreamDescriptor = {
        ...plan,
        stream: systemRandom.bytes(16),
        sealEpoch: 0,
        suite: 1,
        scale: 0,
    };
    return writeDevice(directory, { subject: systemRandom.bytes(16), stream, master });
}

/**
 * Refuses a directory that has a meter already.
 * @throws MetersealError MS_STORE_UNWRITABLE
 */
export function requireNoDevice(directory: string): void {
    if (!existsSync(join(directory, DEVICE_FILES.signingKey))) return;
    const todo = "Choose another directory: a meter's keys are never written over.";
    throw error("MS_STORE_UNWRITABLE", { where: directory, got: "a meter", todo });
}

/** Makes a signing key in a directory, and writes the secrets and the request around it. */
export function writeDevice(
    directory: string,
    device: {
        readonly subject: Uint8Array;
        readonly stream: StreamDescriptor;
        readonly master: Uint8Array | null;
        readonly chainEpoch?: number;
    },
): EnrolRequest {
    const { master, stream, ...place } = device;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const path = (name: string): string => join(directory, name);
    if (master !== null) writeSecret(path(DEVICE_FILES.master), `${toHex(master)}\n`);
    const { publicKey: key } = fileSigner(path(DEVICE_FILES.signingKey), "es256");
    const request = { ...place, key, streams: [stream] };
    writeWhole(path(DEVICE_FILES.request), formatRequest(request));
    return request;
}

/**
 * Opens a meter's directory.
 * @throws MetersealError MS_NOT_FOUND where it has no meter, or no answer of the operator yet;
 * MS_MALFORMED; MS_ENROLMENT where the answer is for another meter.
 */
export function openDevice(directory: string): Device {
    const request = unwrap(
        parseRequest(readFile(directory, DEVICE_FILES.request, "meterseal meter init")),
    );
    const todo = `The operator runs: meterseal enrol --data DIR ${join(directory, DEVICE_FILES.request)}`;
    const answer = unwrap(parseAnswer(readFile(directory, DEVICE_FILES.enrolment, todo)));
    const [stream] = request.streams;
    if (!bytesEqual(answer.subject, request.subject) || stream === undefined) {
        const got = `one for meter ${toHex(answer.subject)}`;
        throw error("MS_ENROLMENT", { where: join(directory, DEVICE_FILES.enrolment), got });
    }
    const profile: MeterProfile = {
        network: answer.network,
        subject: request.subject,
        chainEpoch: request.chainEpoch ?? 0,
        anchor: answer.enrolment,
        stream,
        collectorKey: decodeCoseKey(answer.collectorKey),
    };
    const path = join(directory, DEVICE_FILES.master);
    const sealed = stream.mode === STREAM_MODE.sealed;
    const master = sealed ? fromHex(readFileSync(path, "utf8").trim()) : null;
    return { profile, master, answer };
}

/** Writes the household's key file where it is not there yet; returns its path. */
export function provideKeyFile(directory: string, name: string, device: Device): string {
    const path = join(directory, DEVICE_FILES.keyFile);
    const { network, stream, subject } = device.profile;
    if (existsSync(path)) return path;
    const { scale, zone } = stream;
    const key = { name, network, meter: subject, zone, scale, master: device.master };
    writeSecret(path, formatKeyFile({ ...key, stream: sealedStreamOf(stream) }));
    return path;
}

function readFile(directory: string, name: string, todo: string): string {
    const path = join(directory, name);
    if (existsSync(path)) return readFileSync(path, "utf8");
    throw error("MS_NOT_FOUND", { where: path, todo });
}
