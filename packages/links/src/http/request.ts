import type { IncomingMessage } from "node:http";
import { error } from "@meterseal/core";
import {
    KEEPALIVE_HEADER,
    type LinkPath,
    MESSAGE_TYPE,
    parseLinkPath,
    SEQUENCE_HEADER,
} from "./paths.ts";

/**
 * Path of a request whose method and media type fit it.
 * @throws MetersealError MS_NOT_FOUND, MS_USAGE.
 */
export function checkRequest(request: IncomingMessage): LinkPath {
    const path = parseLinkPath(request.url ?? "");
    if (path === null) throw error("MS_NOT_FOUND");
    if (path.resource === "socket") throw error("MS_USAGE", { expected: "an upgrade" });
    const method = path.resource === "stream" ? "GET" : "POST";
    if (request.method !== method) throw error("MS_USAGE", { expected: method });
    if (method === "POST" && request.headers["content-type"] !== MESSAGE_TYPE) {
        throw error("MS_USAGE", { expected: `content type ${MESSAGE_TYPE}` });
    }
    return path;
}

/**
 * Credentials of a scheme in `Authorization`.
 * @throws MetersealError MS_NOT_ALLOWED for another scheme or none.
 */
export function credentialsOf(request: IncomingMessage, scheme: string): string {
    const match = /^([A-Za-z]+) ([A-Za-z0-9_-]+)$/.exec(request.headers.authorization ?? "");
    if (match?.[1] === scheme && match[2] !== undefined) return match[2];
    throw error("MS_NOT_ALLOWED", { expected: `Authorization: ${scheme} …` });
}

/**
 * Number of the message within its session; null for a probe, which has none.
 * @throws MetersealError MS_USAGE
 */
export function sequenceOf(request: IncomingMessage): number | null {
    return request.headers[SEQUENCE_HEADER] === undefined
        ? null
        : integerOf(request, SEQUENCE_HEADER, Number.MAX_SAFE_INTEGER);
}

/**
 * Silence in milliseconds to probe after, 1 s to `maxSeconds`.
 * @throws MetersealError MS_USAGE
 */
export function keepaliveMsOf(request: IncomingMessage, maxSeconds: number): number {
    return Math.max(1, integerOf(request, KEEPALIVE_HEADER, maxSeconds)) * 1000;
}

function integerOf(request: IncomingMessage, header: string, most: number): number {
    const text = request.headers[header];
    const value = typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : -1;
    if (value >= 0 && value <= most) return value;
    throw error("MS_USAGE", { expected: `${header}: a number, at most ${most}` });
}
