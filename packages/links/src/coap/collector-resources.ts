import type { Intake } from "../intake.ts";
import { isSubjectHex } from "../meter-options.ts";
import type { WholeBody } from "./block-upload.ts";
import type { CoapContent } from "./codec.ts";
import type { CoapCollectorSettings } from "./collector-options.ts";
import { EchoValues } from "./echo.ts";
import type { Incoming, MessageLayer } from "./message-layer.ts";
import {
    BLOCK_BYTES,
    blockOf,
    blockOption,
    FORMAT,
    hasUnknownCritical,
    OPTION,
    optionOf,
    queryOf,
    textsOf,
    uintOf,
    uintOption,
} from "./options.ts";
import { KEEPALIVE_QUERY, linkFormat, RESOURCE, SESSION_QUERY } from "./paths.ts";
import { refusalOf, waitAnswer } from "./refusal.ts";
import { CoapSession } from "./session.ts";

/** Bytes that an unverified address gets for each of its own, at most. */
const AMPLIFICATION = 3;
/** Bytes of an answer beside its token and payload: header, format, block, marker. */
const ANSWER_OVERHEAD_BYTES = 4 + 2 + 4 + 1;
const SMALLEST_BLOCK_BYTES = 16;

/** The resources that a collector offers over CoAP, and the sessions of the meters that use them. */
export class CollectorResources {
    readonly #settings: CoapCollectorSettings;
    readonly #layer: MessageLayer;
    readonly #intake: Intake;
    readonly #echo = new EchoValues();
    readonly #sessions = new Map<string, CoapSession>();
    readonly #bySubject = new Map<string, CoapSession>();

    constructor(settings: CoapCollectorSettings, layer: MessageLayer, intake: Intake) {
        this.#settings = settings;
        this.#layer = layer;
        this.#intake = intake;
    }

    /** Answers a request, now or later. */
    answer(incoming: Incoming): void {
        const { message } = incoming;
        if (hasUnknownCritical(message)) {
            incoming.respond({ code: "4.02" });
            return;
        }
        const path = textsOf(message, OPTION.path);
        const [first, second] = path;
        if (path.join("/") === ".well-known/core") this.#answerCore(incoming);
        else if (first === RESOURCE.time && path.length === 1) this.#answerTime(incoming);
        else if (first === RESOURCE.messages && path.length === 1) this.#takeMessage(incoming);
        else if (first === RESOURCE.session && path.length === 2) {
            this.#answerSession(incoming, second ?? "");
        } else if (first === RESOURCE.queue && path.length === 2) {
            this.#answerQueue(incoming, second ?? "");
        } else incoming.respond({ code: "4.04" });
    }

    /** Queues a message for a meter; false where it is not connected. */
    deliver(subjectHex: string, message: Uint8Array): boolean {
        return this.#bySubject.get(subjectHex)?.deliver(message) ?? false;
    }

