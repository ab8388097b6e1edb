import { createSocket, type Socket } from "node:dgram";
import { error, type MetersealError } from "@meterseal/core";
import { datagramFamily } from "../listen-address.ts";
import type { MeterSession, MeterSessionEvents } from "../meter-session.ts";
import { type CoapContent, type CoapMessage, classOf } from "./codec.ts";
import { MessageLayer } from "./message-layer.ts";
import type { CoapMeterSettings } from "./meter-options.ts";
import { FORMAT, OPTION, optionOf, textOptions, uintOf, uintOption } from "./options.ts";
import { KEEPALIVE_QUERY, RESOURCE, SESSION_QUERY } from "./paths.ts";
import { Peer } from "./peers.ts";
import { Requester } from "./requester.ts";

/** Silence of the collector, in probes, after which it counts as gone. */
const MISSED_PROBES = 1.5;
/** Half of the numbers of an observation: what is behind by less is older (RFC 7641 section 3.4). */
const OBSERVE_HALF = 2 ** 23;
const LONGEST_WAIT_SECONDS = 60;

/** One session of a meter: a socket of its own, whose port is half of its name at the collector. */
export class CoapMeterSession implements MeterSession {
    readonly #settings: CoapMeterSettings;
    readonly #events: MeterSessionEvents;
    readonly #socket: Socket;
    readonly #layer: MessageLayer;
    readonly #peer: Peer;
    readonly #requester: Requester;
    readonly #pending = new Set<(failure: MetersealError) => void>();
    #silence: NodeJS.Timeout;
    #answers: NodeJS.Timeout | null = null;
    #probe: NodeJS.Timeout | null = null;
    /** Resolves when the request before is in the other side's hands. */
    #turn: Promise<unknown> = Promise.resolve();
    /** Resolves when the notification before was read whole. */
    #reading: Promise<unknown> = Promise.resolve();
    #lastNotification = 0;
    #id = "";
    #ended = false;
    #closed: Promise<void> | null = null;

