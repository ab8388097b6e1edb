import { createSocket, type Socket } from "node:dgram";
import { error, utf8 } from "@meterseal/core";
import { createCoapCollectorLink, createCoapMeterLink } from "@meterseal/links/coap";
import { parseRecord } from "@meterseal/record";
import { CoapClient, type CoapRequest } from "@meterseal/testkit/coap-client";
import type { SeededRandom } from "@meterseal/testkit/random";
import { messagesOf, pool } from "./corpus.ts";
import { mutateBytes } from "./mutate.ts";
import { LOOPBACK } from "./sockets.ts";
import { bytesOf, type FuzzSession } from "./target.ts";

const SUBJECT = "5a".repeat(16);
/** Stands in an input for the name of the open session, of the same length. */
const SESSION = "SSSSSSSSSSS";
const ANSWER_MS = 5_000;
/** Inputs of a session have message IDs of their own: what opens the next one is no repetition. */
const INPUT_IDS = 0x80;
const ID_AT = 2;
const MESSAGES = { name: "Content-Format", value: Uint8Array.of(63) };
const OPTIONS = ["Block1", "Block2", "Observe", "ETag", "Size1", "252", "292", "2049", "Accept"];
const PATHS = [["m"], ["c", SUBJECT], ["s", SUBJECT], ["t"], [".well-known", "core"], [""]];

/** One datagram: a request, of which options or bytes are changed. */
function draw(
    random: SeededRandom,
    encoder: CoapClient,
    payloads: readonly Uint8Array[],
): Uint8Array {
    const payload = random.pick(payloads).subarray(0, 1_100);
    const isMessage = random.chance(0.6);
    const request: CoapRequest = {
        code: isMessage ? "0.02" : random.pick(["0.01", "0.02", "0.03", "0.04", "2.05", "6.00"]),
        id: random.below(65_536),
        confirmable: random.chance(0.8),
        path: isMessage ? ["m"] : random.pick(PATHS),
        query: [`s=${SESSION}`, ...(random.chance(0.1) ? ["k=1"] : [])],
        payload: random.chance(0.6)
            ? mutateBytes(random, payload, payloads).subarray(0, 1_100)
            : payload,
        options: [
            MESSAGES,
            ...(random.chance(0.3)
                ? [{ name: random.pick(OPTIONS), value: random.bytes(random.below(5)) }]
                : []),
        ],
    };
    const datagram = encoder.encode(request);
    return random.chance(0.3) ? mutateBytes(random, datagram, [datagram]) : datagram;
}

/** A meter's port, which waits for the answer to a ping behind each datagram. */
class Prober {
    readonly #socket: Socket = createSocket("udp4");
    readonly #port: number;
    #ping = 0;

    constructor(port: number) {
        this.#port = port;
    }

    /** Sends a datagram and a ping; resolves when the ping was answered. */
    send(datagram: Uint8Array): Promise<void> {
        this.#ping = (this.#ping + 1) % 65_536;
        const ping = Buffer.of(0x40, 0, this.#ping >> 8, this.#ping & 0xff);
        return new Promise((resolve, reject) => {
            const late = setTimeout(() => reject(new Error("a ping is not answered")), ANSWER_MS);
            const hear = (answer: Buffer): void => {
                const isOurs = answer.length === 4 && answer.readUInt16BE(2) === this.#ping;
                if (!isOurs || answer[0] !== 0x70) return;
                clearTimeout(late);
                this.#socket.off("message", hear);
                resolve();
            };
            this.#socket.on("message", hear);
            this.#socket.send(datagram, this.#port, LOOPBACK);
            this.#socket.send(ping, this.#port, LOOPBACK);
        });
    }

    close(): void {
        this.#socket.close();
    }
}

/** The collector's CoAP side, through a socket: requests with and without a session. */
export async function coapSession(): Promise<FuzzSession> {
    const log = { info: () => {}, warn: () => {} };
    const link = createCoapCollectorLink({ host: LOOPBACK, port: 0, log, retransmitMs: 50 });
    let taken = 0;
    const url = await link.listen({
        authenticate: () => Promise.resolve(true),
        receive: (_, message) => {
            if (!parseRecord(message).ok) return Promise.reject(error("MS_BUSY"));
            taken++;
            return Promise.resolve();
        },
        connected: (subject) => void link.deliver(subject, new Uint8Array(3_000)),
    });
    const port = Number(new URL(url).port);
    const prober = new Prober(port);
    const encoder = new CoapClient(port);
    const payloads = [...messagesOf("record"), ...pool, new Uint8Array()];
    const meter = new CoapClient(port);
    let session = "";
    return {
        make: (random) => draw(random, encoder, payloads),
        take: async (input) => {
            const before = taken;
            const bytes = Buffer.from(bytesOf(input));
            const at = bytes.indexOf(SESSION);
            if (at === -1 || bytes.length % 2 === 0) await prober.send(bytes);
            else {
                // in a session of its own, so that its end costs the next input nothing
                const isOver = session === "" || bytes.length % 16 === 1;
                if (isOver) session = await meter.open(SUBJECT, utf8("token"));
                meter.input.splice(0);
                bytes.write(session, at);
                bytes.writeUInt8(bytes.readUInt8(ID_AT) | INPUT_IDS, ID_AT);
                meter.send(bytes);
                await prober.send(Buffer.of(0x40));
            }
            return taken > before ? "accepted" : "refused";
        },
        close: async () => {
            const [record = new Uint8Array()] = messagesOf("record");
            try {
                await sendOne(url, record);
            } finally {
                for (const each of [encoder, meter, prober]) each.close();
                await link.close();
            }
        },
    };
}

/** A meter as it is gets its message through. */
async function sendOne(url: string, message: Uint8Array): Promise<void> {
    const token = () => Promise.resolve(utf8("token"));
    const meter = createCoapMeterLink({ url, subjectHex: SUBJECT, token });
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
