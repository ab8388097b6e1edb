import {
    bytesEqual,
    error,
    fail,
    fromBase64,
    type MetersealError,
    ok,
    type Result,
    toHex,
    unwrap,
} from "@meterseal/core";
import { NOTICE_KIND, type Notice, parseNotice, topicOf } from "@meterseal/record";
import { type Grant, parseGrant } from "@meterseal/seal";
import type { IssuedGrant } from "../policy/journal.ts";
import { isAway, type OwnKeys } from "./own-keys.ts";

/** A notice as a server lists it; what it says is believed when its proof holds. Names are hex. */
export type NoticeRow = {
    readonly hash: string;
    readonly kind: number;
    readonly topic: string;
};

/** A message that the ledger was shown to hold, and where. */
export type ProvenMessage = { readonly bytes: Uint8Array; readonly leafIndex: number };

/** A notice that stands in the ledger. */
export type ProvenNotice = { readonly notice: Notice; readonly leafIndex: number };

/** What a household holds a server's word on its own grants against. */
export type OwnLedger = {
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    /** Party id, 16 bytes. */
    readonly household: Uint8Array;
    readonly keys: OwnKeys;
    /** All notices of the household that the server lists. */
    readonly notices: readonly NoticeRow[];
    /** A message of the ledger by its hash in hex; throws where the proof does not hold. */
    readonly proven: (hash: string) => Promise<ProvenMessage>;
};

/** A grant that this household made, and what the ledger says of it. */
export type OwnChecked = {
    readonly grant: Grant;
    /** Null where the ledger has none: then nobody honours it. */
    readonly notice: ProvenNotice | null;
    readonly revocation: ProvenNotice | null;
};

/**
 * Holds a grant that a server hands out as the household's own against the household's keys and the
 * ledger. Only what holds may count as known when the next grant is judged: whatever a recipient has
 * already makes a new grant look harmless.
 * @param hash - by which the server lists it, hex.
 * @returns what parseGrant finds; MS_SIGNATURE_BAD for another grant, of another network or household, or
 * not signed by a key that the household had when it was announced; MS_PROOF where a notice that is
 * listed is not proven.
 * @throws MetersealError MS_LINK, MS_BUSY where nobody answered.
 */
export async function checkOwnGrant(
    ledger: OwnLedger,
    hash: string,
    bytes: Uint8Array,
): Promise<Result<OwnChecked>> {
    const parsed = parseGrant(bytes);
    if (!parsed.ok) return parsed;
    const grant = parsed.value;
    const where = `grant ${hash}`;
    const isOwn =
        toHex(grant.message.hash) === hash &&
        bytesEqual(grant.network, ledger.network) &&
        bytesEqual(grant.household, ledger.household) &&
        (await ledger.keys.signed(grant.message));
    if (!isOwn) return fail(error("MS_SIGNATURE_BAD", { where, expected: "this household's" }));
    try {
        const notice = await provenNotice(ledger, NOTICE_KIND.grant, hash);
        const revocation = await provenNotice(ledger, NOTICE_KIND.revocation, hash);
        if (isInTime(ledger.keys, grant, notice)) return ok({ grant, notice, revocation });
        const expected = "the key that this household had when it was announced";
        return fail(error("MS_SIGNATURE_BAD", { where, expected }));
    } catch (cause) {
        if (isAway(cause)) throw cause;
        return fail(error("MS_PROOF", { where, expected: "a notice in the ledger", cause }));
    }
}

/**
 * Whether the key of a grant was in force when it was issued: that of its notice was, or the ledger
 * would not have taken it. A grant that nobody has announced yet is of the present key.
 */
function isInTime(keys: OwnKeys, { message }: Grant, notice: ProvenNotice | null): boolean {
    if (notice === null) return keys.isPresent(message);
    return bytesEqual(message.kid, notice.notice.message.kid);
}

/**
 * The household's notice of a kind about something; null where the server lists none.
 * @param topic - hash of what it is about, hex.
 * @throws what the look-up throws; MetersealError MS_SIGNATURE_BAD for another notice, or another's.
 */
export async function provenNotice(
    { household, keys, notices, proven }: OwnLedger,
    kind: number,
    topic: string,
): Promise<ProvenNotice | null> {
    const row = notices.find((each) => each.kind === kind && each.topic === topic);
    if (row === undefined) return null;
    const { bytes, leafIndex } = await proven(row.hash);
    const notice = unwrap(parseNotice(bytes));
    const isMeant =
        toHex(notice.message.hash) === row.hash &&
        bytesEqual(notice.party, household) &&
        notice.kind === kind &&
        toHex(topicOf(notice)) === topic;
    if (isMeant && (await keys.signed(notice.message))) return { notice, leafIndex };
    throw error("MS_SIGNATURE_BAD", { where: `notice ${row.hash}` });
}

/** The grant of a line of the household's journal; null for a bill, which is none. */
export function keptGrant({ messages }: IssuedGrant): Grant | null {
    const message = messages.at(-1);
    const parsed = message === undefined ? null : parseGrant(fromBase64(message));
    return parsed?.ok === true ? parsed.value : null;
}

/** Why a grant that a server lists counts for nothing, as a sentence for the household. */
export function ownFaultWords(name: string, fault: MetersealError): string {
    switch (fault.code) {
        case "MS_SIGNATURE_BAD":
            return `The grant ${name} is not signed by your home, or not with the key that it had then.`;
        case "MS_PROOF":
            return `The grant ${name} has a notice that is not proven to stand in the ledger.`;
        default:
            return `The grant ${name} cannot be read: ${fault.message}`;
    }
}

/**
 * Grants of a household that the ledger names and that neither its journal nor a server shows: what they
 * open nobody here can tell.
 * @param known - hashes, hex, of the grants that are shown and hold.
 */
export function unseenGrants(
    notices: readonly NoticeRow[],
    known: { has(hash: string): boolean },
): string[] {
    const named = notices.filter(({ kind }) => kind === NOTICE_KIND.grant);
    return [...new Set(named.map(({ topic }) => topic))].filter((topic) => !known.has(topic));
}
