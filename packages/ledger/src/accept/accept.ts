import {
    bytesEqual,
    compareBytes,
    error,
    fail,
    type MetersealError,
    ok,
    type PublicKey,
    type Result,
    toHex,
} from "@meterseal/core";
import {
    type Enrolment,
    kidOf,
    type MeterRecord,
    type Notice,
    type Party,
    type Pruning,
    type Revocation,
    ROLE,
    type Sign1,
    type TariffMessage,
    verifySign1,
} from "@meterseal/record";
import { allowsMode } from "../genesis.ts";
import { compareRecords, describeBody } from "../vertex/body.ts";
import type { Vertex } from "../vertex/vertex.ts";
import { Draft } from "./draft.ts";
import { acceptNotice, acceptParty, acceptTariff } from "./party-rules.ts";
import { acceptPruning } from "./pruning-rule.ts";
import {
    applyRecord,
    EPOCHS_AHEAD,
    freezeChain,
    isBreach,
    type RecordOutcome,
    signerOf,
} from "./record-rules.ts";
import { type AuthorState, chainKey, type LedgerState, streamKey } from "./state.ts";

/** An entry that is to be accepted, parsed. */
export type Entry =
    | { readonly kind: "enrolment"; readonly enrolment: Enrolment }
    | { readonly kind: "party"; readonly party: Party }
    | { readonly kind: "notice"; readonly notice: Notice }
    | { readonly kind: "tariff"; readonly tariff: TariffMessage }
    | { readonly kind: "revocation"; readonly revocation: Revocation }
    | { readonly kind: "pruning"; readonly pruning: Pruning }
    | {
          readonly kind: "vertex";
          readonly vertex: Vertex;
          /** The body, in its order. */
          readonly records: readonly MeterRecord[];
      };

/** What an accepted entry did: one outcome a record, in body order; none but for a vertex. */
export type Accepted = { readonly outcomes: readonly RecordOutcome[] };

/** Verdict on a signature; a caller that has checked the same bytes before may answer from memory. */
export type SignatureCheck = (message: Sign1, key: PublicKey) => boolean;

/**
 * The one rule of the ledger, for the sequencer, validators, simulator and auditor alike: takes an
 * entry into the state, or refuses it and leaves the state as it was (formats 8).
 *
 * Pure, total and deterministic: no clock, no time zones, no randomness, no floats. A vertex is
 * refused whole for what only its author can have done wrong (a bad signature, an unknown key, a
 * false header); a record that lost a race or whose meter broke a rule is skipped or freezes its
 * own chain, and the rest of the vertex stands.
 *
 * @param timeMs entry time: the sequencer's or the block's, never falling.
 */
export function accept(
    state: LedgerState,
    entry: Entry,
    timeMs: number,
    check: SignatureCheck = verifySign1,
): Result<Accepted> {
    if (timeMs < state.lastTimeMs) {
        return fail(
            error("MS_CLOCK", { expected: `entry time ≥ ${state.lastTimeMs}`, got: `${timeMs}` }),
        );
    }
    const accepted = acceptEntry(state, entry, timeMs, check);
    if (!accepted.ok) return accepted;
    state.lastTimeMs = timeMs;
    state.size++;
    return ok(accepted.value ?? { outcomes: [] });
}

function acceptEntry(
    state: LedgerState,
    entry: Entry,
    timeMs: number,
    check: SignatureCheck,
): Result<Accepted | undefined> {
    switch (entry.kind) {
        case "enrolment":
            return acceptEnrolment(state, entry.enrolment, check);
        case "party":
            return acceptParty(state, entry.party, check);
        case "notice":
            return acceptNotice(state, entry.notice, timeMs, check);
        case "tariff":
            return acceptTariff(state, entry.tariff, timeMs, check);
        case "revocation":
            return acceptRevocation(state, entry.revocation, check);
        case "pruning":
            return acceptPruning(state, entry.pruning, timeMs, check);
        case "vertex":
            return acceptVertex(state, entry.vertex, entry.records, timeMs, check);
    }
}