    constructor(settings: CoapMeterSettings, token: Uint8Array, events: MeterSessionEvents) {
        this.#settings = settings;
        this.#events = events;
        const { host, port } = settings.address;
        this.#socket = createSocket({ type: datagramFamily(host) });
        this.#peer = new Peer(host, port);
        this.#layer = new MessageLayer({
            maxRetransmits: settings.maxRetransmits,
            maxStrangers: 1,
            retransmitMs: settings.retransmitMs,
            send: (datagram) => this.#socket.send(datagram, () => {}),
            onRequest: (incoming) => incoming.respond({ code: "4.05" }),
            onResponse: (_peer, message) => this.#requester.take(message),
            ...(settings.random === undefined ? {} : { random: settings.random }),
        });
        this.#layer.peers.hold(this.#peer);
        this.#requester = new Requester(this.#layer, this.#peer);
        this.#silence = setTimeout(() => this.#fail("no session"), settings.connectTimeoutMs);
        this.#socket.on("error", (cause) => this.#fail(cause.message));
        this.#socket.on("message", (datagram) => this.#layer.receive(datagram, host, port));
        // a connected socket takes datagrams of its peer alone, and hears of a port that is closed
        this.#socket.connect(port, host, (cause?: Error) => {
            if (cause instanceof Error) this.#fail(cause.message);
            else this.#begin(token).catch((failure: unknown) => this.#fail(String(failure)));
        });
    }

    get underWay(): number {
        return this.#pending.size;
    }

    async post(message: Uint8Array): Promise<void> {
        const body = message.slice();
        await new Promise<void>((resolve, reject) => {
            this.#pending.add(reject);
            this.#watchAnswers(false);
            const content = this.#request("0.02", [RESOURCE.messages], FORMAT.messages);
            this.#turn = this.#turn
                .then(() => this.#requester.upload(content, body))
                .then(({ answer }) => {
                    answer.then(
                        (reply) => {
                            if (reply.code !== "2.04") return this.#refused(reply);
                            this.#pending.delete(reject);
                            this.#watchAnswers(true);
                            resolve();
                        },
                        (cause: unknown) => this.#fail(String(cause)),
                    );
                })
                .catch((cause: unknown) => this.#fail(String(cause)));
        });
    }

    end(reason: string): Promise<void> {
        const isGoodbye = this.#id !== "" && !this.#ended;
        if (isGoodbye) {
            const path = [RESOURCE.session, this.#settings.subjectHex];
            const content = this.#request("0.04", path);
            this.#layer.sendOnce(this.#peer, Buffer.alloc(0), content);
        }
        this.#fail(reason);
        return this.#closed ?? Promise.resolve();
    }

    /** Shows the address to be its own, begins the session, and observes the queue. */
    async #begin(token: Uint8Array): Promise<void> {
        const { keepaliveSeconds, subjectHex } = this.#settings;
        const ask: CoapContent = {
            code: "0.02",
            options: [
                ...textOptions(OPTION.path, [RESOURCE.session, subjectHex]),
                uintOption(OPTION.format, FORMAT.signed),
                ...textOptions(OPTION.query, [`${KEEPALIVE_QUERY}=${keepaliveSeconds}`]),
            ],
            payload: token,
        };
        const first = await this.#requester.ask(ask);
        const echo = optionOf(first, OPTION.echo);
        const isAsked = first.code === "4.01" && echo !== null;
        const options = [
            ...(ask.options ?? []),
            { name: OPTION.echo, value: Buffer.from(echo ?? "") },
        ];
        const opened = isAsked ? await this.#requester.ask({ ...ask, options }) : first;
        if (opened.code !== "2.01") return this.#refused(opened);
        this.#id = opened.payload.toString("utf8");
        const queue = this.#request("0.01", [RESOURCE.queue, subjectHex]);
        const observed = await this.#requester.observe(queue, (message) => {
            this.#hear();
            this.#reading = this.#reading
                .then(() => this.#read(message, queue))
                .catch((cause: unknown) => this.#fail(String(cause)));
        });
        if (observed.code !== "2.05" || this.#ended) return this.#refused(observed);
        const keepaliveMs = keepaliveSeconds * 1_000;
        clearTimeout(this.#silence);
        this.#silence = setTimeout(() => this.#fail("silence"), keepaliveMs * MISSED_PROBES);
        this.#probe = setInterval(() => this.#sendProbe(), keepaliveMs / 2);
        this.#events.up();
    }

    /** Reads a notification whole; one that is older than the last is not news. */
    async #read(message: CoapMessage, queue: CoapContent): Promise<void> {
        if (this.#ended) return;
        if (classOf(message.code) !== 2) return this.#refused(message);
        const number = uintOf(message, OPTION.observe) ?? 0;
        const ahead = (number - this.#lastNotification + 2 * OBSERVE_HALF) % (2 * OBSERVE_HALF);
        if (ahead === 0 || ahead >= OBSERVE_HALF) return;
        this.#lastNotification = number;
        const body = await this.#requester.download(message, queue);
        this.#hear();
        if (!this.#ended && body.length > 0) this.#events.message(body);
    }

    #sendProbe(): void {
        const content = this.#request("0.02", [RESOURCE.messages], FORMAT.messages);
        this.#turn = this.#turn
            .then(() => this.#requester.ask(content))
            .then((reply) => (reply.code === "2.04" ? this.#hear() : this.#refused(reply)))
            .catch((cause: unknown) => this.#fail(String(cause)));
    }

    #request(code: string, path: readonly string[], format?: number): CoapContent {
        return {
            code,
            options: [
                ...textOptions(OPTION.path, path),
                ...(format === undefined ? [] : [uintOption(OPTION.format, format)]),
                ...textOptions(OPTION.query, [`${SESSION_QUERY}=${this.#id}`]),
            ],
        };
    }

    #hear(): void {
        this.#silence.refresh();
    }

    /** Drops the session where answers are due and none comes. */
    #watchAnswers(isProgress: boolean): void {
        if (isProgress) this.#hear();
        if (this.#pending.size === 0 || isProgress) {
            if (this.#answers !== null) clearTimeout(this.#answers);
            this.#answers = null;
        }
        if (this.#pending.size === 0) return;
        const { ackTimeoutMs } = this.#settings;
        this.#answers ??= setTimeout(() => this.#fail("no answer"), ackTimeoutMs);
    }

    #refused(reply: CoapMessage): void {
        const isWait = reply.code === "5.03" || reply.code === "4.29";
        const seconds = isWait ? (uintOf(reply, OPTION.maxAge) ?? 0) : 0;
        this.#fail(`answer ${reply.code}`, Math.min(seconds, LONGEST_WAIT_SECONDS) * 1_000);
    }

    #fail(reason: string, waitMs = 0): void {
        if (this.#ended) return;
        this.#ended = true;
        clearTimeout(this.#silence);
        if (this.#answers !== null) clearTimeout(this.#answers);
        if (this.#probe !== null) clearInterval(this.#probe);
        const failure = error("MS_LINK", { got: reason });
        for (const reject of this.#pending) reject(failure);
        this.#pending.clear();
        this.#requester.fail(failure);
        this.#layer.close();
        this.#closed = new Promise((resolve) => this.#socket.close(() => resolve()));
        this.#events.ended(reason, waitMs);
    }
}
