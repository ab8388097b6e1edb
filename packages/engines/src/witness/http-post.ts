import type { Post } from "./client.ts";

/** Bytes of an answer: some signature lines, those of ML-DSA-44 among them. */
const ANSWER_BYTES = 65_536;

/** Posts over HTTP or HTTPS; follows no redirect, and takes no answer above 64 KiB. */
export function httpPost(timeoutMs: number): Post {
    return async (url, body) => {
        const response = await fetch(url, {
            method: "POST",
            body,
            signal: AbortSignal.timeout(timeoutMs),
            redirect: "error",
        });
        const chunks: Uint8Array[] = [];
        let length = 0;
        for await (const chunk of response.body ?? []) {
            length += chunk.length;
            if (length > ANSWER_BYTES) throw new Error(`an answer above ${ANSWER_BYTES} bytes`);
            chunks.push(chunk);
        }
        return { status: response.status, body: Buffer.concat(chunks).toString("utf8") };
    };
}
