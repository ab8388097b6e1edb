import { randomBytes } from "node:crypto";
import { connect, createServer, type Socket } from "node:net";
import { bytesEqual, concatBytes, error, toHex, utf8 } from "@meterseal/core";
import { COLLECTOR_NAME, enrolledCredential } from "@meterseal/links/edhoc";
import { createTcpCollectorLink, createTcpMeterLink } from "@meterseal/links/tcp";
import { parseRecord } from "@meterseal/record";
import { testSigner } from "@meterseal/testkit/keys";
import type { SeededRandom } from "@meterseal/testkit/random";
import { messagesOf, pool } from "./corpus.ts";
import { mutateBytes } from "./mutate.ts";
import { LOOPBACK } from "./sockets.ts";
import { bytesOf, type FuzzSession } from "./target.ts";

const SUBJECT = "5a".repeat(16);
/** Time for a conversation with changed frames, in milliseconds; one as it should be takes less. */
const PATIENCE_MS = 150;
/** Frames of a meter: two of its handshake, its token, a message. */
const FRAMES = 4;

const keys = { meter: testSigner("fuzz meter"), collector: testSigner("fuzz collector") };
const credentials = {
    meter: enrolledCredential(SUBJECT, keys.meter.publicKey),
    collector: enrolledCredential(COLLECTOR_NAME, keys.collector.publicKey),
};

/**
 * How a conversation is changed: which frame, and from where to where its bytes give way to others.
 * Keys are agreed anew in each, so that bytes alone would be refused at the first frame for ever.
 */
function draw(random: SeededRandom, payloads: readonly Uint8Array[]): Uint8Array {
    if (random.chance(0.1)) return new Uint8Array(); // as it should be
    const place = Uint8Array.of(random.below(FRAMES), random.below(256), random.below(40));
    const bytes = mutateBytes(random, random.pick(payloads).slice(0, 40), payloads);
    return concatBytes(place, bytes.subarray(0, 40_000));
}

/** A frame of which some bytes give way to others; its length is told as it is then, or as it was. */
function changed(frame: Uint8Array, number: number, input: Uint8Array): Uint8Array {
    const [target, from = 0, count = 0] = input;
    if (target !== number) return frame;
    const at = Math.min(frame.length, Math.floor((from * frame.length) / 256));
    const bytes = Buffer.from(
        concatBytes(frame.subarray(0, at), input.subarray(3), frame.subarray(at + count)),
    );
    if (at >= 4 && count % 2 === 0) bytes.writeUInt32BE(bytes.length - 4);
    return bytes;
}

/** Passes the frames of a connection on to a port, of which one is changed. */
function relay(near: Socket, port: number, input: Uint8Array): void {
    const far = connect({ host: LOOPBACK, port });
    let [held, number]: [Buffer, number] = [Buffer.alloc(0), 0];
    near.on("data", (chunk: Buffer) => {
        held = Buffer.concat([held, chunk]);
        while (held.length >= 4 && held.length >= 4 + held.readUInt32BE()) {
            const end = 4 + held.readUInt32BE();
            far.write(changed(held.subarray(0, end), number++, input));
            held = held.subarray(end);
        }
    });
    far.pipe(near);
    for (const socket of [near, far]) {
        socket.on("error", () => {});
        socket.once("close", () => (socket === near ? far : near).destroy());
    }
}

/** A meter that connects, sends a record and is gone; whether it was acknowledged. */
async function converse(port: number, record: Uint8Array, patienceMs: number): Promise<boolean> {
    const failed = Promise.withResolvers<false>();
    const meter = createTcpMeterLink({
        ...{ url: `tcp://${LOOPBACK}:${port}`, subjectHex: SUBJECT },
        log: { info: () => {}, warn: () => failed.resolve(false) },
        own: { ...credentials.meter, signer: keys.meter },
        find: (id) => (bytesEqual(id, credentials.collector.id) ? credentials.collector : null),
        token: () => Promise.resolve(new Uint8Array(randomBytes(20))),
    });
    const sent = new Promise<boolean>((resolve) => {
        const up = (): void => {
            meter.send(record).then(
                () => resolve(true),
                () => resolve(false),
            );
        };
        void meter.open({ up, down: () => resolve(false), message: () => {} });
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
        timer = setTimeout(() => resolve(false), patienceMs);
    });
    const isTaken = await Promise.race([sent, failed.promise, late]);
    clearTimeout(timer);
    await meter.close();
    return isTaken;
}

/** The collector's TCP side with its handshake, through sockets. */
export async function tcpSession(): Promise<FuzzSession> {
    const link = createTcpCollectorLink({
        ...{ host: LOOPBACK, port: 0, log: { info: () => {}, warn: () => {} } },
        own: { ...credentials.collector, signer: keys.collector },
        find: (id) =>
            toHex(id) === toHex(credentials.meter.id)
                ? { subjectHex: SUBJECT, credential: credentials.meter }
                : null,
    });
    const url = await link.listen({
        authenticate: (_, token) => Promise.resolve(token.length === 20),
        receive: (_, message) =>
            parseRecord(message).ok ? Promise.resolve() : Promise.reject(error("MS_MALFORMED")),
        connected: () => {},
    });
    const port = Number(new URL(url).port);
    const record = messagesOf("record")[0] ?? utf8("");
    const payloads = [...messagesOf("record"), ...pool, new Uint8Array()];
    let input: Uint8Array = new Uint8Array();
    const path = createServer((near) => relay(near, port, input)).listen(0, LOOPBACK);
    await new Promise((resolve) => path.once("listening", resolve));
    const pathPort = (path.address() as { port: number }).port;
    return {
        make: (random) => draw(random, payloads),
        take: async (next) => {
            input = bytesOf(next);
            const patienceMs = input.length === 0 ? 20_000 : PATIENCE_MS;
            const isTaken = await converse(pathPort, record, patienceMs);
            if (input.length === 0 && !isTaken) throw new Error("a good conversation failed");
            return isTaken ? "accepted" : "refused";
        },
        close: async () => {
            path.close();
            try {
                if (!(await converse(port, record, 20_000))) throw new Error("nobody gets in");
            } finally {
                await link.close();
            }
        },
    };
}
