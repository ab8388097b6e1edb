import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import { type Clock, hostOf, LIMITS, MetersealError } from "@meterseal/core";
import { freeBytesOf } from "@meterseal/stores";
import type { ServerStore } from "@meterseal/stores/sqlite";
import type { FastifyInstance } from "fastify";
import { reasonOf } from "../files.ts";
import type { ServerEngine } from "./engine.ts";
import { type Facts, readingAge } from "./facts.ts";
import type { ServerMetrics } from "./metrics.ts";

/** Empty confirmable message, which every endpoint of CoAP answers with a reset. */
const COAP_PING = Buffer.of(0x40, 0, 0, 1);

/** What the answers about a server's health are made from. */
export type HealthSources = {
    readonly store: Pick<ServerStore, "probe">;
    /** Directory of the store. */
    readonly directory: string;
    readonly engine: Pick<ServerEngine, "head" | "failure">;
    readonly facts: Pick<Facts, "meters">;
    readonly clock: Clock;
    /** Addresses that must accept connections, such as `mqtt://127.0.0.1:1883`. */
    readonly links: readonly string[];
    readonly metrics: Pick<ServerMetrics, "render">;
};

/** Whether a server can do its work now. */
export type Readiness = {
    readonly ready: boolean;
    /** Why not; empty when it is ready. */
    readonly reasons: readonly string[];
    /** Age of the newest reading in the log; null where there is none. */
    readonly readingAgeSeconds: number | null;
    readonly logSize: number;
};

const LINK_TIMEOUT_MS = 1_000;
/** Answers are kept this long, so that asking often costs nothing. */
const KEPT_MS = 1_000;
const MIB = 1024 * 1024;

/** Finds out whether a server can take and keep records. */
export class Health {
    readonly metrics: Pick<ServerMetrics, "render">;
    readonly #sources: HealthSources;
    #answer: Promise<Readiness> | null = null;
    #askedMs = Number.NEGATIVE_INFINITY;

    constructor(sources: HealthSources) {
        this.#sources = sources;
        this.metrics = sources.metrics;
    }

    /** The state of now, or of at most a second ago. */
    readiness(): Promise<Readiness> {
        const nowMs = performance.now();
        if (this.#answer === null || nowMs - this.#askedMs > KEPT_MS) {
            this.#askedMs = nowMs;
            this.#answer = this.#look();
        }
        return this.#answer;
    }

    async #look(): Promise<Readiness> {
        const { clock, engine, facts, links } = this.#sources;
        const found = await Promise.all([
            this.#storeReason(),
            this.#spaceReason(),
            this.#engineReason(),
            ...links.map(linkReason),
        ]);
        const reasons = found.filter((reason) => reason !== null);
        const { newest } = readingAge(facts, clock.nowMs());
        return {
            ready: reasons.length === 0,
            reasons,
            readingAgeSeconds: Number.isNaN(newest) ? null : newest,
            logSize: engine.head().size,
        };
    }

    async #storeReason(): Promise<string | null> {
        try {
            await this.#sources.store.probe();
            return null;
        } catch (cause) {
            // Without its place: a path says more about the machine than a monitor needs.
            const why = cause instanceof MetersealError ? cause.code : reasonOf(cause);
            return `the store cannot be written: ${why}`;
        }
    }

    /** An engine that failed stays so until the next start, whatever the disk says meanwhile. */
    #engineReason(): string | null {
        const { failure = null } = this.#sources.engine;
        return failure && `the ledger takes nothing more until a restart: ${failure.code}`;
    }

    #spaceReason(): string | null {
        const free = freeBytesOf(this.#sources.directory);
        if (free >= LIMITS.freeDiskBytes) return null;
        const needed = LIMITS.freeDiskBytes / MIB;
        return `the disk has ${Math.floor(free / MIB)} MiB left, fewer than ${needed}`;
    }
}

/** Null when an address accepts connections. */
function linkReason(address: string): Promise<string | null> {
    const url = new URL(address);
    const [host, port] = [hostOf(url), Number(url.port)];
    const link = `the ${url.protocol.slice(0, -1)} link`;
    if (url.protocol === "coap:") return datagramReason(link, host, port);
    return new Promise((done) => {
        const socket = connect({ host, port });
        const end = (reason: string | null): void => {
            socket.destroy();
            done(reason);
        };
        socket.setTimeout(LINK_TIMEOUT_MS, () => end(`${link} does not answer`));
        socket.once("connect", () => end(null));
        socket.once("error", () => end(`${link} does not listen`));
    });
}

/** Null when a ping of CoAP (RFC 7252 section 4.3) is answered. */
function datagramReason(link: string, host: string, port: number): Promise<string | null> {
    return new Promise((done) => {
        const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
        const end = (reason: string | null): void => {
            clearTimeout(late);
            socket.close();
            done(reason);
        };
        const late = setTimeout(() => end(`${link} does not answer`), LINK_TIMEOUT_MS);
        socket.once("message", () => end(null));
        socket.once("error", () => end(`${link} does not listen`));
        socket.send(COAP_PING, port, host, () => {});
    });
}

/** Routes for monitors: `/healthz`, `/readyz` and `/metrics`. None tells of a single meter. */
export function addHealthRoutes(app: FastifyInstance, health: Health): void {
    app.get("/healthz", () => ({ alive: true }));
    app.get("/readyz", async (_request, reply) => {
        const readiness = await health.readiness();
        return reply.code(readiness.ready ? 200 : 503).send(readiness);
    });
    app.get("/metrics", async (_request, reply) => {
        const { text, type } = await health.metrics.render();
        return reply.type(type).send(text);
    });
}
