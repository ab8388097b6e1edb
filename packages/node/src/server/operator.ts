import { createHash, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { error, type Random, toHex, unwrap } from "@meterseal/core";
import type { FastifyInstance } from "fastify";
import { type EnrolmentAnswer, formatAnswer, parseRequest } from "../device/exchange.ts";
import {
    type CollectorAnswer,
    type CollectorRequest,
    formatCollectorAnswer,
    parseCollectorRequest,
} from "../exchange/admission.ts";
import { PLACES, writeJson, writeSecret } from "../files.ts";
import { hexField, readJson } from "../json-fields.ts";
import type { Removal } from "./removal.ts";
import type { EnrolRequest } from "./server.ts";

/** Route that admits meters, for who holds the operator's token. */
export const ENROL_ROUTE = "/api/v1/enrolments";

/** Route that admits collectors of branches, for who holds the operator's token. */
export const COLLECTORS_ROUTE = "/api/v1/collectors";

/** Route that removes meters and collectors, for who holds the operator's token. */
export const REVOCATIONS_ROUTE = "/api/v1/revocations";

/** Format of a request to remove a member. */
export const REMOVAL_REQUEST = "meterseal-removal-request/v1";

const TOKEN_FILE = "operator.token";
const ADDRESS_FILE = "address.json";
const TOKEN_BYTES = 32;

/** Where a running server is to be reached; not secret. */
export type ServerAddress = {
    readonly http: string;
    /** Absent where meters cannot speak MQTT. */
    readonly mqtt?: string;
    /** Absent where meters cannot speak HTTP. */
    readonly httpLink?: string;
    /** Absent where other servers cannot ask. */
    readonly exchange?: string;
};

/** The operator's token, in a file of mode 600 beside the keys; made at the first start. */
export function loadOperatorToken(dataDir: string, random: Random): string {
    const path = join(PLACES.serverKeys(dataDir), TOKEN_FILE);
    if (!existsSync(path)) writeSecret(path, `${toHex(random.bytes(TOKEN_BYTES))}\n`);
    return readFileSync(path, "utf8").trim();
}

/** Writes down where the server is to be reached; returns how to take that back. */
export function publishAddress(dataDir: string, address: ServerAddress): () => void {
    const path = join(PLACES.server(dataDir), ADDRESS_FILE);
    writeJson(path, address);
    return () => rmSync(path, { force: true });
}

/** Where the server of a data directory was to be reached last; null where none says so. */
export function readAddress(dataDir: string): ServerAddress | null {
    const path = join(PLACES.server(dataDir), ADDRESS_FILE);
    return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as ServerAddress) : null;
}

/** Whom the operator admits and removes. */
export type Admissions = {
    readonly enrol: (request: EnrolRequest) => Promise<EnrolmentAnswer>;
    readonly admitCollector: (request: CollectorRequest) => Promise<CollectorAnswer>;
    readonly remove: (id: Uint8Array) => Promise<Removal>;
};

/** Adds the routes by which the operator admits and removes meters and collectors. */
export function addOperatorRoutes(
    app: FastifyInstance,
    token: string,
    { admitCollector, enrol, remove }: Admissions,
): void {
    app.post<{ Body: unknown }>(COLLECTORS_ROUTE, async (request, reply) => {
        requireOperator(request.headers.authorization, token);
        const answer = await admitCollector(parseCollectorRequest(JSON.stringify(request.body)));
        return reply.code(201).type("application/json").send(formatCollectorAnswer(answer));
    });
    app.post<{ Body: unknown }>(ENROL_ROUTE, async (request, reply) => {
        requireOperator(request.headers.authorization, token);
        const answer = await enrol(unwrap(parseRequest(JSON.stringify(request.body))));
        return reply.code(201).type("application/json").send(formatAnswer(answer));
    });
    app.post<{ Body: unknown }>(REVOCATIONS_ROUTE, async (request, reply) => {
        requireOperator(request.headers.authorization, token);
        return reply.code(201).send(await remove(memberOf(request.body)));
    });
}

/** Id of the member that a request names, 16 bytes. */
function memberOf(body: unknown): Uint8Array {
    const shape = { format: REMOVAL_REQUEST, max: 256, where: "request of a removal" };
    return unwrap(readJson(JSON.stringify(body), shape, (fields) => hexField(fields, "id", 16)));
}

/**
 * Refuses who does not show the operator's token.
 * @throws MetersealError MS_NOT_ALLOWED
 */
export function requireOperator(header: string | undefined, token: string): void {
    if (isToken(header, token)) return;
    throw error("MS_NOT_ALLOWED", { where: "authorization", expected: "the operator's token" });
}

/** Compares digests: neither length nor position of a difference shows in the time it takes. */
function isToken(header: string | undefined, token: string): boolean {
    const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
    return timingSafeEqual(digest(header ?? ""), digest(`Bearer ${token}`));
}
