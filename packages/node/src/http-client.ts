import { ERRORS, type ErrorCode, error, MetersealError, toHex } from "@meterseal/core";

/** Longest time that an answer of a server may take. */
const ANSWER_MS = 30_000;

/** A request to the API of a server. */
export type ApiRequest = {
    readonly method?: "GET" | "POST" | "PUT";
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string | Uint8Array;
};

/**
 * Asks the API of a server.
 * @returns the answer, its status below 300.
 * @throws MetersealError MS_LINK where no server answers; what the server said otherwise.
 */
export async function askApi(
    base: string,
    path: string,
    request: ApiRequest = {},
): Promise<Response> {
    const { body, headers = {}, method = "GET" } = request;
    const url = new URL(path, base);
    const response = await fetch(url, {
        ...{ method, headers, redirect: "error", signal: AbortSignal.timeout(ANSWER_MS) },
        ...(body === undefined
            ? {}
            : { body: typeof body === "string" ? body : new Uint8Array(body) }),
    }).catch((cause: unknown) => {
        throw error("MS_LINK", { where: base, todo: "Is the server running?", cause });
    });
    if (response.ok) return response;
    throw await problemOf(response, base);
}

/**
 * All records of a meter with their proofs, as a server has them; nothing is checked yet.
 * @param meter - its subject, 16 bytes.
 * @throws MetersealError MS_USAGE for what is no address; as {@link askApi}.
 */
export async function fetchEvidence(base: string, meter: Uint8Array): Promise<Uint8Array> {
    if (!/^https?:/i.test(base) || !URL.canParse(base)) {
        throw error("MS_USAGE", { expected: "--url such as http://127.0.0.1:8480", got: base });
    }
    return await (await askApi(base, evidencePath(meter))).bytes();
}

/** Path of the records of a meter (its subject, 16 bytes) with their proofs. */
export function evidencePath(meter: Uint8Array): string {
    return `/api/v1/meters/${toHex(meter)}/evidence`;
}

/** Path of readings of a meter (its subject, 16 bytes) that no signature covers yet. */
export function provisionalPath(meter: Uint8Array): string {
    return `/api/v1/meters/${toHex(meter)}/provisional`;
}

/** What a server said of a request that it refused. */
async function problemOf(response: Response, where: string): Promise<MetersealError> {
    const text = await response.text().catch(() => "");
    try {
        const { code, detail, title } = JSON.parse(text) as Record<string, unknown>;
        if (typeof code === "string" && Object.hasOwn(ERRORS, code)) {
            const problem = new MetersealError(code as ErrorCode, { where });
            problem.message = String(detail ?? `${code}: ${String(title)}`);
            return problem;
        }
    } catch {
        // No problem of ours: the status says what there is to say.
    }
    return error("MS_LINK", { where, got: `status ${response.status}` });
}
