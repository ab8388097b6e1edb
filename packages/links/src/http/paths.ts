/** Media type of messages in both directions: a CBOR sequence of signed messages (RFC 8742). */
export const MESSAGE_TYPE = "application/cbor-seq";
/** Media type of the stream down. */
export const STREAM_TYPE = "text/event-stream";
/** Name of the event that opens a stream; its data is the session. */
export const SESSION_EVENT = "session";
/** Number of a message within its session, from 0 on: keeps order over several connections. */
export const SEQUENCE_HEADER = "meterseal-sequence";
/** Silence in seconds that a meter wants to be probed after. */
export const KEEPALIVE_HEADER = "meterseal-keepalive";
/** Scheme of a link token in `Authorization`, in base64url. */
export const TOKEN_SCHEME = "Meterseal";
/** Scheme of a session in `Authorization`. */
export const SESSION_SCHEME = "Bearer";

const PATH = /^\/link\/v1\/([0-9a-f]{32})\/(messages|stream|socket)$/;

/** Resources of one meter. */
export type LinkPath = {
    readonly subjectHex: string;
    readonly resource: "messages" | "stream" | "socket";
};

/** Path of a resource of a meter. */
export function linkPath(subjectHex: string, resource: LinkPath["resource"]): string {
    return `/link/v1/${subjectHex}/${resource}`;
}

/** Inverse of {@link linkPath}; null for anything else, a query included. */
export function parseLinkPath(path: string): LinkPath | null {
    const match = PATH.exec(path);
    if (match === null) return null;
    const [, subjectHex = "", resource] = match;
    return { subjectHex, resource: resource as LinkPath["resource"] };
}
