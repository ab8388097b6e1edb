import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { error, fromHex, toHex, unwrap } from "@meterseal/core";
import { decodeMeterState, type EpochOpening } from "@meterseal/meter";
import { METER_FILE, openMeterStore } from "@meterseal/stores/sqlite";
import { formatJson, writeSecret } from "../files.ts";
import type { EnrolRequest } from "../server/server.ts";
import {
    DEVICE_FILES,
    type Device,
    provideKeyFile,
    requireNoDevice,
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
): EnrolRequest {
    requireNoDevice(directory);
    const { master, profile } = old.device;
    const keyFile = provideKeyFile(old.directory, basename(old.directory), old.device);
    writeSecret(join(directory, DEVICE_FILES.keyFile), readFileSync(keyFile, "utf8"));
    writeSecret(join(directory, DEVICE_FILES.opening), formatOpening(opening));
    const stream = { ...profile.stream, sealEpoch: profile.stream.sealEpoch + 1 };
    const chainEpoch = profile.chainEpoch + 1;
    const { network, subject } = profile;
    return writeDevice(directory, { subject, stream, master, chainEpoch, network });
}

/**
 * Registers that a device begins with; null for one that follows no other.
 * @throws MetersealError MS_MALFORMED for a file that was changed.
 */
export function readOpening(directory: string): EpochOpening | null {
    const path = join(directory, DEVICE_FILES.opening);
    if (!existsSync(path)) return null;
    try {
        return parseOpening(readFileSync(path, "utf8"));
    } catch (cause) {
        throw error("MS_MALFORMED", { where: path, expected: "the file unchanged", cause });
    }
}

/** Registers of a meter's last record as its directory remembers them; empty where it does not. */
export async function lastRegisters(directory: string): Promise<readonly bigint[]> {
    if (!existsSync(join(directory, METER_FILE))) return [];
    const store = await openMeterStore(directory, { readOnly: true });
    try {
        const state = await store.state();
        return state === null ? [] : unwrap(decodeMeterState(state)).registers;
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
    readonly sealEpochBefore: number;
    readonly closing?: string;
    readonly stated?: readonly string[];
};

function formatOpening({ atUnix, before, reason, registers }: EpochOpening): string {
    const { closing, sealEpoch, stated } = before;
    const file: OpeningFile = {
        ...{ format: FORMAT, atUnix, reason, registers: registers.map(String) },
        sealEpochBefore: sealEpoch,
        ...(closing === undefined ? {} : { closing: toHex(closing) }),
        ...(stated === undefined ? {} : { stated: stated.map(String) }),
    };
    return formatJson(file);
}

function parseOpening(text: string): EpochOpening {
    const file = JSON.parse(text) as OpeningFile;
    if (file.format !== FORMAT) throw new SyntaxError(`another format than ${FORMAT}`);
    const { closing, stated } = file;
    return {
        ...{ atUnix: file.atUnix, reason: file.reason, registers: file.registers.map(BigInt) },
        before: {
            sealEpoch: file.sealEpochBefore,
            ...(closing === undefined ? {} : { closing: fromHex(closing) }),
            ...(stated === undefined ? {} : { stated: stated.map(BigInt) }),
        },
    };
}
