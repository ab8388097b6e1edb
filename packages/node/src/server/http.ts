import { existsSync } from "node:fs";
import fastifyStatic from "@fastify/static";
import { type Clock, ERRORS, error, MetersealError } from "@meterseal/core";
import type { StoreReader } from "@meterseal/stores/sqlite";
import Fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import type { Heads } from "../dag/heads.ts";
import type { EnrolmentAnswer } from "../device/exchange.ts";
import { answerBadRequest } from "./bad-request.ts";
import { addBoxRoutes, type BoxTools } from "./box-routes.ts";
import { addDagRoutes } from "./dag-routes.ts";
import type { ServerEngine } from "./engine.ts";
import type { Facts } from "./facts.ts";
import { addHealthRoutes, type Health } from "./health.ts";
import { type HttpServer, LOOPBACK_HOSTS, listen } from "./listen.ts";
import { addMessageBodies } from "./message-body.ts";
import { addOpenApiRoute } from "./openapi.ts";
import { addOperatorRoutes } from "./operator.ts";
import { addPartyRoutes, type PartyTools } from "./party-routes.ts";
import { addRoutes } from "./routes.ts";
import type { EnrolRequest, ReplayPlan } from "./server.ts";
import type { StreamIndex } from "./stream-index.ts";
import { addStreamRoutes } from "./stream-routes.ts";

/** What the HTTP side of a server works with. */
export type HttpOptions = {
    readonly host: string;
    readonly port: number;
    readonly reader: StoreReader;
    readonly engine: ServerEngine;
    readonly facts: Facts;
    readonly heads: Heads;
    readonly streams: StreamIndex;
    readonly genesis: Uint8Array;
    readonly clock: Clock;
    readonly clockLabel: string | null;
    /** Answers monitors. */
    readonly health: Health;
    /** How the replay clock goes on; null where time is real or stands still. */
    readonly replay: ReplayPlan | null;
    /** Street of a meter by its subject, hexadecimal. */
    readonly streets: ReadonlyMap<string, string>;
    /** Directory of the built portal. */
    readonly portalDir: string;
    /** What who admits meters over HTTP has to show. */
    readonly operatorToken: string;
    readonly enrol: (request: EnrolRequest) => Promise<EnrolmentAnswer>;
    /** Parties, and what they put on the ledger. */
    readonly parties: PartyTools;
    readonly box: BoxTools;
};

/** No inline script, nothing from elsewhere, no frame around it, no form to anywhere. */
const CONTENT_SECURITY_POLICY = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
].join("; ");

/** Headers of every answer, errors included. */
const SAFETY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
} as const;

const BODY_LIMIT_BYTES = 4096;
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * Starts the API and the portal.
 * @throws MetersealError MS_LISTEN_ADDRESS off the loopback, MS_PORT_IN_USE.
 */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
    const app = Fastify({
        logger: false,
        bodyLimit: BODY_LIMIT_BYTES,
        requestTimeout: REQUEST_TIMEOUT_MS,
        forceCloseConnections: true,
        clientErrorHandler: (cause, socket) => answerBadRequest(cause, socket, SAFETY_HEADERS),
        // Called for what is not even a request, such as a path that no decoder reads; no hook runs.
        frameworkErrors: (cause, _request, reply) => {
            reply.headers(SAFETY_HEADERS);
            sendProblem(reply, cause);
        },
    });
    addSafety(app);
    addMessageBodies(app);
    addRoutes(app, options);
    addStreamRoutes(app, options);
    addDagRoutes(app, options);
    addHealthRoutes(app, options.health);
    addOpenApiRoute(app);
    addOperatorRoutes(app, options.operatorToken, options.enrol);
    addPartyRoutes(app, options.parties);
    addBoxRoutes(app, options.box);
    if (existsSync(options.portalDir)) {
        await app.register(fastifyStatic, { root: options.portalDir, index: "index.html" });
    }
    return await listen(app, { host: options.host, port: options.port, option: "--port" });
}

/** Headers of every answer, errors as problem+json, and no service to a page of another site. */
function addSafety(app: FastifyInstance): void {
    app.addHook("onRequest", (request, reply, done) => {
        reply.headers(SAFETY_HEADERS);
        const name = request.hostname.replace(/^\[|\]$/g, "");
        const foreign = !LOOPBACK_HOSTS.includes(name);
        const expected = LOOPBACK_HOSTS.join(", ");
        done(foreign ? error("MS_NOT_ALLOWED", { where: "Host", expected }) : undefined);
    });
    app.setErrorHandler((cause, _request, reply) => sendProblem(reply, cause));
    app.setNotFoundHandler(() => {
        throw error("MS_NOT_FOUND");
    });
}

function sendProblem(reply: FastifyReply, cause: unknown): FastifyReply {
    const known = cause instanceof MetersealError ? cause : null;
    const status = known === null ? statusOf(cause) : (HTTP_STATUS[known.code] ?? 500);
    const code = known?.code ?? codeOf(status);
    return reply
        .code(status)
        .type("application/problem+json")
        .send({
            code,
            title: ERRORS[code].summary,
            ...(known === null ? {} : { detail: known.message }),
        });
}

const HTTP_STATUS: Partial<Record<keyof typeof ERRORS, number>> = {
    MS_NOT_FOUND: 404,
    MS_NOT_ALLOWED: 403,
    MS_USAGE: 400,
    MS_MALFORMED: 400,
    MS_TOO_LARGE: 413,
    MS_BUSY: 503,
    MS_ENROLMENT: 409,
    MS_STREAM_RULE: 409,
    MS_RESEALED: 409,
    MS_VERSION: 415,
    MS_KEY_UNKNOWN: 403,
    MS_SIGNATURE_BAD: 403,
    MS_FROZEN: 403,
    MS_CLOCK: 422,
    MS_PARTY: 409,
    MS_NOTICE: 409,
    MS_NOTICE_DUPLICATE: 409,
    MS_NETWORK: 409,
    MS_GRANT_STREAM: 409,
    MS_GRANT_NOTICE: 409,
    MS_GRANT_REVOKED: 410,
    MS_BOX_FULL: 507,
};

/** Code of what the framework refused. */
function codeOf(status: number): keyof typeof ERRORS {
    if (status === 413) return "MS_TOO_LARGE";
    return status < 500 ? "MS_USAGE" : "MS_INTERNAL";
}

function statusOf(cause: unknown): number {
    const status = (cause as { statusCode?: unknown }).statusCode;
    return typeof status === "number" && status >= 400 && status < 500 ? status : 500;
}
