import { connect } from "node:net";
import { setTimeout } from "node:timers/promises";
import { concatBytes, error, utf8 } from "@meterseal/core";
import { createAmqp10Listener, createAmqp10MeterLink } from "@meterseal/links/amqp10";
import { parseRecord } from "@meterseal/record";
import type { SeededRandom } from "@meterseal/testkit/random";
import { messagesOf, pool } from "./corpus.ts";
import { mutateBytes } from "./mutate.ts";
import { LOOPBACK } from "./sockets.ts";
import { bytesOf, type FuzzSession } from "./target.ts";

const SUBJECT = "5a".repeat(16);
const TENANT = "local";
/** Time that a frame has to be read, in milliseconds. */
const PATIENCE_MS = 5;
const EXCHANGE = "/exchange/amq.topic";

/** A value of AMQP's types (AMQP 1.0 section 1.6), as far as a meter's frames have them. */
function text(value: string): Buffer {
    return Buffer.concat([Buffer.of(0xa1, value.length), Buffer.from(value)]);
}

function list(...fields: readonly Buffer[]): Buffer {
    const body = Buffer.concat(fields);
    const head = Buffer.alloc(9, 0xd0);
    head.writeUInt32BE(body.length + 4, 1);
    head.writeUInt32BE(fields.length, 5);
    return Buffer.concat([head, body]);
}

const NONE = Buffer.of(0x40);
const [FALSE, TRUE, ZERO] = [Buffer.of(0x42), Buffer.of(0x41), Buffer.of(0x43)];
const HUNDRED = Buffer.of(0x52, 100);
/** Handle of the link on which a meter sends; 0 is the one on which it hears. */
const UP = Buffer.of(0x52, 1);
/** Bytes in front of a conversation: the length of its last frame, and the name of its session. */
const [SIZE_BYTES, HEAD_BYTES] = [2, 10];
/** By which the collector says that a session stands. */
const OPENED = 2;
/** First bytes of its word that a transfer came. */
const DISPOSITION = Buffer.of(0x00, 0x53, 0x15);
/** First bytes of its word on who somebody is, which the protocol itself waits for. */
const OUTCOME = Buffer.of(0x00, 0x53, 0x44);
const PROTOCOL = Buffer.from("AMQP\0\x01\0\0", "latin1");

function described(code: number, ...fields: readonly Buffer[]): Buffer {
    return Buffer.concat([Buffer.of(0x00, 0x53, code), list(...fields)]);
}

/** A frame of AMQP itself, or of its layer for who somebody is (type 1). */
function frame(body: Uint8Array, type = 0): Buffer {
    const head = Buffer.from("0000000002000000", "hex");
    head[5] = type;
    head.writeUInt32BE(8 + body.length);
    return Buffer.concat([head, body]);
}

/** A frame of our own in a transfer. */
function transfer(number: number, payload: Uint8Array): Buffer {
    const id = Buffer.of(0x52, number);
    const tag = Buffer.of(0xa0, 1, number);
    const performative = described(0x14, UP, id, tag, ZERO, FALSE);
    const subject = described(0x73, NONE, NONE, NONE, text(`${TENANT}.up.${SUBJECT}`));
    const head = Buffer.alloc(8);
    head.write("005375b0", 0, "hex");
    head.writeUInt32BE(payload.length, 4);
    return frame(Buffer.concat([performative, subject, head, payload]));
}

const OPENING: readonly Buffer[] = [
    Buffer.from("AMQP\x03\x01\0\0", "latin1"),
    frame(described(0x41, Buffer.from("a309414e4f4e594d4f5553", "hex")), 1),
    PROTOCOL,
    frame(described(0x10, text("meter"))),
    frame(described(0x11, NONE, ZERO, HUNDRED, HUNDRED)),
    frame(
        described(
            ...([0x12, text("down"), ZERO, TRUE, NONE, NONE] as const),
            described(0x28, text(`${EXCHANGE}/${TENANT}.dn.${SUBJECT}`)),
        ),
    ),
    frame(
        described(
            ...([0x12, text("up"), UP, FALSE, NONE, NONE] as const),
            ...[described(0x28), described(0x29, text(EXCHANGE))],
            ...[NONE, NONE, ZERO],
        ),
    ),
    // credit for what the collector says: it opens a session by a message
    frame(described(0x13, ZERO, HUNDRED, ZERO, HUNDRED, ZERO, ZERO, HUNDRED)),
];

