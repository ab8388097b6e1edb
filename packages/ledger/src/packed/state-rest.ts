import { toHex, u64be, unwrap } from "@meterseal/core";
import {
    kidOf,
    MapReader,
    malformed,
    type Party,
    parseParty,
    toArray,
    toBytes,
    toInteger,
} from "@meterseal/record";
import type { LedgerState, PendingRecord } from "../accept/state.ts";

const ROWS_MAX = 0xffff_ffff;
const TIME_MAX = Number.MAX_SAFE_INTEGER;

/** What of a state is not in pages, as a CBOR value: what few entries have, and small tables. */
export function restOf(state: LedgerState): unknown {
    return new Map<number, unknown>([
        [0, state.lastTimeMs],
        [
            1,
            [...state.chains.rare].map(([entry, { closedBy, pending }]) => [
                entry,
                closedBy,
                [...pending].map(([seq, { bytes, hash }]) => [seq, hash, bytes]),
            ]),
        ],
        [2, [...state.streams.registers].map(([entry, all]) => [entry, all.map(u64be)])],
        [3, [...state.keyEnds]],
        [4, [...state.authors].map(([id, { lastVertex, round }]) => [id, lastVertex, round])],
        [5, [...state.vertices]],
        [6, [...state.revoked]],
        [7, [...state.partyKeys.values()].map(({ message }) => message.bytes)],
        [8, [...state.parties.values()].map(({ key }) => toHex(kidOf(key)))],
        [9, [...state.owners]],
        [10, [...state.notices].map(([key, { hash, timeUnix }]) => [key, hash, timeUnix])],
        [11, [...state.tariffs].map(([hash, { party, timeUnix }]) => [hash, party, timeUnix])],
        [12, [...state.prunings]],
    ]);
}

/**
 * Takes {@link restOf} into a state whose pages are there.
 * @throws MetersealError MS_MALFORMED where it is none.
 */
export function takeRest(state: LedgerState, value: unknown): void {
    const map = new MapReader(value, "state image");
    const rows = (label: number, fields: number): (readonly unknown[])[] =>
        map.array(label, ROWS_MAX).map((row) => {
            const read = toArray(row, map.at(label), fields);
            return read.length === fields ? read : malformed(map.at(label), `${fields} fields`);
        });
    state.lastTimeMs = map.integer(0, 0, TIME_MAX);
    for (const [entry, closedBy, waiting] of rows(1, 3)) {
        state.chains.rare.set(toInteger(entry, "row", 0, ROWS_MAX), {
            closedBy: closedBy === null ? null : toBytes(closedBy, "hash", 32),
            pending: new Map(toArray(waiting, "pending", ROWS_MAX).map(pendingOf)),
        });
    }
    for (const [entry, registers] of rows(2, 2)) {
        const values = toArray(registers, "registers", ROWS_MAX).map((each) => {
            const bytes = toBytes(each, "register", 8);
            return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
        });
        state.streams.registers.set(toInteger(entry, "row", 0, ROWS_MAX), values);
    }
    for (const [kid, epoch] of rows(3, 2)) {
        state.keyEnds.set(text(kid), toInteger(epoch, "epoch", 0, TIME_MAX));
    }
    for (const [id, last, round] of rows(4, 3)) {
        const enrolment = state.subjects.get(text(id)) ?? malformed("author", "an enrolment");
        const lastVertex = last === null ? null : text(last);
        state.authors.set(text(id), {
            enrolment,
            lastVertex,
            round: toInteger(round, "round", 0, TIME_MAX),
        });
    }
    for (const [id, round] of rows(5, 2)) {
        state.vertices.set(text(id), toInteger(round, "round", 0, TIME_MAX));
    }
    for (const id of map.array(6, ROWS_MAX)) state.revoked.add(text(id));
    takeParties(state, map);
    for (const [stream, owner] of rows(9, 2)) state.owners.set(text(stream), text(owner));
    for (const [key, hash, time] of rows(10, 3)) {
        const timeUnix = toInteger(time, "time", 0, TIME_MAX);
        state.notices.set(text(key), { hash: toBytes(hash, "hash", 32), timeUnix });
    }
    for (const [hash, party, time] of rows(11, 3)) {
        const timeUnix = toInteger(time, "time", 0, TIME_MAX);
        state.tariffs.set(text(hash), { party: toBytes(party, "party", 16), timeUnix });
    }
    for (const name of map.array(12, ROWS_MAX)) state.prunings.add(text(name));
    map.end();
}

function takeParties(state: LedgerState, map: MapReader): void {
    for (const bytes of map.array(7, ROWS_MAX)) {
        const party: Party = unwrap(parseParty(toBytes(bytes, "party", 1, ROWS_MAX)));
        state.partyKeys.set(toHex(kidOf(party.key)), party);
    }
    for (const kid of map.array(8, ROWS_MAX)) {
        const party = state.partyKeys.get(text(kid)) ?? malformed("party", "a key of a party");
        state.parties.set(toHex(party.id), party);
    }
}

function pendingOf(value: unknown): [number, PendingRecord] {
    const [seq, hash, bytes] = toArray(value, "pending", 3);
    return [
        toInteger(seq, "seq", 1, TIME_MAX),
        { hash: toBytes(hash, "hash", 32), bytes: toBytes(bytes, "record", 1, ROWS_MAX) },
    ];
}

function text(value: unknown): string {
    return typeof value === "string" ? value : malformed("state image", "text");
}
