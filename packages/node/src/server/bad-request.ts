import type { Socket } from "node:net";
import { ERRORS } from "@meterseal/core";

const STATUS_LINES: Readonly<Record<string, string>> = {
    HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
    ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

/**
 * Answers bytes that are no HTTP request (RFC 9112 section 2.2), which no route ever sees, like every
 * other refusal: as problem+json with the code MS_USAGE, the headers given, and the end of the
 * connection. A peer that is gone gets nothing.
 */
export function answerBadRequest(
    cause: NodeJS.ErrnoException,
    socket: Socket,
    headers: Readonly<Record<string, string>>,
): void {
    if (cause.code === "ECONNRESET" || !socket.writable) {
        socket.destroy();
        return;
    }
    const body = JSON.stringify({ code: "MS_USAGE", title: ERRORS.MS_USAGE.summary });
    const lines = [
        `HTTP/1.1 ${STATUS_LINES[cause.code ?? ""] ?? "400 Bad Request"}`,
        ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
        "content-type: application/problem+json",
        `content-length: ${Buffer.byteLength(body)}`,
        "connection: close",
    ];
    socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}
