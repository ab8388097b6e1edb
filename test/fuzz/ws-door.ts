import { randomBytes } from "node:crypto";
import { concatBytes, error, utf8 } from "@meterseal/core";
import { createHttpCollectorLink } from "@meterseal/links/http";
import { createWsMeterLink } from "@meterseal/links/ws";
import { parseRecord } from "@meterseal/record";
import type { SeededRandom } from "@meterseal/testkit/random";
import { messagesOf, pool } from "./corpus.ts";
import { mutateBytes } from "./mutate.ts";
import { exchange, judge, LOOPBACK, mutateLine } from "./sockets.ts";
import { bytesOf, type FuzzSession } from "./target.ts";

const SUBJECT = "5a".repeat(16);
const TOKEN = Buffer.from("a link token").toString("base64url");
/** Time that a connection stays open for its frames to be read, in milliseconds. */
const PATIENCE_MS = 5;
const WORDS = ["meterseal.v1", "14", "Meterseal AAAA", `/link/v1/${SUBJECT}/stream`, "h2c", "0"];

const HEAD = [
    `GET /link/v1/${SUBJECT}/socket HTTP/1.1`,
    "host: 127.0.0.1",
    "upgrade: websocket",
    "connection: upgrade",
    "sec-websocket-version: 13",
    "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
    "sec-websocket-protocol: meterseal.v1",
    `authorization: Meterseal ${TOKEN}`,
    "meterseal-keepalive: 30",
    "",
    "",
].join("\r\n");

/** A frame of a client (RFC 6455 section 5.2), masked with zeros, which leaves its payload readable. */
function frame(opcode: number, payload: Uint8Array): Uint8Array {
    const head = Buffer.alloc(8);
    head[0] = 0x80 | opcode;
    head[1] = 0x80 | 126;
    head.writeUInt16BE(payload.length % 65_536, 2);
    return concatBytes(head, payload);
}

/** An upgrade and some frames behind it, of which some are changed. */
function draw(random: SeededRandom, payloads: readonly Uint8Array[]): Uint8Array {
    const head = random.chance(0.2) ? mutateLine(random, HEAD, WORDS) : HEAD;
    const frames = Array.from({ length: 1 + random.below(4) }, () => {
        const opcode = random.chance(0.7) ? 2 : random.below(16);
        const whole = frame(opcode, random.pick(payloads));
        return random.chance(0.4) ? mutateBytes(random, whole, payloads) : whole;
    });
    return concatBytes(Buffer.from(head, "latin1"), ...frames);
}

/** The collector's WebSocket side, through sockets. */
export async function wsSession(): Promise<FuzzSession> {
    const link = createHttpCollectorLink({
        ...{ host: LOOPBACK, port: 0 },
        log: { info: () => {}, warn: () => {} },
    });
    let taken = 0;
    const url = await link.listen({
        authenticate: (_, token) => Promise.resolve(token.length < 1_000),
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
        make: (random) => draw(random, payloads),
        take: async (input) => {
            const before = taken;
            judge(await exchange(port, bytesOf(input), PATIENCE_MS), [503]);
            return taken > before ? "accepted" : "refused";
        },
        close: async () => {
            const token = () => Promise.resolve(randomBytes(20));
            const socketUrl = url.replace("http:", "ws:");
            const meter = createWsMeterLink({ url: socketUrl, subjectHex: SUBJECT, token });
            try {
                await new Promise<void>((resolve, reject) => {
                    meter.open({ up: resolve, down: () => {}, message: () => {} }).catch(reject);
                });
                await meter.send(messagesOf("record")[0] ?? utf8(""));
            } finally {
                await meter.close();
                await link.close();
            }
        },
    };
}
