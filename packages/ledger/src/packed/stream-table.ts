import { assert, bytesEqual, toHex } from "@meterseal/core";
import type { StreamState } from "../accept/state.ts";
import { ItemPages } from "../merkle/item-pages.ts";
import type { Enrolments, EnrolmentTable } from "./enrolment-table.ts";
import { NumberedIndex } from "./numbered-index.ts";
import { nameOfKey } from "./numbered-name.ts";
import type { Table } from "./table.ts";

/** Layout of a row: name of the enrolment and place in it, flags, and numbers. */
const AT = {
    enrolment: 0,
    place: 8,
    flags: 9,
    lastSlot: 10,
    lastIndex: 18,
    lastEvent: 42,
    openedUnix: 50,
} as const;
const ROW_BYTES = 58;
const FLAG = { closed: 1, frozen: 2 } as const;
const NUMBER_BYTES = 8;

/** What changes of a stream. */
export type StreamProgress = Omit<StreamState, "descriptor" | "subject">;

/** Streams by name, packed: about 90 bytes each, and their registers where those are open. */
export class StreamTable implements Table<StreamState> {
    readonly index: NumberedIndex = new NumberedIndex();
    readonly rows: ItemPages = new ItemPages(ROW_BYTES);
    /** Last registers of open streams, by row. */
    readonly registers: Map<number, readonly bigint[]> = new Map();
    readonly #enrolments: Enrolments;
    readonly #subjects: EnrolmentTable;

    /** @param subjects - latest enrolments: a stream comes with that of its subject. */
    constructor(enrolments: Enrolments, subjects: EnrolmentTable) {
        this.#enrolments = enrolments;
        this.#subjects = subjects;
    }

    /** Number of streams, each seal epoch for itself. */
    get size(): number {
        return this.index.size;
    }

    /** True where a stream has this name. */
    has(name: string): boolean {
        return this.index.find(name) >= 0;
    }

    /** Copy of a stream's state. */
    get(name: string): StreamState | undefined {
        const entry = this.index.find(name);
        return entry < 0 ? undefined : this.#stream(entry);
    }

    /** What changes of a stream's state, for which its enrolment need not be parsed. */
    progress(name: string): StreamProgress | undefined {
        const entry = this.index.find(name);
        return entry < 0 ? undefined : this.#progress(entry);
    }

    /** Puts a state in the place of the one before. */
    set(name: string, stream: StreamState): void {
        let entry = this.index.find(name);
        if (entry < 0) {
            entry = this.index.add(name);
            this.rows.push(this.#firstRow(stream));
        }
        const row = viewOf(this.rows.at(entry));
        row.setUint8(
            AT.flags,
            (stream.closed ? FLAG.closed : 0) | (stream.frozen ? FLAG.frozen : 0),
        );
        row.setFloat64(AT.lastSlot, stream.lastSlot);
        for (let level = 1; level <= 3; level++) {
            const at = AT.lastIndex + (level - 1) * NUMBER_BYTES;
            row.setFloat64(at, stream.lastIndex[level] ?? -1);
        }
        row.setFloat64(AT.lastEvent, stream.lastEvent);
        row.setFloat64(AT.openedUnix, stream.openedUnix);
        if (stream.registers.length > 0) this.registers.set(entry, stream.registers);
    }

    *keys(): Generator<string> {
        for (let entry = 0; entry < this.size; entry++) yield nameOfKey(this.index.keyOf(entry));
    }

    *values(): Generator<StreamState> {
        for (let entry = 0; entry < this.size; entry++) yield this.#stream(entry);
    }

    *[Symbol.iterator](): Generator<[string, StreamState]> {
        for (let entry = 0; entry < this.size; entry++) {
            yield [nameOfKey(this.index.keyOf(entry)), this.#stream(entry)];
        }
    }

    /** Row that names where the stream is described: in the latest enrolment of its subject. */
    #firstRow({ descriptor, subject }: StreamState): Uint8Array {
        const name = this.#subjects.nameOf(subject);
        assert(name !== null, `an enrolment of ${toHex(subject)}`);
        const place = this.#enrolments
            .get(name)
            .streams.findIndex(
                ({ sealEpoch, stream }) =>
                    sealEpoch === descriptor.sealEpoch && bytesEqual(stream, descriptor.stream),
            );
        assert(place >= 0, "a stream of that enrolment");
        const bytes = new Uint8Array(ROW_BYTES);
        const row = viewOf(bytes);
        row.setFloat64(AT.enrolment, name);
        row.setUint8(AT.place, place);
        return bytes;
    }

    #stream(entry: number): StreamState {
        const row = viewOf(this.rows.at(entry));
        const { id, streams } = this.#enrolments.get(row.getFloat64(AT.enrolment));
        const descriptor = streams[row.getUint8(AT.place)];
        assert(descriptor !== undefined, "the enrolment has this stream");
        return { descriptor, subject: id, ...this.#progress(entry) };
    }

    #progress(entry: number): StreamProgress {
        const row = viewOf(this.rows.at(entry));
        const index = (level: number): number =>
            row.getFloat64(AT.lastIndex + (level - 1) * NUMBER_BYTES);
        const flags = row.getUint8(AT.flags);
        return {
            lastSlot: row.getFloat64(AT.lastSlot),
            lastIndex: [-1, index(1), index(2), index(3)],
            registers: this.registers.get(entry) ?? [],
            lastEvent: row.getFloat64(AT.lastEvent),
            openedUnix: row.getFloat64(AT.openedUnix),
            closed: (flags & FLAG.closed) !== 0,
            frozen: (flags & FLAG.frozen) !== 0,
        };
    }
}

function viewOf(bytes: Uint8Array): DataView {
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
