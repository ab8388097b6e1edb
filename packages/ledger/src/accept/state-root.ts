import { compareBytes, fromHex } from "@meterseal/core";
import { encodeCbor } from "@meterseal/record";
import { leafHash, merkleRoot } from "../merkle/hash.ts";
import { type Chain, isBlank, type LedgerState, type StreamState } from "./state.ts";

/**
 * Hash of a state, 32 bytes: the same accepted set gives the same root in any order of delivery.
 * Leaves are the sorted facts about chains, streams, keys, authors, parties and what these said; times of acceptance and log
 * positions are left out because they depend on the order.
 */
export function stateRoot(state: LedgerState): Uint8Array {
    const facts: Uint8Array[] = [];
    for (const chain of state.chains.values()) {
        if (!isBlank(chain)) facts.push(encodeCbor(chainFact(chain)));
    }
    for (const stream of state.streams.values()) facts.push(encodeCbor(streamFact(stream)));
    for (const enrolment of state.keys.values())
        facts.push(encodeCbor([2, enrolment.message.hash]));
    for (const [id, author] of state.authors) {
        facts.push(encodeCbor([3, id, author.lastVertex, author.round]));
    }
    for (const party of state.partyKeys.values()) facts.push(encodeCbor([4, party.message.hash]));
    for (const notice of state.notices.values()) facts.push(encodeCbor([5, notice.hash]));
    for (const hash of state.tariffs.keys()) facts.push(encodeCbor([6, fromHex(hash)]));
    for (const id of state.revoked) facts.push(encodeCbor([7, fromHex(id)]));
    facts.sort(compareBytes);
    return merkleRoot(facts.map(leafHash));
}

function chainFact(chain: Chain): unknown[] {
    const pending = [...chain.pending]
        .sort(([a], [b]) => a - b)
        .map(([seq, record]) => [seq, record.hash]);
    return [
        0,
        chain.subject,
        chain.epoch,
        chain.headSeq,
        chain.headHash,
        chain.frozenAt,
        chain.closedBy,
        pending,
    ];
}

function streamFact(stream: StreamState): unknown[] {
    const { descriptor } = stream;
    const name = [1, descriptor.stream, descriptor.sealEpoch];
    if (stream.frozen) return [...name, "frozen"];
    const { closed, lastEvent, openedUnix } = stream;
    const events = lastEvent < 0 ? [] : [lastEvent, openedUnix, closed];
    return [...name, stream.lastSlot, stream.lastIndex, stream.registers, ...events];
}
