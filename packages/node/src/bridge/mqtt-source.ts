import { error, type Log } from "@meterseal/core";
import { connectAsync } from "mqtt";
import { untilAborted } from "../shutdown.ts";
import type { ByteSource } from "./source.ts";

/** Longest wait for the broker at the start, in milliseconds; later it is called again for ever. */
const CONNECT_MS = 10_000;
const RECONNECT_MS = 5_000;

/**
 * Messages of one topic of a broker in the home, such as `mqtt://127.0.0.1:1883/zigbee2mqtt/meter`. A
 * message that the broker kept from before is passed over: when it was measured is not known.
 * @throws MetersealError MS_USAGE for an address without a topic, or with a pattern or a password.
 */
export function openMqttSource(address: string, log: Log): ByteSource {
    const url = URL.canParse(address) ? new URL(address) : null;
    const topic = decodeURIComponent(url?.pathname.slice(1) ?? "");
    const isPlain = url?.protocol === "mqtt:" && url.username === "" && url.password === "";
    if (url === null || !isPlain || topic === "" || /[#+]/.test(topic)) {
        const expected = "mqtt://HOST:PORT/TOPIC of one device, without a password";
        throw error("MS_USAGE", { expected }); // the address may hold a password
    }
    return {
        isFinite: false,
        async read(onMessage, signal) {
            const client = await connectAsync(`mqtt://${url.host}`, {
                connectTimeout: CONNECT_MS,
                reconnectPeriod: RECONNECT_MS,
            }).catch((cause: unknown) => {
                throw error("MS_LINK", { where: address, todo: "Is the broker running?", cause });
            });
            client.on("error", (cause) =>
                log.warn("the broker does not answer", { reason: cause.message }),
            );
            client.on("message", (_topic, message, { retain }) => {
                if (!retain) void onMessage(new Uint8Array(message));
            });
            await client.subscribeAsync(topic, { qos: 1 });
            await untilAborted(signal);
            await client.endAsync(true);
        },
    };
}
