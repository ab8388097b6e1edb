import { bytesEqual, fromBase64, toHex } from "@meterseal/core";
import { NOTICE_KIND, topicOf } from "@meterseal/record";
import { type Grant, parseGrant } from "@meterseal/seal";
import type { IssuedGrant, Journal } from "@meterseal/wallet";
import { shortHex } from "../../../format.ts";
import { OwnKeys } from "./own-keys.ts";
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
    /** Grants that the ledger names and of which nobody here knows what they open. */
    readonly unseen: number;
};

type Reader = {
    readonly caller: Caller;
    readonly keys: OwnKeys;
    readonly streamId: Uint8Array;
    readonly notices: readonly NoticeRow[];
};

/**
 * Everything that this household granted: what the server's box hands out, and what only the journal of
 * this browser has; all of it held against the household's keys and the ledger.
 */
export async function readOwnGrants(
    caller: Caller,
    streamId: Uint8Array,
    journal: Journal,
): Promise<OwnGrants> {
    const [rows, notices] = await Promise.all([fetchOwnGrants(caller), fetchNoticeRows(caller)]);
    const reader = { caller, streamId, notices, keys: new OwnKeys(caller) };
    const grants: OwnGrant[] = [];
    const faults: string[] = [];
    const listed = new Set(rows.map(({ hash }) => hash));
    const kept = journal.grants.filter(({ hash }) => !listed.has(hash));
    for (const row of [...rows, ...kept.map(rowOf)]) {
        const own = await readOne(reader, row, await bytesOf(caller, row, kept));
        if (typeof own === "string") faults.push(own);
        else grants.push(own);
    }
    const inJournal = new Set(journal.grants.map(({ hash }) => hash));
    let unseen = 0;
    for (const { kind, topic } of notices) {
        if (kind !== NOTICE_KIND.grant || listed.has(topic)) continue;
        if (!inJournal.has(topic)) unseen++;
        faults.push(
            `The ledger names a grant of yours, ${shortHex(topic)}, that the server does not hand out: it never got it, or keeps it from you.`,
        );
    }
    grants.sort((a, b) => a.grant.issuedUnix - b.grant.issuedUnix);
    return { grants, faults, unseen };
}

/** A grant of the journal as the box would list it: nobody has taken it. */
function rowOf({ hash, recipient }: IssuedGrant): BoxRow {
    const untouched = { reads: 0, lastReadUnix: null, refusals: 0 };
    return { hash, recipient, issuer: "", size: 0, row: -1, ...untouched };
}

/** Bytes of a grant, from the journal where the server has it not. */
async function bytesOf(
    caller: Caller,
    row: BoxRow,
    kept: readonly IssuedGrant[],
): Promise<Uint8Array> {
    const message = kept.find(({ hash }) => hash === row.hash)?.messages.at(-1);
    return message === undefined ? await fetchGrant(caller, row.hash) : fromBase64(message);
}

async function readOne(reader: Reader, row: BoxRow, bytes: Uint8Array): Promise<OwnGrant | string> {
    const parsed = parseGrant(bytes);
    const name = `The grant ${shortHex(row.hash)}`;
    if (!parsed.ok) return `${name} cannot be read: ${parsed.error.message}`;
    const grant = parsed.value;
    if (!(await isOwn(reader, grant, row.hash))) {
        return `${name} is not signed by your home, or not of your meter.`;
    }
    try {
        const notice = await proven(reader, NOTICE_KIND.grant, row.hash);
        const revocation = await proven(reader, NOTICE_KIND.revocation, row.hash);
        if (!isInTime(reader, grant, notice)) {
            return `${name} is not signed by the key that your home had when it was announced.`;
        }
        return { grant, row, notice, revocation };
    } catch {
        return `${name} has a notice that is not proven to stand in the ledger.`;
    }
}

async function isOwn({ caller, keys, streamId }: Reader, grant: Grant, hash: string) {
    return (
        toHex(grant.message.hash) === hash &&
        bytesEqual(grant.network, caller.networkId) &&
        bytesEqual(grant.household, caller.party) &&
        bytesEqual(grant.streamId, streamId) &&
        (await keys.signed(grant.message))
    );
}

/**
 * Whether the key of a grant was in force when it was issued: that of its notice was, or the ledger
 * would not have taken it. A grant that nobody has announced yet is of the present key.
 */
function isInTime({ keys }: Reader, { message }: Grant, notice: ProvenNotice | null): boolean {
    if (notice === null) return keys.isPresent(message);
    return bytesEqual(message.kid, notice.notice.message.kid);
}

/** The notice of a kind about a grant, proven; null where the ledger has none. */
async function proven(
    { caller, keys, notices }: Reader,
    kind: number,
    topic: string,
): Promise<ProvenNotice | null> {
    const row = notices.find((each) => each.kind === kind && each.topic === topic);
    if (row === undefined) return null;
    const found = await fetchNotice(caller, keys, row);
    const isMeant = found.notice.kind === kind && toHex(topicOf(found.notice)) === topic;
    if (!isMeant) throw new Error("another notice");
    return found;
}
