import {
    bytesEqual,
    error,
    fail,
    type MetersealError,
    ok,
    type Result,
    toHex,
    unixOfSlot,
} from "@meterseal/core";
import {
    checkEvidence,
    type Evidence,
    type EvidenceReport,
    type Fault,
    type TreeHead,
    type Verdict,
    verdictOf,
} from "@meterseal/ledger";
import { kidOf, NOTICE_KIND, PARTY_ROLE, type StreamDescriptor } from "@meterseal/record";
import {
    checkGrant,
    describeSum,
    type Grant,
    type GrantKeys,
    type SumDescription,
    sumWindows,
    type WindowSum,
} from "@meterseal/seal";
import { type GroupAmounts, openSum } from "./amounts.ts";
import { compareSums } from "./claims.ts";
import type { ReadingPlan } from "./plan.ts";
import { type SignedStream, signedStream } from "./signed-stream.ts";

/** What a reading is made of. */
export type ReadingInput = {
    readonly grant: Grant;
    /** What opened from it. */
    readonly keys: GrantKeys;
    readonly plan: ReadingPlan;
    /** Of the plan's range, with the ledger's statements about the grant. */
    readonly evidence: Evidence;
    /** `windows` of the store's answer; absent where the store was not asked for sums. */
    readonly claimed?: unknown;
    /** What the reader trusts and knows: it does not come from the store. */
    readonly trust: {
        /** Network id, 32 bytes. */
        readonly networkId: Uint8Array;
        /** Party id of the reader, 16 bytes. */
        readonly recipient: Uint8Array;
        readonly nowUnix: number;
        /** Tree head that the reader saw before; the log must have grown from it. */
        readonly seen?: TreeHead;
    };
};

/** A granted sum: what the store's records say of the window, and its opened amounts. */
export type GrantedSum = SumDescription & {
    /** By granted group, in units of 10^scale Wh; null where there is no answer or no key. */
    readonly amounts: readonly GroupAmounts[] | null;
    /** Why the grant does not open an answered window; null where it does. */
    readonly refusal: MetersealError | null;
};

/** What a grant gave for a range, and what was verified of it. */
export type GrantReading = {
    readonly sums: readonly GrantedSum[];
    readonly verdicts: {
        /** The grant, its household and every record and vertex are signed by who may sign them. */
        readonly signature: Verdict;
        /** No record of the range is missing, moved or added; all of it is in the log. */
        readonly continuity: Verdict;
        /** The store's own sums are those of the records; null where it was not asked. */
        readonly sums: Verdict | null;
    };
    readonly checkpoint: TreeHead | null;
    /** Last boundary in the records: nobody has shown what comes after it. Null without any. */
    readonly lastUnix: number | null;
};

/**
 * Opens the sums of a plan and verifies them from the network id up: the grant and what the ledger
 * says of it, the records of the range, and the store's own word.
 * @returns MS_GRANT_NOTICE where the ledger says nothing of the grant's household or stream, and the
 * refusals of checkGrant: revoked, expired, not valid yet, of another recipient or stream. Faults of
 * the evidence are in the verdicts.
 */
export async function readGrant(input: ReadingInput): Promise<Result<GrantReading>> {
    const { claimed, evidence, grant, keys, plan, trust } = input;
    const { networkId, seen } = trust;
    const report = checkEvidence(evidence, {
        networkId,
        subject: grant.subject,
        extent: "stretch",
        ...(seen === undefined ? {} : { seen }),
    });
    const allowed = checkAgainstLedger(grant, report, trust);
    const signatures = [...report.signatures.faults];
    const continuity = [...report.continuity.faults];
    // Where a proof does not hold, that is the fault: what follows from it says nothing.
    const fault = [...signatures, ...continuity][0]?.error;
    if (!allowed.ok) return fail(fault ?? allowed.error);
    const signed = signedStream(
        report.records.map(({ record }) => record),
        grant.streamId,
    );
    if (!signed.ok) return fail(fault ?? signed.error);
    const gap = findGap(signed.value, report, plan);
    if (gap !== null) continuity.push(gap);
    const sums = await sumWindows({
        ...plan,
        line: signed.value.line,
        source: (point) => {
            const end = signed.value.endOf(point);
            return end.ok ? Promise.resolve(end.value) : Promise.reject(end.error);
        },
    });
    const { slotSeconds, streamGroups } = grant;
    const said = sums.map((sum) => describeSum(sum, slotSeconds, streamGroups, grant.groups));
    const last = signed.value.line.lastAt(plan.ladder.endSlot);
    return ok({
        sums: sums.map((sum, i) => openOne(grant, keys, sum, said[i] as SumDescription)),
        verdicts: {
            signature: verdictOf(report.signatures.checked + 1, signatures),
            continuity: verdictOf(report.continuity.checked, continuity),
            sums: claimed === undefined ? null : verdictOf(said.length, compareSums(said, claimed)),
        },
        checkpoint: report.checkpoint,
        lastUnix: last === null ? null : unixOfSlot(last.slot, slotSeconds),
    });
}

function openOne(grant: Grant, keys: GrantKeys, sum: WindowSum, said: SumDescription): GrantedSum {
    if (sum.parts.length === 0) return { ...said, amounts: null, refusal: null };
    const opened = openSum(grant, keys, sum);
    return opened.ok
        ? { ...said, amounts: opened.value, refusal: null }
        : { ...said, amounts: null, refusal: opened.error };
}

/** Holds the grant against the statements of the evidence: its household, its notice, its stream. */
function checkAgainstLedger(
    grant: Grant,
    { enrolments, notices, parties }: EvidenceReport,
    { networkId, nowUnix, recipient }: ReadingInput["trust"],
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
    { records }: EvidenceReport,
    { edges }: ReadingPlan,
): Fault | null {
    const first = records[0]?.record;
    if (line.lastAt(edges[0] ?? 0) !== null) return null;
    if (first?.seq === 1 && first.chainEpoch === 0) return null;
    const where = "the begin of the evidence";
    const expected = "a boundary at or before the range, or the first record of the meter";
    return { error: error("MS_GAP", { where, expected }), where };
}
