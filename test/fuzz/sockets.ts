import { connect } from "node:net";
import { ERRORS } from "@meterseal/core";
import type { SeededRandom } from "@meterseal/testkit/random";
import { mutateText } from "./mutate.ts";
import type { FuzzVerdict } from "./target.ts";

export const LOOPBACK = "127.0.0.1";
/** A server that keeps a finished connection open for longer hangs. */
const ANSWER_MS = 20_000;

/**
 * Sends bytes, and says that no more come: at once, or behind the first bytes of the answer, at the
 * latest after so many milliseconds. Resolves with all that came back until the end.
 */
export function exchange(
    port: number,
    bytes: Uint8Array | string,
    patienceMs: number = 0,
): Promise<string> {
    return new Promise((resolve, reject) => {
        const chunks: Buffer[] = [];
        const socket = connect({ host: LOOPBACK, port, allowHalfOpen: true });
        const timer = setTimeout(() => {
            socket.destroy();
            reject(new Error("the connection is neither answered nor ended"));
        }, ANSWER_MS);
        const patience = setTimeout(() => socket.end(), patienceMs);
        socket.on("data", (chunk: Buffer) => {
            chunks.push(chunk);
            socket.end();
        });
        socket.on("error", () => {}); // a reset is an answer too
        socket.on("end", () => socket.destroy());
        socket.on("close", () => {
            clearTimeout(timer);
            clearTimeout(patience);
            resolve(Buffer.concat(chunks).toString("latin1"));
        });
        if (patienceMs === 0) socket.end(bytes);
        else socket.write(bytes);
    });
}

/** A request of which one line is changed and stays a line. */
export function mutateLine(random: SeededRandom, text: string, pool: readonly string[]): string {
    const lines = text.split("\r\n");
    const at = random.below(lines.length);
    const words = (lines[at] ?? "").split(" ");
    const word = random.below(words.length);
    words[word] = mutateText(random, words[word] ?? "", pool).replaceAll(/[\r\n ]/g, "/");
    lines[at] = words.join(" ");
    return lines.join("\r\n");
}

/**
 * Answers must be ours: no failure of the server but those that a busy one may tell, and every refusal
 * names its code.
 */
export function judge(answer: string, allowed: readonly number[] = []): FuzzVerdict {
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
    if (status >= 500 && !allowed.includes(status))
        throw new Error(`status ${status}: ${answer.slice(0, 600)}`);
    if (status >= 400 && answer.includes("\r\n\r\n{")) {
        const code = /"code":\s*"(MS_[A-Z_]+)"/.exec(answer)?.[1] ?? "none";
        if (!Object.hasOwn(ERRORS, code)) {
            throw new Error(`status ${status} without a code: ${answer.slice(0, 600)}`);
        }
    }
    return status >= 200 && status < 400 ? "accepted" : "refused";
}
