/** What the server says of its network. */
export type Network = {
    readonly networkId: string;
    readonly mode: "sealed" | "open" | "mixed";
    readonly clock: {
        readonly nowMs: number;
        readonly label: string | null;
        /** How a replay goes on; null or absent where time is real or stands still. */
        readonly replay?: Replay | null;
    };
    readonly ledger: {
        readonly size: number;
        readonly root: string;
        readonly vertices: number;
        readonly records: number;
        readonly readings: number;
    };
    /** C2SP signed note. */
    readonly checkpoint: string | null;
};

/** How a replay of the past goes on. */
export type Replay = {
    /** Seconds of the past in one real second. */
    readonly speed: number;
    /** End of the data, milliseconds since 1970. */
    readonly endMs: number;
    readonly ended: boolean;
};

/** What the server can know of a meter. */
export type Meter = {
    readonly subject: string;
    readonly street?: string | null;
    readonly zone: string | null;
    readonly slotSeconds: number | null;
    readonly records: number;
    readonly readings: number;
    readonly missingIntervals: number;
    readonly holes: number;
    readonly lastRecordUnix: number | null;
    readonly lastSlotUnix: number | null;
    readonly pendingRecords: number;
    /** Readings that its signature does not cover yet; absent from a server that has none to tell. */
    readonly provisionalReadings?: number;
    readonly frozen: boolean;
};

/** A request that brought no answer, or a refusal. */
export class ApiError extends Error {
    /** Error code of the project, MS_LINK where there was no answer at all. */
    readonly code: string;
    readonly status: number | null;

    constructor(code: string, status: number | null, message: string) {
        super(message);
        this.name = "ApiError";
        this.code = code;
        this.status = status;
    }
}

const TIMEOUT_MS = 30_000;

/** Path of the evidence of a meter. */
export function evidencePath(subject: string): string {
    return `/api/v1/meters/${subject}/evidence`;
}

/** State of the network. @throws ApiError */
export async function fetchNetwork(): Promise<Network> {
    return await fetchJson<Network>("/api/v1/network");
}

/** All enrolled meters. @throws ApiError */
export async function fetchMeters(): Promise<readonly Meter[]> {
    return (await fetchJson<{ meters: Meter[] }>("/api/v1/meters")).meters;
}

/** Signed bytes of a meter's last final record. @throws ApiError */
export async function fetchLastRecord(subject: string): Promise<Uint8Array> {
    return await fetchBytes(`/api/v1/meters/${subject}/last-record`);
}

/** Bytes that a path answers with. @throws ApiError */
export async function fetchBytes(path: string, authorization?: string): Promise<Uint8Array> {
    const answer = await get(path, authorization);
    try {
        return new Uint8Array(await answer.arrayBuffer());
    } catch {
        throw new ApiError("MS_LINK", null, "The answer broke off.");
    }
}

/** Type of signed messages in a request. */
const COSE = "application/cose";

/** Sends a signed message. @throws ApiError */
export async function postMessage(
    path: string,
    message: Uint8Array<ArrayBuffer>,
    authorization?: string,
): Promise<void> {
    const headers = { "content-type": COSE, ...authorizationOf(authorization) };
    await request(path, { method: "POST", body: message, headers });
}

/** JSON that a path answers with, to whom it may concern. @throws ApiError */
export async function fetchJson<T>(path: string, authorization?: string): Promise<T> {
    const answer = await get(path, authorization);
    return (await answer.json()) as T;
}

function get(path: string, authorization?: string): Promise<Response> {
    return request(path, { headers: authorizationOf(authorization) });
}

function authorizationOf(authorization: string | undefined): Record<string, string> {
    return authorization === undefined ? {} : { authorization };
}

async function request(path: string, init: RequestInit): Promise<Response> {
    let answer: Response;
    try {
        answer = await fetch(path, {
            ...init,
            credentials: "omit",
            cache: "no-store",
            signal: AbortSignal.timeout(TIMEOUT_MS),
        });
    } catch {
        throw new ApiError("MS_LINK", null, "The server does not answer.");
    }
    if (answer.ok) return answer;
    const problem = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
    const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
    const message = text(problem.detail) ?? text(problem.title) ?? `HTTP ${answer.status}`;
    throw new ApiError(text(problem.code) ?? "MS_LINK", answer.status, message);
}
