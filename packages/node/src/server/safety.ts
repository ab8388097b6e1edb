import { ERRORS, error, hostOf, MetersealError } from "@meterseal/core";
import type { FastifyInstance, FastifyReply } from "fastify";
import { LOOPBACK_HOSTS } from "./listen.ts";

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
export const SAFETY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
} as const;

/**
 * Headers of every answer, errors as problem+json, and no service to a page of another site: behind a
 * certificate such a page cannot take our name, in plain text only loopback names are answered.
 */
export function addSafety(
    app: FastifyInstance,
    { loopbackOnly }: { readonly loopbackOnly: boolean },
): void {
    app.addHook("onRequest", (request, reply, done) => {
        reply.headers(SAFETY_HEADERS);
        const foreign = loopbackOnly && !LOOPBACK_HOSTS.includes(hostOf(request));
        const expected = LOOPBACK_HOSTS.join(", ");
        done(foreign ? error("MS_NOT_ALLOWED", { where: "Host", expected }) : undefined);
    });
    app.setErrorHandler((cause, _request, reply) => sendProblem(reply, cause));
    app.setNotFoundHandler(() => {
        throw error("MS_NOT_FOUND");
    });
}

/** Answers with a problem, of whatever went wrong. */
export function sendProblem(reply: FastifyReply, cause: unknown): FastifyReply {
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
    MS_TARIFF: 409,
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
    MS_PRUNED: 410,
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