function acceptEnrolment(
    state: LedgerState,
    enrolment: Enrolment,
    check: SignatureCheck,
): Result<undefined> {
    const refuse = (expected: string): Result<undefined> =>
        fail(error("MS_ENROLMENT", { where: `id ${toHex(enrolment.id)}`, expected }));
    if (!bytesEqual(enrolment.network, state.networkId)) return refuse("this network's id");
    if (!check(enrolment.message, state.genesis.operator)) {
        return fail(error("MS_SIGNATURE_BAD", { where: `enrolment of ${toHex(enrolment.id)}` }));
    }
    const kid = kidHexOf(enrolment);
    if (state.keys.has(kid) || state.partyKeys.has(kid)) {
        return refuse("a key id that no other key has");
    }
    const id = toHex(enrolment.id);
    if (state.parties.has(id)) return refuse("an id that is not a party's");
    if (state.revoked.has(id)) return refuse("an id that is not revoked");
    const before = state.subjects.get(id);
    if (before !== undefined) {
        const from = nextEpoch(state, before);
        if (before.role !== enrolment.role || enrolment.epoch < from) {
            return refuse(`role ${before.role} and an epoch from ${from} on`);
        }
    }
    const expected = streamsFault(state, enrolment);
    if (expected !== null) return refuse(expected);
    if (before !== undefined) endKey(state, before, enrolment.epoch);
    state.keys.set(kid, enrolment);
    state.facts.touch("key", kid);
    state.subjects.set(id, enrolment);
    if (enrolment.role === ROLE.collector) {
        const author = state.authors.get(id);
        state.authors.set(id, {
            enrolment,
            lastVertex: author?.lastVertex ?? null,
            round: author?.round ?? 0,
        });
        state.facts.touch("author", id);
    }
    for (const descriptor of enrolment.streams) {
        if (state.streamIds.find(descriptor.stream) < 0) state.streamIds.add(descriptor.stream);
        const key = streamKey(descriptor.stream, descriptor.sealEpoch);
        state.facts.touch("stream", key);
        state.streams.set(key, {
            descriptor,
            subject: enrolment.id,
            lastSlot: -1,
            lastIndex: [-1, -1, -1, -1],
            registers: [],
            lastEvent: -1,
            openedUnix: 0,
            closed: false,
            frozen: false,
        });
    }
    return ok(undefined);
}

/** What the streams of an enrolment should be; null where they may be enrolled. */
function streamsFault(state: LedgerState, { streams }: Enrolment): string | null {
    const own = new Set<string>();
    for (const { stream, sealEpoch, mode } of streams) {
        const key = streamKey(stream, sealEpoch);
        if (own.has(key) || state.streams.has(key)) return "streams of its own";
        own.add(key);
        if (!allowsMode(state.genesis, mode)) return "the stream mode of the network";
    }
    return null;
}

/** Removes a member for good; what it signed before stays. */
function acceptRevocation(
    state: LedgerState,
    revocation: Revocation,
    check: SignatureCheck,
): Result<undefined> {
    const id = toHex(revocation.id);
    const refuse = (expected: string): Result<undefined> =>
        fail(error("MS_ENROLMENT", { where: `revocation of ${id}`, expected }));
    if (!bytesEqual(revocation.network, state.networkId)) return refuse("this network's id");
    if (!check(revocation.message, state.genesis.operator)) {
        return fail(error("MS_SIGNATURE_BAD", { where: `revocation of ${id}` }));
    }
    if (!state.subjects.has(id)) return refuse("an enrolled meter or collector");
    if (state.revoked.has(id)) return refuse("one that is not revoked yet");
    state.revoked.add(id);
    state.facts.touch("revoked", id);
    return ok(undefined);
}

/** First epoch that a new key may serve from: after every epoch of the key before. */
function nextEpoch(state: LedgerState, before: Enrolment): number {
    let epoch = before.epoch;
    while (state.chains.get(chainKey(before.id, epoch))?.closed) epoch++;
    return epoch + 1;
}

/** Ends a key that is replaced; what it has waiting in later epochs is forgotten. */
function endKey(state: LedgerState, before: Enrolment, epoch: number): void {
    state.keyEnds.set(kidHexOf(before), epoch);
    // Chains of a meter leave no gap wider than the epochs that may wait.
    for (let [each, missing] = [epoch, 0]; missing <= 2 * EPOCHS_AHEAD; each++) {
        const key = chainKey(before.id, each);
        missing = state.chains.delete(key) ? 0 : missing + 1;
        state.facts.touch("chain", key);
    }
}

