import { existsSync } from "node:fs";
import fastifyStatic from "@fastify/static";
import { type Clock, LIMITS } from "@meterseal/core";
import type { StoreReader } from "@meterseal/stores/sqlite";
import Fastify from "fastify";
import type { ContradictionFiles } from "../contradictions/files.ts";
import type { Heads } from "../dag/heads.ts";
import type { EnrolmentAnswer } from "../device/exchange.ts";
import type { CollectorAnswer, CollectorRequest } from "../exchange/admission.ts";
import type { LedgerStatus } from "../exchange/status.ts";
import { answerBadRequest } from "./bad-request.ts";
import { addBoxRoutes, type BoxTools } from "./box-routes.ts";
import { addCohortRoute } from "./cohort-route.ts";
import { addContradictionRoutes } from "./contradiction-routes.ts";
import { addDagRoutes } from "./dag-routes.ts";
import type { ServerEngine } from "./engine.ts";
import type { Facts } from "./facts.ts";
import { addHealthRoutes, type Health } from "./health.ts";
import { addLedgerRoutes } from "./ledger-routes.ts";
import { type HttpServer, listen } from "./listen.ts";
import { addMessageBodies } from "./message-body.ts";
import { addOpenApiRoute } from "./openapi.ts";
import { addOperatorRoutes } from "./operator.ts";
import { addPartyRoutes, type PartyTools } from "./party-routes.ts";
import { addProvisionalRoutes, type ProvisionalTools } from "./provisional-routes.ts";
import type { Removal } from "./removal.ts";
import { addRoutes } from "./routes.ts";
import { addSafety, SAFETY_HEADERS, sendProblem } from "./safety.ts";
import type { EnrolRequest, ReplayPlan } from "./server.ts";
import type { StreamIndex } from "./stream-index.ts";
import { addStreamRoutes } from "./stream-routes.ts";
import { Turnstile } from "./turnstile.ts";

/** What the HTTP side of a server works with. */
export type HttpOptions = {
    readonly host: string;
    readonly port: number;
    readonly reader: StoreReader;
    readonly engine: ServerEngine;
    readonly facts: Facts;
    readonly heads: Heads;
    readonly ledgerStatus: () => LedgerStatus;
    readonly streams: StreamIndex;
    /** Proofs of what signers contradicted themselves in. */
    readonly contradictions: ContradictionFiles;
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
    readonly admitCollector: (request: CollectorRequest) => Promise<CollectorAnswer>;
    readonly remove: (id: Uint8Array) => Promise<Removal>;
    /** Parties, and what they put on the ledger. */
    readonly parties: PartyTools;
    readonly box: BoxTools;
    /** Readings that no signature covers yet. */
    readonly provisional: ProvisionalTools;
};

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
    addSafety(app, { loopbackOnly: true });
    addMessageBodies(app);
    addRoutes(app, options);
    addProvisionalRoutes(app, options);
    const turnstile = new Turnstile(LIMITS.sumRequests);
    addStreamRoutes(app, options, turnstile);
    addCohortRoute(app, options, turnstile);
    addDagRoutes(app, options);
    addLedgerRoutes(app, options.ledgerStatus);
    addContradictionRoutes(app, options.contradictions);
    addHealthRoutes(app, options.health);
    addOpenApiRoute(app);
    addOperatorRoutes(app, options.operatorToken, options);
    addPartyRoutes(app, options.parties);
    addBoxRoutes(app, options.box);
    if (existsSync(options.portalDir)) {
        await app.register(fastifyStatic, { root: options.portalDir, index: "index.html" });
    }
    return await listen(app, { host: options.host, port: options.port, option: "--port" });
}
