import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ERRORS, error, utf8 } from "@meterseal/core";
import { createMqttCollectorLink, createMqttMeterLink } from "@meterseal/links/mqtt";
import { parseRecord, STREAM_MODE } from "@meterseal/record";
import {
    connectPacket,
    packet,
    publishPacket,
    subscribePacket,
} from "@meterseal/testkit/mqtt-packets";
import type { SeededRandom } from "@meterseal/testkit/random";
import { REPLAY_START_MS } from "../../packages/node/src/fleet/replay.ts";
import { ServerProcess } from "../../packages/node/src/fleet/server-process.ts";
import { messagesOf, pool } from "./corpus.ts";
import { mutateBytes, mutateText } from "./mutate.ts";
import { bytesOf, type FuzzSession, type FuzzTarget, type FuzzVerdict, textOf } from "./target.ts";

const LOOPBACK = "127.0.0.1";
/** A server that keeps a finished connection open for longer hangs. */
const ANSWER_MS = 20_000;
const SUBJECT = "5a".repeat(16);

/** Sends bytes and says that no more come; resolves with all that came back until the end. */
function exchange(port: number, bytes: Uint8Array | string): Promise<string> {
    return new Promise((resolve, reject) => {
        const chunks: Buffer[] = [];
        const socket = connect({ host: LOOPBACK, port, allowHalfOpen: true });
        const timer = setTimeout(() => {
            socket.destroy();
            reject(new Error("the connection is neither answered nor ended"));
        }, ANSWER_MS);
        socket.on("data", (chunk: Buffer) => void chunks.push(chunk));
        socket.on("error", () => {}); // a reset is an answer too
        socket.on("end", () => socket.destroy());
        socket.on("close", () => {
            clearTimeout(timer);
            resolve(Buffer.concat(chunks).toString("latin1"));
        });
        socket.end(bytes);
    });
}

const PATHS = [
    "/",
    "/api/v1/network",
    "/api/v1/meters",
    `/api/v1/meters/${SUBJECT}/evidence`,
    `/api/v1/meters/${SUBJECT}/last-record`,
    "/api/v1/meters/../../etc/passwd",
    "/index.html",
];

function requests(): string[] {
    return PATHS.flatMap((path) =>
        ["GET", "HEAD", "POST", "OPTIONS"].map((method) => {
            const body = method === "POST" ? "{}" : "";
            return [
                `${method} ${path} HTTP/1.1`,
                "Host: localhost",
                "Accept: */*",
                ...(body === ""
                    ? []
                    : ["Content-Type: application/json", `Content-Length: ${body.length}`]),
                "Connection: close",
                "",
                body,
            ].join("\r\n");
        }),
    );
}

/** A request of which one line is changed and stays a line. */
function mutateLine(random: SeededRandom, text: string): string {
    const lines = text.split("\r\n");
    const at = random.below(3);
    const words = (lines[at] ?? "").split(" ");
    const word = random.below(words.length);
    words[word] = mutateText(random, words[word] ?? "", PATHS).replaceAll(/[\r\n ]/g, "/");
    lines[at] = words.join(" ");
    return lines.join("\r\n");
}

/** Answers must be ours: never a failure of the server, and every refusal names its code. */
function judge(answer: string): FuzzVerdict {
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
    if (status >= 500) throw new Error(`status ${status}: ${answer.slice(0, 600)}`);
    if (status >= 400 && answer.includes("\r\n\r\n{")) {
        const code = /"code":\s*"(MS_[A-Z_]+)"/.exec(answer)?.[1] ?? "none";
        if (!Object.hasOwn(ERRORS, code)) {
            throw new Error(`status ${status} without a code: ${answer.slice(0, 600)}`);
        }
    }
    return status >= 200 && status < 400 ? "accepted" : "refused";
}

async function httpSession(): Promise<FuzzSession> {
    const dataDir = mkdtempSync(join(tmpdir(), "meterseal-fuzz-"));
    const server = await ServerProcess.start({
        dataDir,
        httpPort: 0,
        mqttPort: 0,
        nowMs: REPLAY_START_MS,
        clockLabel: "fuzz",
        mode: STREAM_MODE.sealed,
    });
    const port = Number(new URL(server.info.httpUrl).port);
    const texts = requests();
    return {
        make: (random) => {
            const text = random.pick(texts);
            return random.chance(0.5) ? mutateText(random, text, texts) : mutateLine(random, text);
        },
        take: async (input) => judge(await exchange(port, textOf(input))),
        close: async () => {
            try {
                const answer = await fetch(`${server.info.httpUrl}/api/v1/network`);
                if (!answer.ok) throw new Error(`the server answers ${answer.status} at the end`);
            } finally {
                await server.stop();
                rmSync(dataDir, { recursive: true, force: true });
            }
        },
    };
}

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

async function mqttSession(): Promise<FuzzSession> {
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

/** Doors of a running server, through real sockets: few inputs, because each is a connection. */
export const SERVER_DOORS: readonly FuzzTarget[] = [
    { name: "HTTP", share: 10_000, open: httpSession },
    { name: "MQTT", share: 10_000, open: mqttSession },
];
