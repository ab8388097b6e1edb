/** What the server says of its network. */
export type Network = {
    readonly networkId: string;
    readonly mode: "sealed" | "open";
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
    return (await get("/api/v1/network")).json() as Promise<Network>;
}

/** All enrolled meters. @throws ApiError */
export async function fetchMeters(): Promise<readonly Meter[]> {
    const answer = (await (await get("/api/v1/meters")).json()) as { meters: Meter[] };
    return answer.meters;
}

/** Signed bytes of a meter's last final record. @throws ApiError */
export async function fetchLastRecord(subject: string): Promise<Uint8Array> {
    return await fetchBytes(`/api/v1/meters/${subject}/last-record`);
}

/** Bytes that a path answers with. @throws ApiError */
export async function fetchBytes(path: string): Promise<Uint8Array> {
    const answer = await get(path);
    try {
        return new Uint8Array(await answer.arrayBuffer());
    } catch {
        throw new ApiError("MS_LINK", null, "The answer broke off.");
    }
}

async function get(path: string): Promise<Response> {
    let answer: Response;
    try {
        answer = await fetch(path, {
            credentials: "omit",
            cache: "no-store",
            signal: AbortSignal.timeout(TIMEOUT_MS),
        });
    } catch {
        throw new ApiError("MS_LINK", null, "The server does not answer.");
    }
    if (answer.ok) return answer;
    const problem = (await answer.json().catch(() => ({}))) as { code?: unknown; title?: unknown };
    const code = typeof problem.code === "string" ? problem.code : "MS_LINK";
    const title = typeof problem.title === "string" ? problem.title : `HTTP ${answer.status}`;
    throw new ApiError(code, answer.status, title);
}