    /** Ends all sessions. */
    endAll(code: string): void {
        for (const session of [...this.#sessions.values()]) session.end(code);
    }

    #answerCore(incoming: Incoming): void {
        if (requireMethod(incoming, "0.01")) {
            const body = Buffer.from(linkFormat(this.#settings.clock !== undefined));
            answerInBlocks(incoming, body);
        }
    }

    #answerTime(incoming: Incoming): void {
        const { clock } = this.#settings;
        if (clock === undefined) incoming.respond({ code: "4.04" });
        else if (requireMethod(incoming, "0.01")) {
            const payload = Buffer.alloc(5, 0x1a); // CBOR: an integer of four bytes
            payload.writeUInt32BE(Math.floor(clock.nowMs() / 1_000), 1);
            const options = [uintOption(OPTION.format, FORMAT.cbor)];
            incoming.respond({ code: "2.05", options, payload });
        }
    }

    #answerSession(incoming: Incoming, subjectHex: string): void {
        const { message } = incoming;
        if (message.code === "0.04") {
            const session = this.#sessionOf(incoming);
            incoming.respond({ code: session === null ? "4.01" : "2.02" });
            session?.end("4.04");
        } else if (requireMethod(incoming, "0.02")) {
            if (!isSubjectHex(subjectHex)) incoming.respond({ code: "4.04" });
            else void this.#openSession(incoming, subjectHex);
        }
    }

    /** Begins a session for an address that was shown to be its sender's; an older one ends. */
    async #openSession(incoming: Incoming, subjectHex: string): Promise<void> {
        const { message, peer } = incoming;
        if (!peer.isVerified && !this.#echo.isFresh(optionOf(message, OPTION.echo), peer)) {
            const options = [{ name: OPTION.echo, value: this.#echo.make(peer) }];
            incoming.respond({ code: "4.01", options });
            return;
        }
        const seconds = Number(queryOf(message, KEEPALIVE_QUERY) ?? Number.NaN);
        if (
            !Number.isInteger(seconds) ||
            seconds < 1 ||
            seconds > this.#settings.maxKeepaliveSeconds
        ) {
            incoming.respond({ code: "4.00" });
            return;
        }
        if (this.#sessions.size >= this.#settings.maxSessions && !this.#bySubject.has(subjectHex)) {
            incoming.respond(waitAnswer("5.03"));
            return;
        }
        const token = new Uint8Array(message.payload);
        if (!(await this.#intake.authenticate(subjectHex, token)) || this.#intake.isClosing) {
            incoming.respond({ code: "4.01" });
            return;
        }
        const { drainTimeoutMs, maxDeliveries, maxQueueBytes, uploadTimeoutMs } = this.#settings;
        const bounds = { drainTimeoutMs, maxDeliveries, maxQueueBytes, uploadTimeoutMs };
        const onEnd = (): void => {
            this.#sessions.delete(session.id);
            if (this.#bySubject.get(subjectHex) === session) this.#bySubject.delete(subjectHex);
        };
        const options = { ...bounds, subjectHex, keepaliveMs: seconds * 1_000, onEnd };
        const session = new CoapSession(options, this.#layer, peer);
        this.#bySubject.get(subjectHex)?.end("4.04");
        this.#sessions.set(session.id, session);
        this.#bySubject.set(subjectHex, session);
        incoming.respond({
            code: "2.01",
            options: [uintOption(OPTION.format, FORMAT.text)],
            payload: Buffer.from(session.id),
        });
    }

    #answerQueue(incoming: Incoming, subjectHex: string): void {
        const session = this.#sessionOf(incoming);
        if (session === null) incoming.respond({ code: "4.01" });
        else if (session.subjectHex !== subjectHex) incoming.respond({ code: "4.03" });
        else if (requireMethod(incoming, "0.01")) {
            const wasListening = session.isListening;
            session.answer(incoming);
            if (session.isListening && !wasListening) this.#intake.connected(subjectHex);
        }
    }

    #takeMessage(incoming: Incoming): void {
        const { message } = incoming;
        const session = this.#sessionOf(incoming);
        if (session === null) {
            incoming.respond({ code: "4.01" });
            return;
        }
        if (!requireMethod(incoming, "0.02")) return;
        if (message.payload.length === 0) {
            incoming.respond({ code: "2.04" }); // a probe
            return;
        }
        const format = uintOf(message, OPTION.format);
        if (format !== FORMAT.messages && format !== FORMAT.signed) {
            incoming.respond({ code: "4.15" });
            return;
        }
        const uploaded = session.upload.take(message);
        if (uploaded.kind === "answer") incoming.respond(uploaded.content);
        else if (uploaded.kind === "under way") incoming.acknowledge();
        else if (session.underWay >= this.#settings.maxSessionRequests) {
            const wait = waitAnswer("4.29");
            uploaded.answered(wait);
            incoming.respond(wait);
        } else void this.#receive(incoming, session, uploaded);
    }

    async #receive(
        incoming: Incoming,
        session: CoapSession,
        { answered, body, last }: WholeBody,
    ): Promise<void> {
        session.underWay++;
        const delay = setTimeout(() => incoming.acknowledge(), this.#settings.ackDelayMs);
        const answer = await this.#intake
            .receive(session.subjectHex, body)
            .then((): CoapContent => ({ code: "2.04" }), refusalOf);
        clearTimeout(delay);
        session.underWay--;
        const content = { ...answer, options: [...(answer.options ?? []), ...last] };
        answered(content);
        incoming.respond(content);
    }

    /** Session that a request names and that began at its address; null without one. */
    #sessionOf({ message, peer }: Incoming): CoapSession | null {
        const session = this.#sessions.get(queryOf(message, SESSION_QUERY) ?? "");
        if (session === undefined || session.peer !== peer) return null;
        session.touch();
        return session;
    }
}

/** Whether a request has a method; one with another is refused. */
function requireMethod(incoming: Incoming, code: string): boolean {
    if (incoming.message.code === code) return true;
    incoming.respond({ code: "4.05" });
    return false;
}

/**
 * Answers with a part of a body, the whole where it fits: to an unverified address in blocks so small
 * that the answer keeps to its share.
 */
function answerInBlocks(incoming: Incoming, body: Buffer): void {
    const { message, peer, size: asked } = incoming;
    const wanted = blockOf(message, OPTION.block2);
    if (wanted === "malformed") {
        incoming.respond({ code: "4.00" });
        return;
    }
    const overhead = ANSWER_OVERHEAD_BYTES + message.token.length;
    const room = peer.isVerified ? BLOCK_BYTES : AMPLIFICATION * asked - overhead;
    let size = wanted?.size ?? BLOCK_BYTES;
    while (size > SMALLEST_BLOCK_BYTES && Math.min(size, body.length) > room) size /= 2;
    const at = (wanted?.number ?? 0) * (wanted?.size ?? size);
    if (at >= body.length || Math.min(size, body.length) > room) {
        incoming.respond({ code: "4.00" });
        return;
    }
    const format = uintOption(OPTION.format, FORMAT.linkFormat);
    const end = at + size;
    const block = { number: at / size, more: end < body.length, size };
    const isWhole = at === 0 && !block.more && wanted === null;
    const options = isWhole ? [format] : [format, blockOption(OPTION.block2, block)];
    incoming.respond({ code: "2.05", options, payload: body.subarray(at, end) });
}
