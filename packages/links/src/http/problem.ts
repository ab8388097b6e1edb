import type { IncomingMessage, ServerResponse } from "node:http";
import { ERRORS, type ErrorCode, error, MetersealError } from "@meterseal/core";

/** Headers of every answer; the last keeps a proxy from collecting a stream. */
export const ANSWER_HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-accel-buffering": "no",
} as const;

/** Status of refusals that no receipt code stands for. */
const STATUS: Partial<Record<ErrorCode, number>> = { MS_USAGE: 400, MS_NOT_FOUND: 404 };

/** Status by receipt code (formats 5); any other is 503. */
const BY_RECEIPT: Readonly<Record<number, number>> = {
    ...{ 1: 400, 2: 400, 3: 401, 4: 401, 5: 409, 6: 409, 7: 409, 8: 409 },
    ...{ 9: 409, 10: 401, 11: 413, 15: 403 },
};

/** Status of an answer that refuses. */
export function statusOf({ code, receiptCode }: MetersealError): number {
    return STATUS[code] ?? BY_RECEIPT[receiptCode] ?? 503;
}

/** Seconds after which a meter that was told to wait may ask again. */
const RETRY_AFTER_SECONDS = "1";

/**
 * Answers with problem+json (RFC 9457): 503 with `Retry-After` for what may succeed later. A body
 * that nobody read ends the connection, so that it costs nothing more.
 * @param given - a status in the place of the one of the code.
 */
export function sendProblem(
    request: IncomingMessage,
    response: ServerResponse,
    cause: unknown,
    given?: number,
): void {
    if (response.headersSent || response.destroyed) return;
    const problem = cause instanceof MetersealError ? cause : error("MS_INTERNAL");
    const { code } = problem;
    const status = given ?? statusOf(problem);
    response.writeHead(status, {
        ...ANSWER_HEADERS,
        "content-type": "application/problem+json",
        ...(status === 503 ? { "retry-after": RETRY_AFTER_SECONDS } : {}),
        ...(request.complete ? {} : { connection: "close" }),
    });
    response.end(JSON.stringify({ code, title: ERRORS[code].summary, detail: problem.message }));
}
