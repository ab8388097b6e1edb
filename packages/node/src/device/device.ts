import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
    ALGORITHM,
    createLadder,
    error,
    fromHex,
    type PublicKey,
    toHex,
    unwrap,
} from "@meterseal/core";
import type { FileKeyKind } from "@meterseal/core/node";
import { type MeterProfile, sealedStreamOf } from "@meterseal/meter";
import { STREAM_MODE, type StreamDescriptor, unitOfMedium } from "@meterseal/record";
import { MASTER_BYTES } from "@meterseal/seal";
import { formatKeyFile, parseKeyFile } from "@meterseal/wallet";
import { systemRandom } from "../clocks.ts";
import { fileSigner, writeSecret, writeWhole } from "../files.ts";
import type { EnrolRequest } from "../server/server.ts";
import { checkAnswer } from "./admission.ts";
import { startCounter } from "./counter-file.ts";
import { formatRequest, parseAnswer, parseRequest } from "./exchange.ts";

/** Files in a meter's directory. */
export const DEVICE_FILES = {
    signingKey: "meter.pem",
    master: "master.hex",
    /** What the operator gets. */
    request: "request.json",
    /** What the operator answers. */
    enrolment: "enrolment.json",
    /** Network id that the meter keeps to; from `meter init --network`, or its first answer. */
    network: "network.hex",
    /** What the household gets. */
    keyFile: "key.json",
    /** Registers that a device begins with which follows another; secret. */
    opening: "opening.json",
} as const;

/** Kind of key that a meter signs with: P-256, or RSA-2048 for hardware that has nothing else. */
export type SigningKind = Extract<FileKeyKind, "es256" | "ps256">;

/** Kind of the key that a meter has. */
export function signingKindOf(key: PublicKey): SigningKind {
    return key.algorithm === ALGORITHM.ps256 ? "ps256" : "es256";
}

/** What a new meter is to be. */
export type DevicePlan = {
    readonly zone: string;
    readonly slotSeconds: number;
    /** Groups of its stream, ascending. */
    readonly groups: readonly number[];
    /** STREAM_MODE. */
    readonly mode: number;
    /** What it meters, one of MEDIUM; absent for electricity. */
    readonly medium?: number;
    /** Network id that it keeps to, 32 bytes; null takes the one of its first answer. */
    readonly network: Uint8Array | null;
    /** Commits to the registers of the first so many groups; absent where to none. */
    readonly committed?: number;
    /** True where this directory is a gateway's, which reads a meter that cannot sign. */
    readonly observed?: boolean;
    /** Key that it signs with; P-256 where it is not said. */
    readonly signing?: SigningKind | undefined;
};

/** A meter in its directory, enrolled. */
export type Device = {
    /** Public half of its signing key. */
    readonly key: PublicKey;
    readonly profile: MeterProfile;
    /** 32 bytes; null for an open stream. */
    readonly master: Uint8Array | null;
    /** Whether the meter keeps to this network; an answer that is the first is taken by {@link keepNetwork}. */
    readonly isNetworkKept: boolean;
    /** Whether a gateway observes the meter and signs for it. */
    readonly observed: boolean;
};

/**
 * Makes a meter in a new directory: signing key, master secret, and the request for its operator.
 * @throws MetersealError MS_ZONE, or MS_STORE_UNWRITABLE where the directory has a meter already.
 */
export function createDevice(directory: string, plan: DevicePlan): EnrolRequest {
    unwrap(createLadder(plan.zone, plan.slotSeconds));
    requireNoDevice(directory);
    const master = plan.mode === STREAM_MODE.sealed ? systemRandom.bytes(MASTER_BYTES) : null;
    const { medium, network, observed = false, signing = "es256", ...descriptor } = plan;
    const stream: StreamDescriptor = {
        ...descriptor,
        stream: systemRandom.bytes(16),
        sealEpoch: 0,
        suite: 1,
        scale: unitOfMedium(medium).baseScale,
    };
    const subject = systemRandom.bytes(16);
    const of = medium === undefined ? {} : { medium };
    return writeDevice(directory, { subject, stream, master, network, observed, signing, ...of });
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
        readonly network: Uint8Array | null;
        readonly observed: boolean;
        readonly signing: SigningKind;
        readonly medium?: number;
        readonly chainEpoch?: number;
    },
): EnrolRequest {
    const { master, network, observed, signing, stream, ...place } = device;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const path = (name: string): string => join(directory, name);
    if (master !== null) writeSecret(path(DEVICE_FILES.master), `${toHex(master)}\n`);
    if (network !== null) pin(directory, network);
    startCounter(directory);
    const { publicKey: key } = fileSigner(path(DEVICE_FILES.signingKey), signing);
    const request = { ...place, ...(observed ? { observed } : {}), key, streams: [stream] };
    writeWhole(path(DEVICE_FILES.request), formatRequest(request));
    return request;
}

