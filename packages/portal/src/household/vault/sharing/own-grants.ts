import { bytesEqual, toHex } from "@meterseal/core";
import { NOTICE_KIND, topicOf, verifySign1 } from "@meterseal/record";
import { parseGrant } from "@meterseal/seal";
import { shortHex } from "../../../format.ts";
import {
    type BoxRow,
    type Caller,
    fetchGrant,
    fetchNotice,
    fetchNoticeRows,
    fetchOwnGrants,
    type NoticeRow,
    type ProvenNotice,
} from "./server.ts";
import type { OwnGrant } from "./view.ts";

/** Grants of this household that hold, and sentences about those that do not. */
export type OwnGrants = {
    readonly grants: readonly OwnGrant[];
    readonly faults: readonly string[];
};

/** Fetches what this household granted, and holds all of it against its own key and the ledger. */
export async function readOwnGrants(caller: Caller, streamId: Uint8Array): Promise<OwnGrants> {
    const [rows, notices] = await Promise.all([fetchOwnGrants(caller), fetchNoticeRows(caller)]);
    const grants: OwnGrant[] = [];
    const faults: string[] = [];
    for (const row of rows) {
        const own = await readOne(caller, streamId, row, notices);
        if (typeof own === "string") faults.push(own);
        else grants.push(own);
    }
    const known = new Set(rows.map(({ hash }) => hash));
    for (const { kind, topic } of notices) {
        if (kind !== NOTICE_KIND.grant || known.has(topic)) continue;
        faults.push(
            `The ledger names a grant of yours, ${shortHex(topic)}, that the server does not hand out: it never got it, or keeps it from you.`,
        );
    }
    grants.sort((a, b) => a.grant.issuedUnix - b.grant.issuedUnix);
    return { grants, faults };
}

async function readOne(
    caller: Caller,
    streamId: Uint8Array,
    row: BoxRow,
    notices: readonly NoticeRow[],
): Promise<OwnGrant | string> {
    const parsed = parseGrant(await fetchGrant(caller, row.hash));
    const name = `The grant ${shortHex(row.hash)}`;
    if (!parsed.ok) return `${name} cannot be read: ${parsed.error.message}`;
    const grant = parsed.value;
    const isOwn =
        toHex(grant.message.hash) === row.hash &&
        bytesEqual(grant.network, caller.networkId) &&
        bytesEqual(grant.household, caller.party) &&
        bytesEqual(grant.streamId, streamId) &&
        verifySign1(grant.message, caller.signer.publicKey);
    if (!isOwn)
        return `${name} is not signed by your home with its present key, or not of your meter.`;
    try {
        const notice = await proven(caller, notices, NOTICE_KIND.grant, row.hash);
        const revocation = await proven(caller, notices, NOTICE_KIND.revocation, row.hash);
        return { grant, row, notice, revocation };
    } catch {
        return `${name} has a notice that is not proven to stand in the ledger.`;
    }
}

/** The notice of a kind about a grant, proven; null where the ledger has none. */
async function proven(
    caller: Caller,
    notices: readonly NoticeRow[],
    kind: number,
    topic: string,
): Promise<ProvenNotice | null> {
    const row = notices.find((each) => each.kind === kind && each.topic === topic);
    if (row === undefined) return null;
    const found = await fetchNotice(caller, row);
    const isMeant = found.notice.kind === kind && toHex(topicOf(found.notice)) === topic;
    if (!isMeant) throw new Error("another notice");
    return found;
}
