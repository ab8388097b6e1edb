import { error, fail, ok, type Result, unixOfSlot } from "@meterseal/core";
import { channelCount, eventOf, LEVEL, type MeterRecord, usageOf } from "@meterseal/record";
import { expandAddresses } from "../addresses.ts";
import { COMMITMENT_BYTES } from "../commit/group.ts";
import { SEALED_BYTES } from "../seal.ts";
import type { TreeAddress } from "../stream.ts";
import type { Point, RecordPlace } from "./stream-line.ts";

/** Registers at one end of a part, and the signed record that carries them. */
export type SumEnd = {
    /** Seconds since 1970. */
    readonly unix: number;
    /** Seal epoch under which they are sealed. */
    readonly sealEpoch: number;
    readonly address: TreeAddress;
    readonly record: RecordPlace & { readonly hash: Uint8Array };
    /** Sealed registers of all groups, 8 bytes a channel; plain ones of an open stream alike. */
    readonly registers: Uint8Array;
    /** Of the first groups, 32 bytes each; none where the meter signed none to these registers. */
    readonly commitments: readonly Uint8Array[];
};

/**
 * Registers of a point in the record that carries it.
 * @returns MS_BOUNDARY_ADDRESS where the record does not reach to the point or belongs to another
 * seal epoch; MS_MALFORMED for a body of another shape.
 */
export function sumEndOf(record: MeterRecord, point: Point): Result<SumEnd> {
    return point.kind === "boundary"
        ? boundaryEnd(record, point.sealEpoch, point.slot)
        : eventEnd(record, point.kind === "stated");
}

function boundaryEnd(record: MeterRecord, sealEpoch: number, slot: number): Result<SumEnd> {
    const usage = usageOf(record);
    if (!usage.ok) return usage;
    const { count, firstSlot, groups, slotSeconds, values } = usage.value;
    const offset = slot - firstSlot;
    if (offset < 0 || offset >= count || usage.value.sealEpoch !== sealEpoch) {
        const expected = `slot ${slot} of seal epoch ${sealEpoch}`;
        return fail(error("MS_BOUNDARY_ADDRESS", { where: nameOf(record), expected }));
    }
    const addresses = expandAddresses(usage.value);
    if (!addresses.ok) return addresses;
    return ok({
        unix: unixOfSlot(slot, slotSeconds),
        sealEpoch,
        address: addresses.value[offset] as TreeAddress,
        record: placeOf(record),
        registers: registersAt(values, offset, channelCount(groups)),
        commitments: (usage.value.commitments ?? []).map((list) =>
            list.subarray(offset * COMMITMENT_BYTES, (offset + 1) * COMMITMENT_BYTES),
        ),
    });
}

function eventEnd(record: MeterRecord, stated: boolean): Result<SumEnd> {
    const event = eventOf(record);
    if (!event.ok) return event;
    const { atUnix, before, groups, index, sealEpoch } = event.value;
    const values = stated ? before?.stated : event.value.values;
    if (values === undefined) {
        const expected = "registers of the epoch before";
        return fail(error("MS_BOUNDARY_ADDRESS", { where: nameOf(record), expected }));
    }
    return ok({
        unix: atUnix,
        sealEpoch,
        address: { level: LEVEL.event, index: stated ? index + 1 : index },
        record: placeOf(record),
        registers: registersAt(values, 0, channelCount(groups)),
        commitments: stated ? [] : (event.value.commitments ?? []),
    });
}

function placeOf({ chainEpoch, message, seq }: MeterRecord): SumEnd["record"] {
    return { chainEpoch, seq, hash: message.hash };
}

function nameOf({ chainEpoch, seq }: MeterRecord): string {
    return `record ${chainEpoch}/${seq}`;
}

function registersAt(
    values:
        | { readonly mode: "sealed"; readonly bytes: Uint8Array }
        | { readonly mode: "open"; readonly registers: readonly bigint[] },
    offset: number,
    channels: number,
): Uint8Array {
    const at = offset * channels;
    if (values.mode === "sealed") {
        return values.bytes.subarray(at * SEALED_BYTES, (at + channels) * SEALED_BYTES);
    }
    const bytes = new Uint8Array(channels * SEALED_BYTES);
    const view = new DataView(bytes.buffer);
    for (let channel = 0; channel < channels; channel++) {
        view.setBigUint64(channel * SEALED_BYTES, values.registers[at + channel] ?? 0n);
    }
    return bytes;
}
