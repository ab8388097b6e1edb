import { type Signer, toHex } from "@meterseal/core";
import { createLinkToken, NOTICE_KIND, PARTY_ROLE, type Party } from "@meterseal/record";
import type { NoticeRow } from "@meterseal/wallet";
import { fetchBytes, fetchJson } from "../../../api/client.ts";
import { fetchParty, type LedgerTrust } from "../../../api/ledger.ts";

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

const PAGE_ROWS = 100;
/** Pages that are asked for at most. */
const PAGES_MAX = 50;

/** Header that says who asks, signed now by their key. */
export async function authorizationOf(asker: Asker): Promise<string> {
    const { networkId, party, signer } = asker;
    // The token is dated by this device's time, also where the network replays a past year.
    const timeUnix = Math.floor(Date.now() / 1000);
    const claim = { network: networkId, subject: party, timeUnix };
    const token = await createLinkToken(signer, claim);
    return `Meterseal ${token.toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

/** All providers and monitors that the operator signed. @throws MetersealError where it did not. */
export async function fetchRecipients(caller: Caller): Promise<Party[]> {
    type Row = { readonly party: string; readonly role: string; readonly leafIndex: number };
    const rows = await fetchPages<Row>(
        "/api/v1/parties",
        "parties",
        ({ leafIndex }) => leafIndex,
        null,
    );
    const wanted = rows.filter(({ role }) => role !== "household");
    const parties = await Promise.all(wanted.map(({ party }) => fetchParty(caller, party)));
    return parties.filter(({ role }) => role !== PARTY_ROLE.household);
}

/** Grants of the box that this household issued. */
export async function fetchOwnGrants(caller: Caller): Promise<BoxRow[]> {
    const rows = await fetchPages<BoxRow>("/api/v1/grants", "grants", ({ row }) => row, caller);
    return rows.filter(({ issuer }) => issuer === toHex(caller.party));
}

/** Bytes of a grant; what they are for is told to the household that issued it. */
export async function fetchGrant(asker: Asker, hash: string, purpose = ""): Promise<Uint8Array> {
    const query = purpose === "" ? "" : `?purpose=${encodeURIComponent(purpose)}`;
    return await fetchBytes(`/api/v1/grants/${hash}${query}`, await authorizationOf(asker));
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
    return (await fetchJson<Answer>(path, await authorizationOf(asker))).accesses;
}

/** What the server lists of the groups that monitors announced. */
export function fetchCohortRows(): Promise<PlacedRow[]> {
    const path = `/api/v1/notices?kind=${NOTICE_KIND.cohort}`;
    return fetchPages<PlacedRow>(path, "notices", ({ leafIndex }) => leafIndex, null);
}

/** What the server lists of this household's notices. */
export function fetchNoticeRows(caller: Caller): Promise<PlacedRow[]> {
    const path = `/api/v1/notices?party=${toHex(caller.party)}`;
    return fetchPages<PlacedRow>(path, "notices", ({ leafIndex }) => leafIndex, null);
}

/** All rows of a list, page by page; each page begins behind the place of the last row. */
async function fetchPages<T>(
    path: string,
    field: string,
    placeOf: (row: T) => number,
    caller: Caller | null,
): Promise<T[]> {
    const rows: T[] = [];
    for (let page = 0; page < PAGES_MAX; page++) {
        const last = rows.at(-1);
        const query = `limit=${PAGE_ROWS}${last === undefined ? "" : `&after=${placeOf(last)}`}`;
        const authorization = caller === null ? undefined : await authorizationOf(caller);
        const address = `${path}${path.includes("?") ? "&" : "?"}${query}`;
        const answer = await fetchJson<Record<string, T[]>>(address, authorization);
        const next = answer[field] ?? [];
        rows.push(...next);
        if (next.length < PAGE_ROWS) break;
    }
    return rows;
}