/** A conversation of a meter, of which some frames are changed. */
function draw(random: SeededRandom, payloads: readonly Uint8Array[]): Uint8Array {
    const session = Buffer.from(random.bytes(8)).toString("hex");
    const open = Buffer.concat([Buffer.from(`01${session}0002`, "hex"), utf8("token")]);
    const message = random.pick(payloads).subarray(0, 8_000);
    const up = Buffer.concat([Buffer.from(`03${session}00000000`, "hex"), message]);
    const ours = [open, up].map((each) =>
        random.chance(0.3) ? mutateBytes(random, each, payloads).subarray(0, 8_000) : each,
    );
    const frames = [...OPENING, ...ours.map((each, i) => transfer(i, each))];
    const rate = random.pick([0, 0.1, 0.4]);
    const changed = frames.map((each) =>
        random.chance(rate) ? mutateBytes(random, each, frames) : each,
    );
    const sent = random.chance(0.1) ? random.shuffle(changed) : changed;
    const last = sent.at(-1) ?? NONE;
    const size = Buffer.alloc(SIZE_BYTES);
    size.writeUInt16BE(last.length % 65_536);
    return concatBytes(size, Buffer.from(session, "hex"), ...sent);
}

/** Sends a conversation in its three parts, each when the one before is answered; resolves at the end. */
async function converse(port: number, input: Uint8Array): Promise<void> {
    const bytes = Buffer.from(input);
    const split = Math.max(HEAD_BYTES, bytes.length - bytes.readUInt16BE(0));
    const socket = connect({ host: LOOPBACK, port });
    socket.on("error", () => {}); // a reset is an answer too
    const gone = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    let heard = Buffer.alloc(0);
    let wake = (): void => {};
    socket.on("data", (chunk) => {
        heard = Buffer.concat([heard, chunk as Buffer]);
        wake();
    });
    const says = (word: Uint8Array): Promise<unknown> => {
        const said = new Promise<void>((resolve) => {
            wake = () => heard.includes(word) && resolve();
            wake();
        });
        return Promise.race([said, gone, setTimeout(4 * PATIENCE_MS)]);
    };
    const begin = Math.min(split, Math.max(HEAD_BYTES, bytes.indexOf(PROTOCOL)));
    socket.write(bytes.subarray(HEAD_BYTES, begin));
    await says(OUTCOME);
    if (socket.writable) socket.write(bytes.subarray(begin, split));
    await says(Buffer.of(OPENED, ...bytes.subarray(SIZE_BYTES, HEAD_BYTES)));
    heard = Buffer.alloc(0);
    if (socket.writable) socket.write(bytes.subarray(split));
    await says(DISPOSITION);
    socket.destroy();
    await gone;
}

/** The collector's AMQP side, through sockets. */
export async function amqpSession(): Promise<FuzzSession> {
    const log = { info: () => {}, warn: () => {} };
    const link = createAmqp10Listener({ host: LOOPBACK, port: 0, tenant: TENANT, log });
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
        make: (random) => draw(random, payloads),
        take: async (input) => {
            const before = taken;
            await converse(port, bytesOf(input));
            return taken > before ? "accepted" : "refused";
        },
        close: async () => {
            const token = () => Promise.resolve(utf8("token"));
            const meter = createAmqp10MeterLink({
                url,
                tenant: TENANT,
                subjectHex: SUBJECT,
                token,
            });
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
