import { error, unixOfSlot, unwrap } from "@meterseal/core";
import { channelsOfGroup, type MeterRecord, usageOf } from "@meterseal/record";
import { type Hex, hexOf } from "./hex.ts";

/** A register at one boundary, named as the contract of single writes names it. */
export type OpenRegister = {
    /** Subject of the meter (16 bytes), 15 zeros, twice the group and its channel. */
    readonly register: Hex;
    /** In units of the stream. */
    readonly value: bigint;
    /** Instant of the boundary, Unix seconds. */
    readonly time: number;
};

/**
 * The registers of an open usage record, boundary after boundary, for the profiles that write them on
 * a chain where everybody reads them.
 * @throws MetersealError MS_NOT_ALLOWED for a sealed record (formats 11); MS_MALFORMED.
 */
export function openRegisters(record: MeterRecord): OpenRegister[] {
    const usage = unwrap(usageOf(record));
    if (usage.values.mode !== "open") {
        throw error("MS_NOT_ALLOWED", {
            where: "EVM profile of plaintext registers",
            expected: "an open stream",
            got: "a sealed one",
        });
    }
    const { count, firstSlot, groups, slotSeconds, values } = usage;
    const names = groups.flatMap((group) =>
        Array.from({ length: channelsOfGroup(group) }, (_, half) =>
            registerName(record.subject, group * 2 + half),
        ),
    );
    return Array.from({ length: count }, (_, boundary) =>
        names.map((register, channel) => ({
            register,
            value: values.registers[boundary * names.length + channel] ?? 0n,
            time: unixOfSlot(firstSlot + boundary, slotSeconds),
        })),
    ).flat();
}

function registerName(subject: Uint8Array, channel: number): Hex {
    const name = new Uint8Array(32);
    name.set(subject);
    name[31] = channel;
    return hexOf(name);
}
