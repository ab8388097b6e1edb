import { error, LIMITS, toBase64, utf8 } from "@meterseal/core";
import { type Hex, isHex } from "./hex.ts";

/** Answer of a node to one call. */
export type EvmRpcAnswer =
    | { readonly ok: true; readonly result: unknown }
    /** What the node says against the call; with the contract's error where one ended it. */
    | { readonly ok: false; readonly message: string; readonly data: Hex | null };

/** JSON-RPC over HTTP of an execution node of the Ethereum kind. */
export class EvmRpc {
    /** Host and port: what messages may show of a URL that may hold a password. */
    readonly place: string;
    readonly #url: string;
    readonly #headers: Readonly<Record<string, string>>;
    readonly #timeoutMs: number;
    #lastId = 0;

    /**
     * @param url - http or https; a user and password in it become a header.
     * @param timeoutMs - longest time for one call.
     * @throws MetersealError MS_USAGE for anything else.
     */
    constructor(url: string, timeoutMs: number = LIMITS.evmCallMs) {
        if (!/^https?:/i.test(url) || !URL.canParse(url)) {
            throw error("MS_USAGE", { expected: "an RPC URL such as http://127.0.0.1:8545" });
        }
        const parsed = new URL(url);
        const { password, username } = parsed;
        const login = utf8(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
        this.#headers = {
            "content-type": "application/json",
            ...(username === "" ? {} : { authorization: `Basic ${toBase64(login)}` }),
        };
        parsed.username = "";
        parsed.password = "";
        this.#url = parsed.href;
        this.#timeoutMs = timeoutMs;
        this.place = parsed.host;
    }

    /**
     * One call, with whatever the node answers.
     * @throws MetersealError MS_LINK where it does not answer, or with no JSON-RPC; MS_TOO_LARGE.
     */
    async ask(method: string, params: readonly unknown[]): Promise<EvmRpcAnswer> {
        const id = ++this.#lastId;
        const answer = await this.#post(method, { jsonrpc: "2.0", id, method, params });
        if (typeof answer !== "object" || answer === null) throw this.#broken(method, "no object");
        if ("error" in answer && answer.error !== null && answer.error !== undefined) {
            const { data, message } = answer.error as { data?: unknown; message?: unknown };
            return { ok: false, message: String(message).slice(0, 200), data: revertData(data) };
        }
        if (!("result" in answer)) throw this.#broken(method, "neither result nor error");
        return { ok: true, result: answer.result };
    }

    /**
     * Result of a call that a node has no reason to refuse.
     * @throws MetersealError MS_LINK where it refuses it nevertheless.
     */
    async query(method: string, params: readonly unknown[]): Promise<unknown> {
        const answer = await this.ask(method, params);
        if (answer.ok) return answer.result;
        throw this.#broken(method, answer.message);
    }

    /** A whole number that a node answers in hexadecimal digits. */
    async quantity(method: string, params: readonly unknown[]): Promise<bigint> {
        return quantityOf(await this.query(method, params), `${this.place} ${method}`);
    }

    async #post(method: string, body: unknown): Promise<unknown> {
        const text = JSON.stringify(body);
        const response = await this.#fetch(text)
            // Kept from an earlier call, and closed by now; every call of ours may be made twice.
            .catch((cause: unknown) => {
                if (isStale(cause)) return this.#fetch(text);
                throw cause;
            })
            .catch((cause: unknown) => {
                throw this.#broken(method, reasonOf(cause), cause);
            });
        const answer = await this.#read(method, response);
        try {
            return JSON.parse(answer) as unknown;
        } catch (cause) {
            throw this.#broken(method, `HTTP ${response.status}, not JSON`, cause);
        }
    }

    #fetch(body: string): Promise<Response> {
        const signal = AbortSignal.timeout(this.#timeoutMs);
        return fetch(this.#url, { method: "POST", headers: this.#headers, body, signal });
    }

    async #read(method: string, response: Response): Promise<string> {
        const parts: Uint8Array[] = [];
        let length = 0;
        try {
            for await (const part of response.body ?? []) {
                length += part.length;
                if (length > LIMITS.evmAnswerBytes) break;
                parts.push(part);
            }
        } catch (cause) {
            throw this.#broken(method, reasonOf(cause), cause);
        }
        if (length > LIMITS.evmAnswerBytes) {
            throw error("MS_TOO_LARGE", { where: `${this.place} ${method}` });
        }
        return Buffer.concat(parts).toString("utf8");
    }

    #broken(method: string, got: string, cause?: unknown): Error {
        return error("MS_LINK", { where: `${this.place} ${method}`, got, cause });
    }
}

/** @throws MetersealError MS_LINK for what is no number in hexadecimal digits. */
export function quantityOf(value: unknown, where: string): bigint {
    if (typeof value === "string" && /^0x[0-9a-f]{1,64}$/i.test(value)) return BigInt(value);
    throw error("MS_LINK", { where, expected: "a number", got: String(value).slice(0, 80) });
}

/** Nodes give the bytes themselves, or an object around them. */
function revertData(data: unknown): Hex | null {
    if (isHex(data)) return data;
    const inner = (data as { readonly data?: unknown } | null | undefined)?.data;
    return isHex(inner) ? inner : null;
}

/** Whether a call failed because its connection was a kept one that the node had closed. */
function isStale(cause: unknown): boolean {
    const { code } = ((cause as Error).cause ?? {}) as { readonly code?: unknown };
    return code === "ECONNRESET" || code === "UND_ERR_SOCKET";
}

function reasonOf(cause: unknown): string {
    if (!(cause instanceof Error)) return String(cause);
    const { cause: inner } = cause;
    return inner instanceof Error && inner.message !== "" ? inner.message : cause.message;
}
