import { dirname, resolve } from "node:path";
import { error, LIMITS, toHex, unwrap } from "@meterseal/core";
import type { LoraSession } from "@meterseal/links/lorawan";
import { isOpenToOthers, readBounded } from "../../files.ts";
import {
    arrayField,
    type Fields,
    hexBytes,
    hexField,
    isFields,
    readJson,
    stringField,
    WrongField,
} from "../../json-fields.ts";

/** Who speaks behind an EUI. */
export type LoraDeviceEntry = {
    /** 16 hexadecimal digits. */
    readonly devEui: string;
    /** Null where a network server has the session. */
    readonly session: LoraSession | null;
} & (
    | { readonly kind: "meter" /** Made by `meterseal meter lora`. */; readonly directory: string }
    /** A meter that cannot sign: its maker's payload, and the directory of a gateway for it. */
    | { readonly kind: "observed"; readonly payload: "milesight"; readonly directory: string }
);

const FORMAT = "meterseal-lora-devices/v1";

/**
 * Reads the list of a bridge's devices; directories in it are taken from where it lies.
 * @throws MetersealError MS_NOT_FOUND, MS_TOO_LARGE, MS_KEY_FILE where others may read it, MS_MALFORMED.
 */
export function readLoraDevices(path: string): LoraDeviceEntry[] {
    const text = readBounded(path, LIMITS.loraDevicesBytes).toString("utf8");
    if (isOpenToOthers(path))
        throw error("MS_KEY_FILE", { where: path, todo: `Run: chmod 600 ${path}` });
    const shape = { format: FORMAT, max: LIMITS.loraDevicesBytes, where: path };
    const devices = unwrap(
        readJson(text, shape, (fields) =>
            arrayField(fields, "devices", LIMITS.loraDevices).map((each) =>
                deviceOf(each, dirname(path)),
            ),
        ),
    );
    const names = new Set(devices.map(({ devEui }) => devEui));
    if (names.size === devices.length && names.size > 0) return devices;
    throw error("MS_MALFORMED", { where: path, expected: "devices, each devEui once" });
}

function deviceOf(value: unknown, base: string): LoraDeviceEntry {
    if (!isFields(value)) throw new WrongField('objects in "devices"');
    const devEui = toHex(hexField(value, "devEui", 8));
    const session = value.session === undefined ? null : sessionOf(value.session);
    if (value.meter !== undefined) {
        const directory = resolve(base, stringField(value, "meter"));
        return { kind: "meter", devEui, session, directory };
    }
    if (value.payload !== "milesight") throw new WrongField('"meter", or "payload": "milesight"');
    const directory = resolve(base, stringField(value, "gateway"));
    return { kind: "observed", devEui, session, payload: value.payload, directory };
}

function sessionOf(value: unknown): LoraSession {
    if (!isFields(value)) throw new WrongField('an object in "session"');
    const session: Fields = value;
    const [a = 0, b = 0, c = 0, d = 0] = hexBytes(session.devAddr, "devAddr", 4);
    return {
        devAddr: ((a << 24) | (b << 16) | (c << 8) | d) >>> 0,
        networkKey: hexField(session, "networkKey", 16),
        applicationKey: hexField(session, "applicationKey", 16),
    };
}
