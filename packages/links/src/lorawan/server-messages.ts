import { toBase64 } from "@meterseal/core";
import { parseJson, recordOf } from "./json.ts";
import { frameBytesAt, type LoraUplink } from "./network.ts";

/** Largest message of a network server that is looked at; an uplink heard by many gateways takes 10 kB. */
const MESSAGE_BYTES = 65_536;
const CONTENT_BYTES = 242;

/** An uplink, in which session of the device it counts, and what the server calls the device. */
export type ServerUplink = LoraUplink & { readonly session: string; readonly device: string };

/** A frame that a network server is to send: topic and message. */
export type ServerDownlink = { readonly topic: string; readonly message: string };

type Frame = { readonly port: number; readonly content: Uint8Array };

/** How a network server names topics and says things in JSON. */
export type ServerDialect = {
    /** Topic filter of all uplinks. */
    readonly uplinks: (prefix: string) => string;
    /** Reads an uplink; null for anything else, and for one without content. */
    readonly read: (message: Uint8Array) => ServerUplink | null;
    readonly write: (
        prefix: string,
        to: Pick<ServerUplink, "devEui" | "device">,
        frame: Frame,
    ) => ServerDownlink;
};

/** ChirpStack v4, JSON marshaler: below `application/ID`. */
export const CHIRPSTACK: ServerDialect = {
    uplinks: (prefix) => `${prefix}/device/+/event/up`,
    read(message) {
        const event = message.length > MESSAGE_BYTES ? null : parseJson(message);
        const lora = recordOf(recordOf(recordOf(event?.txInfo)?.modulation)?.lora);
        const devEui = recordOf(event?.deviceInfo)?.devEui;
        return uplinkOf({
            devEui,
            device: devEui,
            session: event?.devAddr,
            port: event?.fPort,
            counter: event?.fCnt ?? 0,
            data: event?.data,
            time: event?.time,
            spreadingFactor: lora?.spreadingFactor,
        });
    },
    write: (prefix, { devEui }, { content, port }) => ({
        topic: `${prefix}/device/${devEui}/command/down`,
        message: JSON.stringify({ devEui, confirmed: false, fPort: port, data: toBase64(content) }),
    }),
};

/** The Things Stack v3: below `v3/APPLICATION@TENANT`. */
export const THINGS_STACK: ServerDialect = {
    uplinks: (prefix) => `${prefix}/devices/+/up`,
    read(message) {
        const event = message.length > MESSAGE_BYTES ? null : parseJson(message);
        const ids = recordOf(event?.end_device_ids);
        const uplink = recordOf(event?.uplink_message);
        const lora = recordOf(recordOf(recordOf(uplink?.settings)?.data_rate)?.lora);
        return uplinkOf({
            devEui: ids?.dev_eui,
            device: ids?.device_id,
            session: ids?.dev_addr,
            port: uplink?.f_port,
            counter: uplink?.f_cnt ?? 0, // what is 0 is left out
            data: uplink?.frm_payload,
            time: uplink?.received_at,
            spreadingFactor: lora?.spreading_factor,
        });
    },
    write: (prefix, { device }, { content, port }) => ({
        topic: `${prefix}/devices/${device}/down/push`,
        message: JSON.stringify({
            downlinks: [
                {
                    ...{ f_port: port, frm_payload: toBase64(content) },
                    ...{ priority: "NORMAL", confirmed: false },
                },
            ],
        }),
    }),
};

function uplinkOf(fields: Readonly<Record<string, unknown>>): ServerUplink | null {
    const { counter, data, port, spreadingFactor, time } = fields;
    const devEui = hexOf(fields.devEui, 16);
    const session = hexOf(fields.session, 8);
    const device = typeof fields.device === "string" ? fields.device : "";
    if (devEui === null || session === null || !/^[a-z0-9-]{1,36}$/i.test(device)) return null;
    if (!isInteger(port, 1, 223) || !isInteger(counter, 0, 0xffff_ffff)) return null;
    const isContent = typeof data === "string" && /^[A-Za-z0-9+/]+={0,2}$/.test(data);
    const content = new Uint8Array(isContent ? Buffer.from(data, "base64") : []);
    if (content.length === 0 || content.length > CONTENT_BYTES) return null;
    const ms = typeof time === "string" ? Date.parse(time) : Number.NaN;
    return {
        ...{ devEui, session, device, port, counter, content },
        receivedUnix: Number.isFinite(ms) ? Math.floor(ms / 1000) : null,
        frameBytes: frameBytesAt(isInteger(spreadingFactor, 7, 12) ? spreadingFactor : 12),
    };
}

function hexOf(value: unknown, digits: number): string | null {
    const text = typeof value === "string" ? value.toLowerCase() : "";
    return text.length === digits && /^[0-9a-f]+$/.test(text) ? text : null;
}

function isInteger(value: unknown, min: number, max: number): value is number {
    return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}
