import type { IncomingMessage } from "node:http";
import { error, LIMITS } from "@meterseal/core";

/**
 * Reads the body of a request, bounded by {@link LIMITS.messageBytes} before and while it comes.
 * @throws MetersealError MS_TOO_LARGE; MS_LINK where the sender ended first.
 */
export function readBody(request: IncomingMessage): Promise<Uint8Array> {
    const tooLarge = (got: string) =>
        error("MS_TOO_LARGE", { expected: `at most ${LIMITS.messageBytes} bytes`, got });
    const announced = Number(request.headers["content-length"] ?? 0);
    if (announced > LIMITS.messageBytes) return Promise.reject(tooLarge(`${announced}`));
    return new Promise((resolve, reject) => {
        const chunks: Buffer[] = [];
        let size = 0;
        const onData = (chunk: Buffer): void => {
            size += chunk.length;
            if (size <= LIMITS.messageBytes) chunks.push(chunk);
            else {
                request.off("data", onData);
                request.pause();
                reject(tooLarge("more"));
            }
        };
        request.on("data", onData);
        request.once("end", () => resolve(new Uint8Array(Buffer.concat(chunks))));
        request.once("error", (cause) => reject(error("MS_LINK", { got: cause.message, cause })));
        request.once("close", () => reject(error("MS_LINK", { got: "half a request" })));
    });
}
