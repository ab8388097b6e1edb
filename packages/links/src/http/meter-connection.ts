import { Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps, Agent as TlsAgent } from "node:https";
import { error, type MetersealError } from "@meterseal/core";
import type { MeterSession, MeterSessionEvents } from "../meter-session.ts";
import { EventReader } from "./event-reader.ts";
import type { HttpMeterSettings } from "./meter-options.ts";
import {
    KEEPALIVE_HEADER,
    linkPath,
    MESSAGE_TYPE,
    SEQUENCE_HEADER,
    SESSION_SCHEME,
    TOKEN_SCHEME,
} from "./paths.ts";

/** One session of a meter: its stream down, and the requests that carry its messages up. */
export class MeterConnection implements MeterSession {
    readonly #settings: HttpMeterSettings;
    readonly #events: MeterSessionEvents;
    readonly #agent: Agent;
    readonly #requests = new Set<ClientRequest>();
    readonly #pending = new Set<(failure: MetersealError) => void>();
    #silence: NodeJS.Timeout;
    #probe: NodeJS.Timeout | null = null;
    #session = "";
    #sequence = 0;
    #ended = false;

    constructor(settings: HttpMeterSettings, token: Uint8Array, events: MeterSessionEvents) {
        this.#settings = settings;
        this.#events = events;
        const pool = { keepAlive: true, maxSockets: settings.maxConnections + 1 };
        this.#agent = settings.url.startsWith("https:") ? new TlsAgent(pool) : new Agent(pool);
        this.#silence = setTimeout(() => this.end("no session"), settings.connectTimeoutMs);
        const stream = this.#request("GET", "stream", {
            authorization: `${TOKEN_SCHEME} ${Buffer.from(token).toString("base64url")}`,
            [KEEPALIVE_HEADER]: `${settings.keepaliveSeconds}`,
        });
        stream.once("response", (response) => this.#readStream(response));
        stream.end();
    }

    get underWay(): number {
        return this.#pending.size;
    }

    post(message: Uint8Array): Promise<void> {
        return new Promise((resolve, reject) => {
            this.#pending.add(reject);
            const headers = { [SEQUENCE_HEADER]: `${this.#sequence++}` };
            this.#send(Buffer.from(message), headers, () => {
                this.#pending.delete(reject);
                resolve();
            });
        });
    }

    end(reason: string, waitMs = 0): void {
        if (this.#ended) return;
        this.#ended = true;
        clearTimeout(this.#silence);
        if (this.#probe !== null) clearInterval(this.#probe);
        for (const reject of this.#pending) reject(error("MS_LINK", { got: reason }));
        this.#pending.clear();
        for (const request of this.#requests) request.destroy();
        this.#agent.destroy();
        this.#events.ended(reason, waitMs);
    }

    #readStream(response: IncomingMessage): void {
        if (response.statusCode !== 200) {
            this.end(`status ${response.statusCode}`, retryAfterMs(response));
            return;
        }
        const reader = new EventReader(
            (session) => this.#begin(session),
            (message) => this.#events.message(message),
        );
        response.setEncoding("latin1").on("data", (piece: string) => {
            if (this.#ended) return;
            if (this.#session !== "") this.#silence.refresh();
            try {
                reader.push(piece);
            } catch (cause) {
                this.end(String(cause));
            }
        });
    }

    #begin(session: string): void {
        if (this.#session !== "") throw error("MS_MALFORMED", { got: "a second session" });
        this.#session = session;
        const keepaliveMs = this.#settings.keepaliveSeconds * 1_000;
        clearTimeout(this.#silence);
        this.#silence = setTimeout(() => this.end("silence"), keepaliveMs * 1.5);
        this.#probe = setInterval(() => this.#send(Buffer.of(), {}, () => {}), keepaliveMs / 2);
        this.#events.up();
    }

    #send(body: Buffer, headers: Record<string, string>, onTaken: () => void): void {
        const post = this.#request("POST", "messages", {
            ...headers,
            authorization: `${SESSION_SCHEME} ${this.#session}`,
            "content-type": MESSAGE_TYPE,
            "content-length": `${body.length}`,
        });
        post.setTimeout(this.#settings.ackTimeoutMs, () => this.end("no answer"));
        post.once("response", (response) => {
            response.resume();
            if (response.statusCode === 204) {
                if (!this.#ended) onTaken();
                response.once("end", () => this.#requests.delete(post));
            } else this.end(`status ${response.statusCode}`, retryAfterMs(response));
        });
        post.end(body);
    }

    #request(
        method: "GET" | "POST",
        resource: "messages" | "stream",
        headers: Record<string, string>,
    ): ClientRequest {
        const { ca, subjectHex, url } = this.#settings;
        const address = new URL(linkPath(subjectHex, resource), url);
        const options = {
            method,
            headers,
            agent: this.#agent,
            ...(ca === undefined ? {} : { ca }),
        };
        const request =
            address.protocol === "https:"
                ? requestHttps(address, options)
                : requestHttp(address, options);
        this.#requests.add(request);
        request.on("error", (cause) => this.end(cause.message));
        request.once("close", () => {
            // a request whose answer was read has left the set
            if (this.#requests.delete(request)) this.end("connection lost");
        });
        return request;
    }
}

/** Longest wait in seconds that a collector can ask a meter for. */
const LONGEST_WAIT_SECONDS = 60;

/** Wait in milliseconds that `Retry-After` asks for; 0 without one. */
function retryAfterMs(response: IncomingMessage): number {
    const seconds = Number(response.headers["retry-after"] ?? 0);
    return seconds >= 0 ? Math.min(seconds, LONGEST_WAIT_SECONDS) * 1_000 : 0;
}
