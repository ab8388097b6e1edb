import { createSocket } from "node:dgram";
import { connect, type Socket } from "node:net";
import { connectPacket } from "@meterseal/testkit/mqtt-packets";

/** What somebody without a key does to a listener. */
export const RAW_ATTACKS = ["slow", "half", "huge"] as const;
/** One of {@link RAW_ATTACKS}. */
export type RawAttack = (typeof RAW_ATTACKS)[number];

/** What a stranger says at a listener. */
type Door = {
    /** The beginning of a conversation, which never ends. */
    readonly greeting: Buffer;
    /** A beginning that announces far too much, and some of it. */
    readonly huge: Buffer;
};

const SUBJECT = "ab".repeat(16);
const FILLING = Buffer.alloc(65_536, "x");
const httpHead = (rest: string): Buffer =>
    Buffer.from(`POST /link/v1/${SUBJECT} HTTP/1.1\r\nHost: 127.0.0.1\r\n${rest}`);
const http: Door = {
    greeting: httpHead(`X: ${"x".repeat(500)}`),
    huge: Buffer.concat([httpHead("Content-Length: 999999999999\r\n\r\n"), FILLING]),
};

/** By the names of links. */
const DOORS: Readonly<Record<string, Door>> = {
    "MQTT, embedded": {
        greeting: Buffer.from(connectPacket({ clientId: SUBJECT })),
        huge: Buffer.concat([Buffer.of(0x30, 0xff, 0xff, 0xff, 0x7f), FILLING]),
    },
    HTTP: http,
    WebSocket: http,
    "TCP with EDHOC": {
        greeting: Buffer.concat([Buffer.of(0, 0, 2, 0), FILLING.subarray(0, 511)]),
        huge: Buffer.concat([Buffer.alloc(4, 0xff), FILLING]),
    },
    "AMQP 1.0, embedded": {
        greeting: Buffer.from(`414d51500301000000000100020100${"00".repeat(240)}`, "hex"),
        huge: Buffer.concat([Buffer.from("414d5150030100007fffffff0201", "hex"), FILLING]),
    },
};

/** Names of the links whose listeners are flooded. */
export const FLOODED: readonly string[] = [...Object.keys(DOORS), "CoAP"];

/** Connections of one flood, and the time from one byte of a slow one to the next. */
const CONNECTIONS = 200;
const DRIP_MS = 100;
/** Pause before a connection is made again, so that the kernel is not what is measured. */
const AGAIN_MS = 100;

/** A flood of strangers; `stop` ends it and says how many conversations were begun. */
export type Flood = { readonly stop: () => Promise<number> };

/** Floods a listener of connections. */
export function floodDoor(link: string, port: number, attack: RawAttack): Flood {
    if (link === "CoAP") return floodDatagrams(port, attack);
    const door = DOORS[link];
    if (door === undefined) throw new Error(`no door of ${link}`);
    let [begun, isOver] = [0, false];
    const sockets = new Set<Socket>();
    const begin = (): void => {
        if (isOver) return;
        begun++;
        const socket = connect({ host: "127.0.0.1", port });
        sockets.add(socket);
        let drip: NodeJS.Timeout | undefined;
        socket.once("connect", () => {
            if (attack === "huge") socket.write(door.huge);
            else if (attack === "half")
                socket.write(door.greeting.subarray(0, door.greeting.length / 2));
            else {
                let at = 0;
                drip = setInterval(() => socket.write(door.greeting.subarray(at, ++at)), DRIP_MS);
            }
        });
        socket.resume().on("error", () => {});
        socket.once("close", () => {
            clearInterval(drip);
            sockets.delete(socket);
            setTimeout(begin, AGAIN_MS);
        });
    };
    for (let i = 0; i < CONNECTIONS; i++) begin();
    return {
        async stop() {
            isOver = true;
            for (const socket of sockets) socket.destroy();
            return await Promise.resolve(begun);
        },
    };
}

/** Requests of CoAP from many ports: parts of a body that never comes, or of one far too large. */
function floodDatagrams(port: number, attack: RawAttack): Flood {
    const sockets = Array.from({ length: CONNECTIONS }, () => createSocket("udp4"));
    let begun = 0;
    const turn = setInterval(() => {
        for (const socket of sockets) {
            begun++;
            socket.send(datagram(begun & 0xffff, attack), port, "127.0.0.1");
        }
    }, DRIP_MS);
    for (const socket of sockets) socket.on("error", () => {});
    return {
        async stop() {
            clearInterval(turn);
            for (const socket of sockets) socket.close();
            return await Promise.resolve(begun);
        },
    };
}

/** `POST /m?s=x` with the first of many blocks (RFC 7959); a huge one names its size. */
function datagram(id: number, attack: RawAttack): Buffer {
    const head = Buffer.of(0x40, 0x02, id >> 8, id & 0xff);
    const options = Buffer.concat([Buffer.from("b16d43733d78", "hex"), Buffer.from("c10e", "hex")]);
    const size = attack === "huge" ? Buffer.from("d4147fffffff", "hex") : Buffer.alloc(0);
    const body = FILLING.subarray(0, attack === "slow" ? 16 : 1_024);
    return Buffer.concat([head, options, size, Buffer.of(0xff), body]);
}
