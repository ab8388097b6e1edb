import {
    concatBytes,
    error,
    fail,
    LIMITS,
    ok,
    openAes128Gcm,
    type Result,
    sealAes128Gcm,
    u32be,
    utf8,
} from "@meterseal/core";
import { decodeCbor, encodeCbor } from "../cbor.ts";
import { attempt, malformed, toArray, toBytes, toInteger } from "../parse.ts";
import { channelCount, FLAG, type UsageBody } from "../usage.ts";
import type { LoraProfile } from "./profile.ts";

/** Registers of consecutive boundaries that no signature covers yet. */
export type LightReading = {
    readonly sealEpoch: number;
    readonly firstSlot: number;
    /** 8 bytes a channel and boundary, big-endian: sealed, or plain in an open stream. */
    readonly registers: Uint8Array;
    /** Of the interval that ends at the last boundary, one of FLAG; absent where it was measured. */
    readonly flag?: number;
};

const COUNTER_BYTES = 4;
const TAG_BYTES = 16;
const REGISTER_BYTES = 8;
/** Name of the form, and external_aad (RFC 9052 section 5.3). */
const TYPE = utf8("meterseal/light/v1");
/** AES-GCM-128 (RFC 9053 section 4.1). */
const PROTECTED = encodeCbor(new Map([[1, 1]]));
const ASSOCIATED = encodeCbor(["Encrypt0", PROTECTED, TYPE]);

/**
 * Frame of a light reading: a counter in 4 bytes, and the content of a COSE_Encrypt0 under AES-GCM-128
 * whose partial IV the counter is, everything before it fixed by the port.
 * @param key - session key of the meter, 16 bytes.
 * @param counter - never used before with this key, below 2^32; the meter keeps it durably.
 * @returns MS_TOO_LARGE beyond {@link LIMITS.loraLightBytes}, MS_MALFORMED.
 */
export function sealLight(
    reading: LightReading,
    { counter, key }: { readonly counter: number; readonly key: Uint8Array },
): Result<Uint8Array> {
    return attempt(() => {
        const { firstSlot, flag, registers, sealEpoch } = reading;
        toInteger(counter, "counter", 0, 0xffff_ffff);
        const flags = flag === undefined ? [] : [flag];
        const content = encodeCbor([sealEpoch, firstSlot, registers, ...flags]);
        const sealed = sealAes128Gcm(key, nonceOf(u32be(counter)), ASSOCIATED, content);
        const frame = concatBytes(u32be(counter), sealed);
        requireFits(frame);
        return frame;
    });
}

/**
 * Light reading of a frame.
 * @param after - the highest counter that was taken; -1 before the first.
 * @returns MS_TOO_LARGE, MS_MALFORMED; MS_REPLAYED for a counter not above `after`; MS_SIGNATURE_BAD for
 * what the meter's session key did not make.
 */
export function openLight(
    frame: Uint8Array,
    profile: LoraProfile,
    { after, key }: { readonly after: number; readonly key: Uint8Array },
): Result<LightReading & { readonly counter: number }> {
    const header = attempt(() => {
        requireFits(frame);
        if (frame.length <= COUNTER_BYTES + TAG_BYTES) malformed("light", "a counter and content");
        return new DataView(frame.buffer, frame.byteOffset, frame.length).getUint32(0);
    });
    if (!header.ok) return header;
    const counter = header.value;
    if (counter <= after)
        return fail(error("MS_REPLAYED", { where: "light", expected: `above ${after}` }));
    const nonce = nonceOf(frame.subarray(0, COUNTER_BYTES));
    const content = openAes128Gcm(key, nonce, ASSOCIATED, frame.subarray(COUNTER_BYTES));
    if (content === null) return fail(error("MS_SIGNATURE_BAD", { where: "light" }));
    const reading = decodeLight(content, profile);
    return reading.ok ? ok({ ...reading.value, counter }) : reading;
}

/** Registers of one boundary of a usage body as a light reading has them; MS_MALFORMED beyond its count. */
export function lightOf(usage: UsageBody, offset: number, count = 1): Result<LightReading> {
    return attempt(() => {
        toInteger(offset, "offset", 0, usage.count - count);
        const width = channelCount(usage.groups);
        const last = offset + count - 1;
        const run = usage.flags.find(
            (each) => last >= each.offset && last < each.offset + each.length,
        );
        return {
            sealEpoch: usage.sealEpoch,
            firstSlot: usage.firstSlot + offset,
            registers: registerBytes(usage, offset * width, count * width),
            ...(run === undefined ? {} : { flag: run.flag }),
        };
    });
}

function registerBytes({ values }: UsageBody, first: number, count: number): Uint8Array {
    if (values.mode === "sealed")
        return values.bytes.slice(first * REGISTER_BYTES, (first + count) * REGISTER_BYTES);
    const bytes = new Uint8Array(count * REGISTER_BYTES);
    const view = new DataView(bytes.buffer);
    for (const [i, register] of values.registers.slice(first, first + count).entries())
        view.setBigUint64(i * REGISTER_BYTES, register);
    return bytes;
}

function decodeLight(content: Uint8Array, { stream }: LoraProfile): Result<LightReading> {
    return attempt(() => {
        const fields = toArray(decodeCbor(content), "light", 4);
        const [sealEpoch, firstSlot, registers, flag] = fields;
        if (fields.length < 3) malformed("light", "seal epoch, slot, registers");
        const width = channelCount(stream.groups) * REGISTER_BYTES;
        const bytes = toBytes(registers, "light[2]", width, LIMITS.loraLightBytes);
        if (bytes.length % width !== 0) malformed("light[2]", "whole boundaries");
        return {
            sealEpoch: toInteger(sealEpoch, "light[0]", 0, 0xffff_ffff),
            firstSlot: toInteger(firstSlot, "light[1]", 0, 0xffff_ffff - LIMITS.usageBoundaries),
            registers: bytes,
            ...(fields.length === 3
                ? {}
                : { flag: toInteger(flag, "light[3]", FLAG.missing, FLAG.estimated) }),
        };
    });
}

function requireFits(frame: Uint8Array): void {
    if (frame.length <= LIMITS.loraLightBytes) return;
    const expected = `at most ${LIMITS.loraLightBytes} bytes`;
    throw error("MS_TOO_LARGE", { where: "light", expected, got: `${frame.length} bytes` });
}

/** The partial IV at the end of a nonce of zeros (RFC 9052 section 3.1, with an IV of zeros). */
function nonceOf(counter: Uint8Array): Uint8Array {
    return concatBytes(new Uint8Array(12 - COUNTER_BYTES), counter);
}
