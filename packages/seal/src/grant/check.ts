import { bytesEqual, error, fail, LIMITS, ok, type PublicKey, type Result } from "@meterseal/core";
import { verifySign1 } from "@meterseal/record";
import type { Grant } from "./message.ts";

/** What the ledger says of a grant. */
export type GrantNotice = {
    /** Hash of the grant message that the household announced, 32 bytes. */
    readonly grantHash: Uint8Array;
    /** When the household took it back; null where it did not. */
    readonly revokedUnix: number | null;
};

/** What a grant is held against; all of it from a source that the checker trusts. */
export type GrantContext = {
    readonly network: Uint8Array;
    /** The party that signed, as the ledger has it. */
    readonly household: {
        readonly id: Uint8Array;
        readonly key: PublicKey;
        /** Streams that it owns. */
        readonly streams: readonly Uint8Array[];
    };
    /** Party id of whoever wants to use the grant. */
    readonly recipient: Uint8Array;
    /** The notice of this grant; null where the ledger has none. */
    readonly notice: GrantNotice | null;
    readonly nowUnix: number;
};

/**
 * Checks that a grant holds: network, signature of the household, ownership of the stream, recipient,
 * notice on the ledger, not revoked, in its time.
 * @returns MS_NETWORK, MS_SIGNATURE_BAD, MS_GRANT_STREAM, MS_GRANT_RECIPIENT, MS_GRANT_NOTICE,
 * MS_GRANT_REVOKED, MS_CLOCK before its time, MS_EXPIRED after its lease; in this order.
 */
export function checkGrant(grant: Grant, context: GrantContext): Result<Grant> {
    const { household, notice, nowUnix } = context;
    if (!bytesEqual(grant.network, context.network)) {
        return fail(error("MS_NETWORK", { where: "grant" }));
    }
    if (!bytesEqual(grant.household, household.id) || !verifySign1(grant.message, household.key)) {
        return fail(error("MS_SIGNATURE_BAD", { where: "grant" }));
    }
    if (!household.streams.some((stream) => bytesEqual(stream, grant.streamId))) {
        return fail(error("MS_GRANT_STREAM"));
    }
    if (!bytesEqual(grant.recipient, context.recipient)) {
        return fail(error("MS_GRANT_RECIPIENT", { where: "the recipient's party" }));
    }
    if (notice === null || !bytesEqual(notice.grantHash, grant.message.hash)) {
        return fail(error("MS_GRANT_NOTICE"));
    }
    if (notice.revokedUnix !== null) {
        const todo = "Sums that were read before stay known to whoever read them.";
        return fail(error("MS_GRANT_REVOKED", { where: atText(notice.revokedUnix), todo }));
    }
    if (grant.issuedUnix > nowUnix + LIMITS.clockAheadSeconds) {
        return fail(error("MS_CLOCK", { where: "grant", got: atText(grant.issuedUnix) }));
    }
    if (grant.leaseEndUnix !== undefined && grant.leaseEndUnix <= nowUnix) {
        const todo = "Ask the household for a new grant.";
        return fail(error("MS_EXPIRED", { where: "grant", got: atText(grant.leaseEndUnix), todo }));
    }
    return ok(grant);
}

function atText(unix: number): string {
    return new Date(unix * 1000).toISOString();
}
