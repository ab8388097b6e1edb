import { bytesEqual, error, fail, ok, type Result, toHex } from "@meterseal/core";
import {
    checkEvidence,
    type Evidence,
    type EvidenceReport,
    type Fault,
    type TreeHead,
    type Verdict,
    verdictOf,
} from "@meterseal/ledger";
import {
    kidOf,
    type MeterRecord,
    NOTICE_KIND,
    PARTY_ROLE,
    type StreamDescriptor,
} from "@meterseal/record";
import { checkGrant, type Grant } from "@meterseal/seal";
import { type SignedStream, signedStream } from "./signed-stream.ts";

/** What a reader trusts and knows: it does not come from the store. */
export type ReaderTrust = {
    /** Network id, 32 bytes. */
    readonly networkId: Uint8Array;
    /** Party id of the reader, 16 bytes. */
    readonly recipient: Uint8Array;
    readonly nowUnix: number;
    /** Tree head that the reader saw before; the log must have grown from it. */
    readonly seen?: TreeHead;
};

/** Records of a grant's stream that were verified, with what does not hold of them. */
export type VerifiedRecords = {
    readonly records: readonly MeterRecord[];
    readonly signed: SignedStream;
    readonly signature: Verdict;
    readonly continuity: Verdict;
    readonly checkpoint: TreeHead | null;
};

/**
 * Verifies a grant and the records of a stretch from the network id up.
 * @param fromSlot - slot that the records must reach back to.
 * @returns the first fault of the proofs where one says that the grant is not to be used; else
 * MS_GRANT_NOTICE, MS_GRANT_STREAM and the refusals of checkGrant; errors of signedStream. Faults that
 * say nothing of the grant are in the verdicts.
 */
export function verifyRecords(
    grant: Grant,
    evidence: Evidence,
    trust: ReaderTrust,
    fromSlot: number,
): Result<VerifiedRecords> {
    const { networkId, seen } = trust;
    const report = checkEvidence(evidence, {
        networkId,
        subject: grant.subject,
        extent: "stretch",
        ...(seen === undefined ? {} : { seen }),
    });
    const { continuity, signatures } = report;
    // Where a proof does not hold, that is the fault: what follows from it says nothing.
    const fault = [...signatures.faults, ...continuity.faults][0]?.error;
    const allowed = checkAgainstLedger(grant, report, trust);
    if (!allowed.ok) return fail(fault ?? allowed.error);
    const records = report.records.map(({ record }) => record);
    const signed = signedStream(records, grant.streamId);
    if (!signed.ok) return fail(fault ?? signed.error);
    const gap = findGap(signed.value, records, fromSlot);
    return ok({
        records,
        signed: signed.value,
        signature: verdictOf(signatures.checked + 1, signatures.faults),
        continuity: verdictOf(continuity.checked, [
            ...continuity.faults,
            ...(gap === null ? [] : [gap]),
        ]),
        checkpoint: report.checkpoint,
    });
}

/** Holds the grant against the statements of the evidence: its household, its notice, its stream. */
function checkAgainstLedger(
    grant: Grant,
    { enrolments, notices, parties }: EvidenceReport,
    { networkId, nowUnix, recipient }: ReaderTrust,
): Result<Grant> {
    const signer = parties.find(({ key }) => bytesEqual(kidOf(key), grant.message.kid));
    const isHousehold = signer?.role === PARTY_ROLE.household;
    if (signer === undefined || !isHousehold) {
        return fail(error("MS_GRANT_NOTICE", { where: `household ${toHex(grant.household)}` }));
    }
    const latest = parties
        .filter(({ id }) => bytesEqual(id, signer.id))
        .reduce((a, b) => (b.keyEpoch > a.keyEpoch ? b : a));
    const { hash } = grant.message;
    const said = (kind: number) =>
        notices.find(
            ({ notice }) =>
                notice.kind === kind &&
                bytesEqual(notice.party, signer.id) &&
                "hash" in notice &&
                bytesEqual(notice.hash, hash),
        )?.notice ?? null;
    const revocation = said(NOTICE_KIND.revocation);
    const checked = checkGrant(grant, {
        network: networkId,
        household: { id: signer.id, key: signer.key, streams: latest.streams },
        recipient,
        notice:
            said(NOTICE_KIND.grant) === null
                ? null
                : { grantHash: hash, revokedUnix: revocation?.timeUnix ?? null },
        nowUnix,
    });
    if (!checked.ok) return checked;
    const streams = enrolments.flatMap((enrolment) => enrolment.streams);
    const own = streams.filter(({ stream }) => bytesEqual(stream, grant.streamId));
    if (own.length > 0 && own.every((stream) => fits(grant, stream))) return checked;
    const todo = "The grant describes another stream than the one that was enrolled.";
    return fail(error("MS_GRANT_STREAM", { where: `stream ${toHex(grant.streamId)}`, todo }));
}

function fits(grant: Grant, stream: StreamDescriptor): boolean {
    return (
        stream.slotSeconds === grant.slotSeconds &&
        stream.scale === grant.scale &&
        stream.zone === grant.zone &&
        stream.suite === grant.sealSuite &&
        stream.groups.join() === grant.streamGroups.join()
    );
}

/** A stretch that begins behind the range may hide its begin; the meter's first record hides nothing. */
function findGap(
    { line }: SignedStream,
    records: readonly MeterRecord[],
    fromSlot: number,
): Fault | null {
    const [first] = records;
    if (line.lastAt(fromSlot) !== null) return null;
    if (first?.seq === 1 && first.chainEpoch === 0) return null;
    const where = "the begin of the evidence";
    const expected = "a boundary at or before the range, or the first record of the meter";
    return { error: error("MS_GAP", { where, expected }), where };
}
