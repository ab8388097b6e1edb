import { LIMITS, type Signer, toHex } from "@meterseal/core";
import { createLinkToken, NOTICE_KIND, PARTY_ROLE, type Party } from "@meterseal/record";
import type { NoticeRow } from "@meterseal/wallet";
import { ApiError, fetchBytes, fetchJson } from "../../../api/client.ts";
import { fetchParty, type LedgerTrust } from "../../../api/ledger.ts";
import { formatCount } from "../../../format.ts";

/** In whose name the worker asks. */
export type Asker = {
    /** 32 bytes. */
    readonly networkId: Uint8Array;
    /** Party id, 16 bytes. */
    readonly party: Uint8Array;
    readonly signer: Signer;
};

/** In whose name the worker asks, and what it holds the answers against. */
export type Caller = Asker & LedgerTrust;

/** A grant as the box lists it. */
export type BoxRow = {
    readonly hash: string;
    readonly issuer: string;
    readonly recipient: string;
    readonly size: number;
    readonly row: number;
    readonly reads: number;
    readonly lastReadUnix: number | null;
    readonly refusals: number | null;
};

/** A notice as the server lists it, and its place. */
export type PlacedRow = NoticeRow & { readonly leafIndex: number };

/** Rows of a list, and whether the server has more than are asked for. */
export type Listed<T> = { readonly rows: readonly T[]; readonly isCut: boolean };

/** Pages of a list that are asked for at most. */
const PAGES_MAX = 50;
/** How often a party asks again where the server has it wait, after a pause each time. */
const BUSY_RETRIES = 5;
const BUSY_PAUSE_MS = 1_000;

/** Header that says who asks, signed now by their key. */
export async function authorizationOf(asker: Asker): Promise<string> {
    const { networkId, party, signer } = asker;
    // The token is dated by this device's time, also where the network replays a past year.
    const timeUnix = Math.floor(Date.now() / 1000);
    const claim = { network: networkId, subject: party, timeUnix };
    const token = await createLinkToken(signer, claim);
    return `Meterseal ${token.toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

/**
 * Asks in the name of a party. A server lets each ask a number of times a second: whoever reads many
 * grants waits now and then, and loses none.
 * @throws ApiError
 */
async function askAs<T>(asker: Asker, ask: (authorization: string) => Promise<T>): Promise<T> {
    for (let retries = 0; ; retries++) {
        try {
            return await ask(await authorizationOf(asker));
        } catch (cause) {
            const isBusy = cause instanceof ApiError && cause.code === "MS_BUSY";
            if (!isBusy || retries === BUSY_RETRIES) throw cause;
            await new Promise((done) => setTimeout(done, BUSY_PAUSE_MS));
        }
    }
}

/**
 * Providers and monitors that the server lists, each as the operator signed it.
 * @throws ApiError; MetersealError where the operator did not sign one.
 */
export async function fetchRecipients(caller: Caller): Promise<Listed<Party>> {
    type Row = { readonly party: string; readonly leafIndex: number };
    const lists = await Promise.all(
        ["provider", "monitor"].map((role) =>
            fetchPages<Row>(
                `/api/v1/parties?role=${role}`,
                "parties",
                ({ leafIndex }) => leafIndex,
                null,
            ),
        ),
    );
    const ids = new Set(lists.flatMap(({ rows }) => rows.map(({ party }) => party)));
    const parties = await Promise.all([...ids].map((id) => fetchParty(caller, id)));
    return {
        rows: parties.filter(({ role }) => role !== PARTY_ROLE.household),
        isCut: lists.some(({ isCut }) => isCut),
    };
}

/** Grants of the box that a party issued or is the recipient of. */
export function fetchBoxRows(asker: Asker): Promise<Listed<BoxRow>> {
    return fetchPages<BoxRow>("/api/v1/grants", "grants", ({ row }) => row, asker);
}

/** What is to be said where a list was cut; nothing where it was not. */
export function cutWords(what: string, { isCut }: Listed<unknown>): string[] {
    if (!isCut) return [];
    const most = formatCount(PAGES_MAX * LIMITS.listItems);
    return [`The server lists more ${what} than the ${most} that this page looks at.`];
}

/** Bytes of a grant; what they are for is told to the household that issued it. */
export async function fetchGrant(asker: Asker, hash: string, purpose = ""): Promise<Uint8Array> {
    const query = purpose === "" ? "" : `?purpose=${encodeURIComponent(purpose)}`;
    return await askAs(asker, (authorization) =>
        fetchBytes(`/api/v1/grants/${hash}${query}`, authorization),
    );
}

/** An access of a grant as the server noted it. */
type AccessRow = {
    readonly caller: string;
    readonly timeUnix: number;
    readonly granted: boolean;
    readonly purpose: string;
};

/** Who asked for a grant of this household, the newest first. */
export async function fetchAccesses(asker: Asker, hash: string): Promise<readonly AccessRow[]> {
    const path = `/api/v1/grants/${hash}/accesses`;
    type Answer = { readonly accesses: readonly AccessRow[] };
    return (await askAs(asker, (authorization) => fetchJson<Answer>(path, authorization))).accesses;
}

/** What the server lists of the groups that monitors announced. */
export function fetchCohortRows(): Promise<Listed<PlacedRow>> {
    const path = `/api/v1/notices?kind=${NOTICE_KIND.cohort}`;
    return fetchPages<PlacedRow>(path, "notices", ({ leafIndex }) => leafIndex, null);
}

/** What the server lists of this household's notices. */
export function fetchNoticeRows(caller: Caller): Promise<Listed<PlacedRow>> {
    const path = `/api/v1/notices?party=${toHex(caller.party)}`;
    return fetchPages<PlacedRow>(path, "notices", ({ leafIndex }) => leafIndex, null);
}

/** The rows of a list, page by page; each page begins behind the place of the last row. */
async function fetchPages<T>(
    path: string,
    field: string,
    placeOf: (row: T) => number,
    asker: Asker | null,
): Promise<Listed<T>> {
    const rows: T[] = [];
    for (let page = 0; page < PAGES_MAX; page++) {
        const last = rows.at(-1);
        const after = last === undefined ? "" : `&after=${placeOf(last)}`;
        const query = `${path.includes("?") ? "&" : "?"}limit=${LIMITS.listItems}${after}`;
        const ask = (authorization?: string) =>
            fetchJson<Record<string, T[]>>(`${path}${query}`, authorization);
        const answer = await (asker === null ? ask() : askAs(asker, ask));
        const next = answer[field] ?? [];
        rows.push(...next);
        if (next.length < LIMITS.listItems) return { rows, isCut: false };
    }
    return { rows, isCut: true };
}