/**
 * Opens a meter's directory, and checks the operator's answer in it; writes nothing.
 * @throws MetersealError MS_NOT_FOUND where it has no meter, or no answer of the operator yet;
 * MS_MALFORMED; MS_GENESIS, MS_SIGNATURE_BAD, MS_ENROLMENT of {@link checkAnswer}.
 */
export function openDevice(directory: string): Device {
    const device = openPublicDevice(directory);
    const sealed = device.profile.stream.mode === STREAM_MODE.sealed;
    const masterText = (): string => readFileSync(join(directory, DEVICE_FILES.master), "utf8");
    const master = sealed ? fromHex(masterText().trim()) : null;
    return { ...device, master };
}

/** What of a device's directory is no secret. */
export type PublicDevice = Omit<Device, "master">;

/** What {@link openDevice} opens, without the device's secrets, which need not be there. */
export function openPublicDevice(directory: string): PublicDevice {
    const request = unwrap(
        parseRequest(readFile(directory, DEVICE_FILES.request, "meterseal meter init")),
    );
    const path = join(directory, DEVICE_FILES.enrolment);
    const todo = `The operator runs: meterseal enrol --data DIR ${join(directory, DEVICE_FILES.request)}`;
    const answer = parseAnswer(readFile(directory, DEVICE_FILES.enrolment, todo));
    if (!answer.ok) throw error(answer.error.code, { ...answer.error.details, where: path, todo });
    const pinned = pinnedNetwork(directory);
    const admission = checkAnswer(answer.value, request, pinned);
    if (!admission.ok) {
        const { code, details } = admission.error;
        const where = [path, details.where].filter((each) => each !== undefined).join(", ");
        throw error(code, { ...details, where });
    }
    const { collectorKey, enrolment, network } = admission.value;
    const [stream] = request.streams;
    if (stream === undefined) {
        const where = join(directory, DEVICE_FILES.request);
        throw error("MS_MALFORMED", { where, expected: "a stream" });
    }
    const profile: MeterProfile = {
        ...{ network, subject: request.subject, stream, collectorKey },
        ...(request.medium === undefined ? {} : { medium: request.medium }),
        chainEpoch: enrolment.epoch,
        anchor: enrolment.message.hash,
    };
    const observed = request.observed === true;
    return { key: request.key, profile, isNetworkKept: pinned !== null, observed };
}

/** Decides the network of a meter for good; returns false where it was decided before. */
export function keepNetwork(directory: string, { isNetworkKept, profile }: Device): boolean {
    if (!isNetworkKept) pin(directory, profile.network);
    return !isNetworkKept;
}

function pin(directory: string, network: Uint8Array): void {
    writeWhole(join(directory, DEVICE_FILES.network), `${toHex(network)}\n`);
}

/** The network that a meter keeps to: as pinned, or as the household's key file names it; or null. */
function pinnedNetwork(directory: string): Uint8Array | null {
    const path = join(directory, DEVICE_FILES.network);
    if (existsSync(path)) {
        const network = parseNetworkId(readFileSync(path, "utf8").trim());
        if (network !== null) return network;
        throw error("MS_MALFORMED", { where: path, expected: NETWORK_ID });
    }
    const keyFile = join(directory, DEVICE_FILES.keyFile);
    return existsSync(keyFile) ? unwrap(parseKeyFile(readFileSync(keyFile, "utf8"))).network : null;
}

/** How a network id is written. */
export const NETWORK_ID = "64 hexadecimal digits";

/** A network id as people write it; null for anything else. */
export function parseNetworkId(text: string): Uint8Array | null {
    return /^[0-9a-f]{64}$/.test(text) ? fromHex(text) : null;
}

/** Writes the household's key file where it is not there yet; returns its path. */
export function provideKeyFile(directory: string, name: string, device: Device): string {
    const path = join(directory, DEVICE_FILES.keyFile);
    const { medium, network, stream, subject } = device.profile;
    if (existsSync(path)) return path;
    const { scale, zone } = stream;
    const key = { name, network, meter: subject, zone, scale, master: device.master };
    const of = medium === undefined ? {} : { medium };
    writeSecret(path, formatKeyFile({ ...key, ...of, stream: sealedStreamOf(stream) }));
    return path;
}

function readFile(directory: string, name: string, todo: string): string {
    const path = join(directory, name);
    if (existsSync(path)) return readFileSync(path, "utf8");
    throw error("MS_NOT_FOUND", { where: path, todo });
}
