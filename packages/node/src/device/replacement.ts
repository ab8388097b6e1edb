import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { error, fromHex, toHex, unwrap } from "@meterseal/core";
import {
    decodeMeterState,
    type EpochClosing,
    type EpochOpening,
    type MeterProfile,
    type MeterState,
} from "@meterseal/meter";
import { STREAM_MODE } from "@meterseal/record";
import { MASTER_BYTES } from "@meterseal/seal";
import { METER_FILE, openMeterStore } from "@meterseal/stores/sqlite";
import { systemRandom } from "../clocks.ts";
import { formatJson, writeSecret } from "../files.ts";
import type { EnrolRequest } from "../server/server.ts";
import {
    DEVICE_FILES,
    type Device,
    provideKeyFile,
    requireNoDevice,
    type SigningKind,
    signingKindOf,
    writeDevice,
} from "./device.ts";

const FORMAT = "meterseal-opening/v1";

/**
 * Makes the device that follows another one at its metering point: keys of its own, the same subject
 * and stream, the next chain and seal epoch under the same master secret, the same key file.
 * @throws MetersealError MS_STORE_UNWRITABLE where the directory has a meter already.
 */
export function createReplacement(
    directory: string,
    old: { readonly directory: string; readonly device: Device },
    opening: EpochOpening,
    signing: SigningKind = signingKindOf(old.device.key),
): EnrolRequest {
    requireNoDevice(directory);
    const { master, observed, profile } = old.device;
    const keyFile = provideKeyFile(old.directory, basename(old.directory), old.device);
    writeSecret(join(directory, DEVICE_FILES.keyFile), readFileSync(keyFile, "utf8"));
    writeSecret(join(directory, DEVICE_FILES.opening), formatOpening(opening));
    const stream = { ...profile.stream, sealEpoch: profile.stream.sealEpoch + 1 };
    const chainEpoch = profile.chainEpoch + 1;
    const { network, subject } = profile;
    const place = { subject, stream, chainEpoch, network, ...mediumOf(profile) };
    return writeDevice(directory, { ...place, master, observed, signing });
}

/**
 * Makes the device for another tenant of a metering point: the same subject and register, keys of its
 * own, the next chain epoch, and a new stream under a new master secret, of which nobody has a copy.
 * @throws MetersealError MS_STORE_UNWRITABLE where the directory has a meter already.
 */
export function createTenancy(
    directory: string,
    old: { readonly device: Device },
    begin: EpochClosing,
    signing: SigningKind = signingKindOf(old.device.key),
): EnrolRequest {
    requireNoDevice(directory);
    const { network, subject, stream: before, chainEpoch } = old.device.profile;
    writeSecret(join(directory, DEVICE_FILES.opening), formatOpening(begin));
    const stream = { ...before, stream: systemRandom.bytes(16), sealEpoch: 0 };
    const isSealed = stream.mode === STREAM_MODE.sealed;
    const master = isSealed ? systemRandom.bytes(MASTER_BYTES) : null;
    return writeDevice(directory, {
        ...{ subject, stream, master, network, signing },
        ...mediumOf(old.device.profile),
        observed: old.device.observed,
        chainEpoch: chainEpoch + 1,
    });
}

function mediumOf({ medium }: MeterProfile): Pick<MeterProfile, "medium"> {
    return medium === undefined ? {} : { medium };
}

/** What a device begins with; `before` is there where it goes on with the stream of another one. */
export type DeviceBegin = EpochClosing & { readonly before?: EpochOpening["before"] };

/** Whether a device goes on with the stream of another one, which its first record says. */
export function isOpening(begin: DeviceBegin | null): begin is EpochOpening {
    return begin?.before !== undefined;
}

/**
 * What a device begins with; null for one that follows no other.
 * @throws MetersealError MS_MALFORMED for a file that was changed.
 */
export function readOpening(directory: string): DeviceBegin | null {
    const path = join(directory, DEVICE_FILES.opening);
    if (!existsSync(path)) return null;
    try {
        return parseOpening(readFileSync(path, "utf8"));
    } catch (cause) {
        throw error("MS_MALFORMED", { where: path, expected: "the file unchanged", cause });
    }
}

/** What a meter's directory remembers; null where it remembers nothing. */
export async function lastState(directory: string): Promise<MeterState | null> {
    if (!existsSync(join(directory, METER_FILE))) return null;
    const store = await openMeterStore(directory, { readOnly: true });
    try {
        const state = await store.state();
        return state === null ? null : unwrap(decodeMeterState(state));
    } finally {
        await store.close();
    }
}

/** What the file holds; registers as text, for JSON has no large integers. */
type OpeningFile = {
    readonly format: string;
    readonly atUnix: number;
    readonly reason: number;
    readonly registers: readonly string[];
    readonly sealEpochBefore?: number;
    readonly closing?: string;
    readonly stated?: readonly string[];
};

function formatOpening({ atUnix, before, reason, registers }: DeviceBegin): string {
    const { closing, sealEpoch, stated } = before ?? {};
    const file: OpeningFile = {
        ...{ format: FORMAT, atUnix, reason, registers: registers.map(String) },
        ...(sealEpoch === undefined ? {} : { sealEpochBefore: sealEpoch }),
        ...(closing === undefined ? {} : { closing: toHex(closing) }),
        ...(stated === undefined ? {} : { stated: stated.map(String) }),
    };
    return formatJson(file);
}

function parseOpening(text: string): DeviceBegin {
    const file = JSON.parse(text) as OpeningFile;
    if (file.format !== FORMAT) throw new SyntaxError(`another format than ${FORMAT}`);
    const { closing, sealEpochBefore: sealEpoch, stated } = file;
    const { atUnix, reason } = file;
    const begin = { atUnix, reason, registers: file.registers.map(BigInt) };
    if (sealEpoch === undefined) return begin;
    return {
        ...begin,
        before: {
            sealEpoch,
            ...(closing === undefined ? {} : { closing: fromHex(closing) }),
            ...(stated === undefined ? {} : { stated: stated.map(BigInt) }),
        },
    };
}
