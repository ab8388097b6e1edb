import { concatBytes, error, utf8 } from "@meterseal/core";
import { createHttpCollectorLink } from "@meterseal/links/http";
import { parseRecord } from "@meterseal/record";
import type { SeededRandom } from "@meterseal/testkit/random";
import { messagesOf, pool } from "./corpus.ts";
import { mutateBytes } from "./mutate.ts";
import { exchange, judge, LOOPBACK, mutateLine } from "./sockets.ts";
import { bytesOf, type FuzzSession, type FuzzVerdict } from "./target.ts";

const SUBJECT = "5a".repeat(16);
const TOKEN = Buffer.from("a link token").toString("base64url");
/** Stand in an input for the name of the open session and for its next number. */
const SESSION = "S".repeat(43);
const SEQUENCE = "700000000000000";
const PATIENCE_MS = 10;
/** Waits of the collector, short enough that a message out of turn costs little. */
const WAITS = { receiveTimeoutMs: 60, connectTimeoutMs: 1_000 };
const HEADS = [
    `/link/v1/${SUBJECT}/messages`,
    `/link/v1/${SUBJECT}/stream`,
    `/link/v1/${SUBJECT}/messages?x=1`,
    "/link/v1/../messages",
    "application/cbor-seq",
    `Bearer ${SESSION}`,
    `Meterseal ${TOKEN}`,
    "chunked",
    "100-continue",
    "0",
    "1",
    "70000",
    "999999999999999",
];

function postHead(length: number): string {
    return [
        `POST /link/v1/${SUBJECT}/messages HTTP/1.1`,
        "host: 127.0.0.1",
        `authorization: Bearer ${SESSION}`,
        "content-type: application/cbor-seq",
        `content-length: ${length}`,
        `meterseal-sequence: ${SEQUENCE}`,
        "",
        "",
    ].join("\r\n");
}

const STREAM_HEAD = [
    `GET /link/v1/${SUBJECT}/stream HTTP/1.1`,
    "host: 127.0.0.1",
    `authorization: Meterseal ${TOKEN}`,
    "meterseal-keepalive: 30",
    "",
    "",
].join("\r\n");

/** One or two requests on a connection, of which heads, bodies or bytes are changed. */
function draw(random: SeededRandom, payloads: readonly Uint8Array[]): Uint8Array {
    const message = random.pick(payloads);
    const body = random.chance(0.6) ? mutateBytes(random, message, payloads) : message;
    const post = postHead(body.length);
    const head = random.chance(0.1) ? STREAM_HEAD : post;
    const changedHead = random.chance(0.5) ? mutateLine(random, head, HEADS) : head;
    const first = concatBytes(Buffer.from(changedHead, "latin1"), head === post ? body : utf8(""));
    const whole = random.chance(0.2) ? concatBytes(first, utf8(STREAM_HEAD)) : first;
    return random.chance(0.3) ? mutateBytes(random, whole, [whole, utf8(post)]) : whole;
}

/** The stream down that makes a session, held open by a meter. */
class OpenStream {
    readonly id: string;
    readonly #stop: AbortController;
    #open = true;

    private constructor(id: string, stop: AbortController) {
        this.id = id;
        this.#stop = stop;
    }

    static async open(url: string): Promise<OpenStream> {
        const stop = new AbortController();
        const response = await fetch(`${url}/link/v1/${SUBJECT}/stream`, {
            headers: { authorization: `Meterseal ${TOKEN}`, "meterseal-keepalive": "30" },
            signal: stop.signal,
        });
        const reader = response.body?.getReader();
        const first = await reader?.read();
        const id = /^data: (\S+)$/m.exec(Buffer.from(first?.value ?? []).toString())?.[1];
        if (reader === undefined || id === undefined) throw new Error("no session was opened");
        const stream = new OpenStream(id, stop);
        stream.#follow(reader).catch(() => {
            stream.#open = false;
        });
        return stream;
    }

    get isOpen(): boolean {
        return this.#open;
    }

    async #follow(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
        while (!(await reader.read()).done);
        this.#open = false;
    }

    close(): void {
        this.#stop.abort();
    }
}

/** The collector's HTTP side, through sockets: whole sessions, of which requests are changed. */
export async function httpLinkSession(): Promise<FuzzSession> {
    const link = createHttpCollectorLink({
        ...{ host: LOOPBACK, port: 0, ...WAITS },
        log: { info: () => {}, warn: () => {} },
    });
    const url = await link.listen({
        authenticate: (_, token) => Promise.resolve(token.length < 1_000),
        receive: (_, message) =>
            parseRecord(message).ok ? Promise.resolve() : Promise.reject(error("MS_BUSY")),
        connected: () => {},
    });
    const port = Number(new URL(url).port);
    const payloads = [...messagesOf("record"), ...pool, new Uint8Array()];
    let stream = await OpenStream.open(url);
    let next = 0;
    const send = async (input: Uint8Array): Promise<FuzzVerdict> => {
        if (!stream.isOpen) {
            stream = await OpenStream.open(url);
            next = 0;
        }
        const text = Buffer.from(input).toString("latin1");
        const request = text.replaceAll(SESSION, stream.id).replaceAll(SEQUENCE, `${next}`);
        const answer = await exchange(port, Buffer.from(request, "latin1"), PATIENCE_MS);
        const verdict = judge(answer, [503]);
        // Whatever carried the number in force has used it up, answered or not.
        if (request.includes(`meterseal-sequence: ${next}\r\n`)) next++;
        if (/^HTTP\/1\.1 4(?:01|09)/.test(answer)) stream.close();
        return verdict;
    };
    return {
        make: (random) => draw(random, payloads),
        take: (input) => send(bytesOf(input)),
        close: async () => {
            try {
                stream.close();
                stream = await OpenStream.open(url);
                next = 0;
                const [record = new Uint8Array()] = messagesOf("record");
                const whole = concatBytes(utf8(postHead(record.length)), record);
                if ((await send(whole)) !== "accepted") throw new Error("a good message is lost");
            } finally {
                stream.close();
                await link.close();
            }
        },
    };
}