function acceptVertex(
    state: LedgerState,
    vertex: Vertex,
    records: readonly MeterRecord[],
    timeMs: number,
    check: SignatureCheck,
): Result<Accepted> {
    const author = state.authors.get(toHex(vertex.author));
    const fault =
        authorFault(state, vertex, author, check) ??
        parentsFault(state, vertex, author ?? null) ??
        bodyFault(vertex, records);
    if (fault !== null) return fail(fault);
    const draft = new Draft(state);
    const outcomes: RecordOutcome[] = [];
    for (const record of records) {
        const signer = signerOf(draft, record);
        if (!signer.ok) return signer;
        if (!check(record.message, signer.value.key)) {
            return fail(error("MS_SIGNATURE_BAD", { where: recordName(record) }));
        }
        const outcome = applyRecord(draft, record, timeMs);
        const breach = outcome.kind === "refused" && isBreach(outcome.error);
        if (outcome.kind === "conflict" || breach) freezeChain(draft, record);
        outcomes.push(outcome);
    }
    draft.commit();
    const id = vertex.id.toString();
    state.vertices.set(id, vertex.round);
    if (author !== undefined) {
        author.lastVertex = id;
        author.round = vertex.round;
        state.facts.touch("author", toHex(vertex.author));
    }
    return ok({ outcomes });
}

/** Name of a record in messages: subject, chain epoch and sequence number. */
export function recordName(record: MeterRecord): string {
    return `record ${toHex(record.subject)}/${record.chainEpoch}/${record.seq}`;
}

function kidHexOf(enrolment: Enrolment): string {
    return toHex(kidOf(enrolment.key));
}

/** Why the author of a vertex may not write here; null where it may. */
export function authorFault(
    state: LedgerState,
    vertex: Vertex,
    author: AuthorState | undefined,
    check: SignatureCheck,
): MetersealError | null {
    const where = `vertex ${vertex.id}`;
    if (!bytesEqual(vertex.net, state.networkId)) {
        return error("MS_GENESIS", {
            where,
            expected: toHex(state.networkId),
            got: toHex(vertex.net),
        });
    }
    if (author === undefined || author.enrolment.epoch !== vertex.keyEpoch) {
        return error("MS_VERTEX_AUTHOR", { where, got: toHex(vertex.author) });
    }
    if (state.revoked.has(toHex(vertex.author))) {
        return error("MS_FROZEN", { where, got: "a revoked author" });
    }
    // Not left to the check: whoever remembers what is well signed may remember it of a key before.
    const { key } = author.enrolment;
    const isSigned = bytesEqual(vertex.message.kid, kidOf(key)) && check(vertex.message, key);
    return isSigned ? null : error("MS_SIGNATURE_BAD", { where });
}

/** Why a vertex does not attach: known already, a parent unknown, another round, a fork; null where it does. */
export function parentsFault(
    state: LedgerState,
    vertex: Vertex,
    author: AuthorState | null,
): MetersealError | null {
    const where = `vertex ${vertex.id}`;
    if (state.vertices.has(vertex.id.toString())) return error("MS_VERTEX_DUPLICATE", { where });
    let round = 0;
    const names = vertex.parents.map((parent) => parent.toString());
    for (const name of names) {
        const parentRound = state.vertices.get(name);
        if (parentRound === undefined) {
            return error("MS_VERTEX_PARENTS", { where, expected: `parent ${name} first` });
        }
        round = Math.max(round, parentRound + 1);
    }
    if (vertex.round !== round) {
        return error("MS_VERTEX_PARENTS", {
            where,
            expected: `round ${round}`,
            got: `${vertex.round}`,
        });
    }
    const last = author?.lastVertex ?? null;
    if (last !== null && !names.includes(last)) {
        return error("MS_VERTEX_FORK", { where, expected: `parent ${last}` });
    }
    return null;
}

/** Why records are not the body that a header names; null where they are. */
export function bodyFault(vertex: Vertex, records: readonly MeterRecord[]): MetersealError | null {
    const where = `vertex ${vertex.id}`;
    for (let i = 1; i < records.length; i++) {
        const before = records[i - 1] as MeterRecord;
        const record = records[i] as MeterRecord;
        if (compareRecords(before, record) >= 0) {
            return error("MS_VERTEX_BODY", {
                where: `${where}, ${recordName(record)}`,
                expected: "sorted, distinct records",
            });
        }
    }
    const body = describeBody(records);
    const same =
        body.count === vertex.count &&
        body.size === vertex.size &&
        body.t0 === vertex.t0 &&
        body.t1 === vertex.t1 &&
        compareBytes(body.root, vertex.root) === 0 &&
        (body.bodyHash === null || compareBytes(body.bodyHash, vertex.bodyHash) === 0);
    return same
        ? null
        : error("MS_VERTEX_BODY", { where, expected: "the records that its header names" });
}
