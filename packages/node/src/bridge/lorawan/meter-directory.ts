import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ALGORITHM, error, fromHex, type Signer, toBase64, toHex, unwrap } from "@meterseal/core";
import { decodeMeterState } from "@meterseal/meter";
import { encodeCoseKey } from "@meterseal/record";
import {
    decodeLoraState,
    encodeLoraState,
    type LoraState,
    newLoraState,
} from "@meterseal/record/lora";
import { METER_FILE, openMeterStore } from "@meterseal/stores/sqlite";
import { systemRandom } from "../../clocks.ts";
import { DEVICE_FILES, openPublicDevice, type PublicDevice } from "../../device/device.ts";
import {
    fileSigner,
    formatJson,
    isOpenToOthers,
    readBounded,
    writeSecret,
    writeWhole,
} from "../../files.ts";
import { base64Field, hexField, readJson } from "../../json-fields.ts";

/** What a bridge has of a meter, in a directory of its own: nothing that signs records or opens them. */
export type LoraMeter = {
    readonly directory: string;
    readonly device: PublicDevice;
    /** 16 hexadecimal digits. */
    readonly devEui: string;
    /** What the bridge shows in a handshake. */
    readonly bridge: Signer;
    /** Link token that the meter signed, with which the bridge logs in for it. */
    readonly token: Uint8Array;
    /** Where its chain stood when this was made. */
    readonly start: LoraState;
};

/** File of a bridge's secrets of a meter; mode 600. */
const LORA_FILE = "lora.json";
/** Files in the meter's own directory: the light key, mode 600, and the bridge's public key. */
export const METER_LORA_FILES = { lightKey: "light.hex", bridgeKey: "bridge.key" } as const;
/** Name of the bridge in its credential: a meter knows its key and no other name. */
export const BRIDGE_NAME = "bridge";
/** File of the bridge's own key of a meter; mode 600. */
const BRIDGE_KEY_FILE = "bridge.pem";
const FORMAT = "meterseal-lora-meter/v1";
const LIGHT_KEY_BYTES = 16;
const TEXT_MAX = 65_536;

/**
 * Makes what a bridge needs of an enrolled meter in a new directory, and gives the meter its light key.
 * @param token - signed by the meter.
 * @throws MetersealError MS_NOT_ALLOWED for a PS256 key, MS_STORE_UNWRITABLE where the directory has a
 * meter already, and those of a directory without a meter that is enrolled.
 */
export async function makeLoraMeter(
    meterDir: string,
    directory: string,
    { devEui, token }: { readonly devEui: string; readonly token: Uint8Array },
): Promise<void> {
    const device = openPublicDevice(meterDir);
    if (device.key.algorithm === ALGORITHM.ps256) {
        const expected = "a key whose signatures have 64 bytes";
        throw error("MS_NOT_ALLOWED", { where: meterDir, expected, got: "PS256, with 256" });
    }
    if (existsSync(join(directory, LORA_FILE)))
        throw error("MS_STORE_UNWRITABLE", { where: directory, got: "a meter's directory" });
    const lightKey = lightKeyOf(meterDir);
    const start = await chainStart(meterDir, device, lightKey);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of [DEVICE_FILES.request, DEVICE_FILES.enrolment, DEVICE_FILES.network])
        if (existsSync(join(meterDir, name)))
            copyFileSync(join(meterDir, name), join(directory, name));
    const text = formatJson({
        format: FORMAT,
        devEui,
        token: toBase64(token),
        start: toBase64(encodeLoraState(start)),
    });
    const { publicKey } = fileSigner(join(directory, BRIDGE_KEY_FILE), "es256");
    const bridgeKey = toHex(encodeCoseKey(publicKey));
    writeWhole(join(meterDir, METER_LORA_FILES.bridgeKey), `${bridgeKey}\n`);
    writeSecret(join(directory, LORA_FILE), text);
}

/**
 * Opens a directory of {@link makeLoraMeter}.
 * @throws MetersealError MS_NOT_FOUND, MS_KEY_FILE where others may read it, MS_MALFORMED.
 */
export function openLoraMeter(directory: string): LoraMeter {
    const path = join(directory, LORA_FILE);
    if (!existsSync(path))
        throw error("MS_NOT_FOUND", { where: path, todo: "Run: meterseal meter lora --help" });
    if (isOpenToOthers(path))
        throw error("MS_KEY_FILE", { where: path, todo: `Run: chmod 600 ${path}` });
    const text = readBounded(path, TEXT_MAX).toString("utf8");
    const shape = { format: FORMAT, max: TEXT_MAX, where: path };
    const fields = unwrap(
        readJson(text, shape, (each) => ({
            devEui: toHex(hexField(each, "devEui", 8)),
            token: base64Field(each, "token"),
            start: base64Field(each, "start"),
        })),
    );
    const start = unwrap(decodeLoraState(fields.start));
    const bridge = fileSigner(join(directory, BRIDGE_KEY_FILE), "es256");
    return { directory, device: openPublicDevice(directory), bridge, ...fields, start };
}

function lightKeyOf(meterDir: string): Uint8Array {
    const path = join(meterDir, METER_LORA_FILES.lightKey);
    if (existsSync(path)) return fromHex(readFileSync(path, "utf8").trim());
    const key = systemRandom.bytes(LIGHT_KEY_BYTES);
    writeSecret(path, `${toHex(key)}\n`);
    return key;
}

/** Where a meter's chain stands: behind its last record, or at its enrolment. */
async function chainStart(
    meterDir: string,
    { profile }: PublicDevice,
    lightKey: Uint8Array,
): Promise<LoraState> {
    const start = newLoraState(profile.chainEpoch, profile.anchor, lightKey);
    if (!existsSync(join(meterDir, METER_FILE))) return start;
    const store = await openMeterStore(meterDir);
    try {
        const saved = await store.state();
        if (saved === null) return start;
        const { chainEpoch, headHash: head, nextSeq } = unwrap(decodeMeterState(saved));
        return { ...start, chainEpoch, head, nextSeq };
    } finally {
        await store.close();
    }
}
