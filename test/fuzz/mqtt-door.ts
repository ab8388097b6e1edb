import { error, utf8 } from "@meterseal/core";
import { createMqttCollectorLink, createMqttMeterLink } from "@meterseal/links/mqtt";
import { parseRecord } from "@meterseal/record";
import {
    connectPacket,
    packet,
    publishPacket,
    subscribePacket,
} from "@meterseal/testkit/mqtt-packets";
import type { SeededRandom } from "@meterseal/testkit/random";
import { messagesOf, pool } from "./corpus.ts";
import { mutateBytes } from "./mutate.ts";
import { exchange, LOOPBACK } from "./sockets.ts";
import { bytesOf, type FuzzSession } from "./target.ts";

const SUBJECT = "5a".repeat(16);
const UP = `ms/1/local/${SUBJECT}/up/usage`;

/** A conversation of a meter, whole packets, of which some are changed. */
function conversation(random: SeededRandom, payloads: readonly Uint8Array[]): Uint8Array {
    const payload = random.pick(payloads);
    const packets: Uint8Array[] = [
        connectPacket({ clientId: SUBJECT, keepalive: random.pick([0, 1, 30, 65_535]) }),
        subscribePacket(`ms/1/local/${SUBJECT}/rcpt`),
        publishPacket(
            random.chance(0.8) ? UP : random.pick(["", "#", "$SYS/x", `${UP}/x`]),
            payload,
            {
                id: random.below(65_536),
                qos: random.chance(0.8) ? 1 : random.below(4),
                retain: random.chance(0.1),
            },
        ),
        packet(0xc0),
        packet(random.pick([0xe0, 0x62, 0x40, 0x50, 0xa2, 0xf0]), random.bytes(random.below(6))),
    ];
    const changed = packets.map((each) =>
        random.chance(0.3) ? mutateBytes(random, each, packets) : each,
    );
    if (random.chance(0.2)) return Buffer.concat(random.shuffle(changed));
    return Buffer.concat(changed);
}

/** The collector's MQTT side, through sockets. */
export async function mqttSession(): Promise<FuzzSession> {
    const link = createMqttCollectorLink({
        host: LOOPBACK,
        port: 0,
        tenant: "local",
        log: { info: () => {}, warn: () => {} },
    });
    let taken = 0;
    const url = await link.listen({
        authenticate: () => Promise.resolve(true),
        receive: (_, message) => {
            if (!parseRecord(message).ok) return Promise.reject(error("MS_BUSY"));
            taken++;
            return Promise.resolve();
        },
        connected: () => {},
    });
    const port = Number(new URL(url).port);
    const payloads = [...messagesOf("record"), ...pool, new Uint8Array()];
    return {
        make: (random) => conversation(random, payloads),
        take: async (input) => {
            const before = taken;
            await exchange(port, bytesOf(input));
            return taken > before ? "accepted" : "refused";
        },
        close: async () => {
            try {
                await sendOne(url, messagesOf("record")[0] ?? new Uint8Array());
            } finally {
                await link.close();
            }
        },
    };
}

/** A meter as it is gets its message through. */
async function sendOne(url: string, message: Uint8Array): Promise<void> {
    const meter = createMqttMeterLink({
        url,
        subjectHex: SUBJECT,
        tenant: "local",
        token: () => Promise.resolve(utf8("token")),
        log: { info: () => {}, warn: () => {} },
    });
    const up = new Promise<void>((resolve) => {
        meter.open({ up: () => resolve(), down: () => {}, message: () => {} }).catch(() => {});
    });
    try {
        await up;
        await meter.send(message);
    } finally {
        await meter.close();
    }
}
