import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { ERRORS, type ErrorCode, error, hostOf, MetersealError } from "@meterseal/core";
import { reasonOf } from "../files.ts";
import { LOOPBACK_HOSTS } from "../server/listen.ts";
import { EXCHANGE_BODY_BYTES } from "./paths.ts";

/** Silence of a connection after which a request is given up: poor links are slow, not silent. */
const SILENCE_MS = 15_000;
/** Longest time for one request and its answer: a page over a link of some 10 KiB/s. */
const REQUEST_MS = 120_000;

/** A request to another server. */
export type ExchangeRequest = {
    readonly method: "GET" | "POST";
    /** Path and query. */
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: Uint8Array;
};

/** One other server, over connections that are kept. */
export class ExchangeClient {
    readonly #url: URL;
    readonly #agent: PlainAgent | TlsAgent;
    readonly #stop: AbortSignal;

    /**
     * @param ca certificates to trust instead of the well-known ones, PEM; null for those.
     * @throws MetersealError MS_USAGE for an address that is none, or plain text beyond the loopback.
     * @param stop ends requests that are under way.
     */
    constructor(url: string, ca: string | null, stop: AbortSignal) {
        this.#url = exchangeUrl(url);
        this.#stop = stop;
        const options = { keepAlive: true, maxSockets: 4 };
        this.#agent =
            this.#url.protocol === "https:"
                ? new TlsAgent({
                      ...options,
                      ...(ca === null ? {} : { ca }),
                      minVersion: "TLSv1.2",
                  })
                : new PlainAgent(options);
    }

    /**
     * Asks; resolves with the body of the answer.
     * @throws MetersealError MS_LINK where no server answers; what the server said otherwise.
     */
    ask({ body, headers = {}, method, path }: ExchangeRequest): Promise<Uint8Array> {
        const where = this.#url.origin;
        return new Promise((resolve, reject) => {
            const fail = (cause: unknown): void =>
                reject(error("MS_LINK", { where, got: reasonOf(cause), cause }));
            const send = this.#url.protocol === "https:" ? tlsRequest : plainRequest;
            const request = send(new URL(path, this.#url), {
                method,
                agent: this.#agent,
                timeout: SILENCE_MS,
                signal: AbortSignal.any([AbortSignal.timeout(REQUEST_MS), this.#stop]),
                headers: { ...headers, ...(body && { "content-length": body.length }) },
            });
            request.once("timeout", () => request.destroy(new Error("no answer")));
            request.once("error", fail);
            request.once("response", (response) => {
                readAll(response).then((bytes) => {
                    const status = response.statusCode ?? 0;
                    if (status >= 200 && status < 300) resolve(bytes);
                    else reject(problemOf(bytes, status, where));
                }, fail);
            });
            request.end(body);
        });
    }
}

/**
 * Address of another server.
 * @throws MetersealError MS_USAGE
 */
export function exchangeUrl(text: string): URL {
    const url = URL.canParse(text) ? new URL(text) : null;
    const expected = "https://HOST:PORT, or http:// on the loopback";
    if (url === null || !/^https?:$/.test(url.protocol)) {
        throw error("MS_USAGE", { where: "address of a server", expected, got: text });
    }
    if (url.protocol === "http:" && !LOOPBACK_HOSTS.includes(hostOf(url))) {
        throw error("MS_USAGE", { where: "address of a server", expected, got: text });
    }
    return url;
}

async function readAll(response: IncomingMessage): Promise<Uint8Array> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > EXCHANGE_BODY_BYTES) {
            response.destroy();
            throw new Error(`an answer of more than ${EXCHANGE_BODY_BYTES} bytes`);
        }
        chunks.push(chunk);
    }
    return new Uint8Array(Buffer.concat(chunks));
}

/** What a server said of a request that it refused. */
function problemOf(bytes: Uint8Array, status: number, where: string): MetersealError {
    try {
        const { code, detail } = JSON.parse(new TextDecoder().decode(bytes)) as {
            readonly code?: unknown;
            readonly detail?: unknown;
        };
        if (typeof code === "string" && Object.hasOwn(ERRORS, code)) {
            const problem = new MetersealError(code as ErrorCode, { where });
            if (typeof detail === "string") problem.message = detail;
            return problem;
        }
    } catch {
        // No problem of ours: the status says what there is to say.
    }
    return error("MS_LINK", { where, got: `status ${status}` });
}
