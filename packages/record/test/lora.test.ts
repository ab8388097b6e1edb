import { bytesEqual, concatBytes, LIMITS, unwrap } from "@meterseal/core";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { TEST_START_SLOT, TestChain, TestNetwork } from "@meterseal/testkit/records";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
    checkpointOf,
    compactPlace,
    compactReceipt,
    compactRecord,
    decodeAsk,
    encodeAsk,
    FragmentJoiner,
    fragmentsOf,
    LORA_PORT,
    type LoraProfile,
    lightOf,
    openLight,
    parseCheckpoint,
    rebuildCovered,
    rebuildReceipt,
    rebuildRecord,
    sealLight,
} from "../src/lora/index.ts";
import { createReceipt, RECEIPT_LEVEL } from "../src/receipt.ts";
import { type MeterRecord, usageOf } from "../src/record.ts";
import { verifySign1 } from "../src/sign1.ts";
import { encodeWarning, WARNING_KIND } from "../src/warning.ts";
import { codeOf } from "./raw.ts";

const network = new TestNetwork();
const KEY = testBytes("light key", 16);

async function bed(groups: readonly number[] = [0]) {
    const meter = await network.meter("lora", { groups });
    const profile: LoraProfile = {
        key: meter.signer.publicKey,
        subject: meter.subject,
        stream: meter.descriptor,
    };
    return { chain: new TestChain(meter), meter, profile };
}

/** Registers of a record, as its light readings carry them. */
function registersOf(record: MeterRecord): Uint8Array {
    const { values } = unwrap(usageOf(record));
    return values.mode === "sealed" ? values.bytes : new Uint8Array();
}

describe("compact records", () => {
    it("come back byte for byte, and their signature fits unchanged", async () => {
        const { chain, meter, profile } = await bed();
        const prev = chain.head;
        const record = await chain.usage({ count: 2, values: sealed(2) });
        const compact = unwrap(compactRecord(record, profile));
        expect(compact.length).toBeLessThanOrEqual(LIMITS.loraCompactBytes);
        const again = unwrap(rebuildRecord(compact, profile, prev));
        expect(bytesEqual(again.message.bytes, record.message.bytes)).toBe(true);
        expect(verifySign1(again.message, meter.signer.publicKey)).toBe(true);
        expect(unwrap(compactPlace(compact))).toEqual({ chainEpoch: 0, seq: 1 });
    });

    it("are of every class", async () => {
        const { chain, meter, profile } = await bed([0, 1]);
        const warning = encodeWarning({
            ...{ stream: meter.descriptor.stream, sealEpoch: 0 },
            ...{ kind: WARNING_KIND.thinned, fromSlot: TEST_START_SLOT },
        });
        for (const make of [
            () => chain.warning(warning),
            () => chain.usage({ flags: [{ offset: 1, length: 2, flag: 1 }] }),
            () => chain.epoch(),
            () => chain.warning(1, { ref: testBytes("ref", 9), expiresUnix: 1_400_000_000 }),
        ]) {
            const record = await make();
            const compact = unwrap(compactRecord(record, profile));
            const again = unwrap(rebuildRecord(compact, profile, record.prev));
            expect(bytesEqual(again.message.bytes, record.message.bytes)).toBe(true);
        }
    });

    it("do not verify with another record before them, nor with a byte changed", async () => {
        const { chain, meter, profile } = await bed();
        const record = await chain.usage({ count: 1, values: sealed(1) });
        const compact = unwrap(compactRecord(record, profile));
        const elsewhere = unwrap(rebuildRecord(compact, profile, testBytes("prev", 32)));
        expect(verifySign1(elsewhere.message, meter.signer.publicKey)).toBe(false);
        for (let at = 0; at < compact.length; at++) {
            const changed = compact.slice();
            changed[at] = (changed[at] as number) ^ 1;
            const again = rebuildRecord(changed, profile, record.prev);
            if (again.ok) {
                expect(verifySign1(again.value.message, meter.signer.publicKey)).toBe(false);
            }
        }
    });

    it("refuse what is of another device, stream or algorithm", async () => {
        const { chain, meter, profile } = await bed();
        const record = await chain.usage();
        const other = await network.meter("other");
        const rsa = { algorithm: -37, modulus: new Uint8Array(256) } as never;
        for (const wrong of [
            { ...profile, subject: other.subject },
            { ...profile, key: other.signer.publicKey },
            { ...profile, stream: { ...meter.descriptor, slotSeconds: 1800 } },
            { ...profile, stream: { ...meter.descriptor, scale: 1 } },
            { ...profile, key: rsa },
        ]) {
            expect(codeOf(compactRecord(record, wrong))).toBe("MS_MALFORMED");
        }
    });

    it("refuse fields that are implied, other encodings, and what is too short", async () => {
        const { chain, profile } = await bed();
        const record = await chain.usage();
        const { payload, signature } = record.message;
        const whole = concatBytes(payload, signature);
        expect(codeOf(rebuildRecord(whole, profile, record.prev))).toBe("MS_MALFORMED");
        const compact = unwrap(compactRecord(record, profile));
        for (const wrong of [
            compact.subarray(0, 64),
            compact.subarray(1),
            concatBytes(Uint8Array.of(0xf6), compact.subarray(-64)),
            new Uint8Array(),
        ]) {
            expect(codeOf(rebuildRecord(wrong, profile, record.prev))).toBe("MS_MALFORMED");
            expect(codeOf(compactPlace(wrong))).toBe("MS_MALFORMED");
        }
    });
});

describe("light readings", () => {
    it("fit 51 bytes, two registers in 44", async () => {
        const { chain, profile } = await bed();
        const usage = unwrap(usageOf(await chain.usage()));
        const one = unwrap(sealLight(unwrap(lightOf(usage, 3)), { counter: 7, key: KEY }));
        const two = unwrap(sealLight(unwrap(lightOf(usage, 2, 2)), { counter: 8, key: KEY }));
        expect([one.length, two.length]).toEqual([36, 44]);
        const three = sealLight(unwrap(lightOf(usage, 1, 3)), { counter: 9, key: KEY });
        expect(codeOf(three)).toBe("MS_TOO_LARGE");
        const opened = unwrap(openLight(two, profile, { after: 7, key: KEY }));
        expect(opened).toEqual({ ...unwrap(lightOf(usage, 2, 2)), counter: 8 });
        expect(codeOf(openLight(new Uint8Array(52), profile, { after: -1, key: KEY }))).toBe(
            "MS_TOO_LARGE",
        );
    });

    it("carry the flag of their last interval", async () => {
        const { chain, profile } = await bed();
        const flags = [{ offset: 1, length: 1, flag: 1 }];
        const usage = unwrap(usageOf(await chain.usage({ flags })));
        expect(unwrap(lightOf(usage, 0)).flag).toBeUndefined();
        const frame = unwrap(sealLight(unwrap(lightOf(usage, 1)), { counter: 0, key: KEY }));
        expect(unwrap(openLight(frame, profile, { after: -1, key: KEY })).flag).toBe(1);
    });

    it("refuse a counter again, another key, and any changed bit", async () => {
        const { chain, profile } = await bed();
        const usage = unwrap(usageOf(await chain.usage()));
        const frame = unwrap(sealLight(unwrap(lightOf(usage, 0)), { counter: 5, key: KEY }));
        expect(codeOf(openLight(frame, profile, { after: 5, key: KEY }))).toBe("MS_REPLAYED");
        const otherKey = testBytes("other key", 16);
        expect(codeOf(openLight(frame, profile, { after: -1, key: otherKey }))).toBe(
            "MS_SIGNATURE_BAD",
        );
        for (let bit = 0; bit < frame.length * 8; bit++) {
            const changed = frame.slice();
            changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
            expect(codeOf(openLight(changed, profile, { after: -1, key: KEY }))).toBe(
                "MS_SIGNATURE_BAD",
            );
        }
        expect(codeOf(openLight(frame.subarray(0, 20), profile, { after: -1, key: KEY }))).toBe(
            "MS_MALFORMED",
        );
    });

    it("refuse registers of another width, and a counter that is none", async () => {
        const { profile } = await bed([0, 1]);
        const reading = { sealEpoch: 0, firstSlot: 1, registers: new Uint8Array(8) };
        const frame = unwrap(sealLight(reading, { counter: 1, key: KEY }));
        expect(codeOf(openLight(frame, profile, { after: -1, key: KEY }))).toBe("MS_MALFORMED");
        for (const counter of [-1, 0.5, 2 ** 32])
            expect(codeOf(sealLight(reading, { counter, key: KEY }))).toBe("MS_MALFORMED");
    });
});

describe("checkpoints", () => {
    it("sign the registers of a day that light readings brought", async () => {
        const { chain, meter, profile } = await bed();
        const record = await chain.usage({ count: 96, values: sealed(96) });
        const checkpoint = unwrap(checkpointOf(record, profile));
        expect(checkpoint.length).toBeLessThanOrEqual(LIMITS.loraCompactBytes);
        expect(unwrap(parseCheckpoint(checkpoint))).toMatchObject({ seq: 1, count: 96 });
        const registers = registersOf(record);
        const again = unwrap(rebuildCovered(checkpoint, registers, profile, record.prev));
        expect(bytesEqual(again.message.bytes, record.message.bytes)).toBe(true);
        registers[40] = (registers[40] as number) ^ 1;
        const forged = unwrap(rebuildCovered(checkpoint, registers, profile, record.prev));
        expect(verifySign1(forged.message, meter.signer.publicKey)).toBe(false);
    });

    it("refuse another number of registers, and what is no checkpoint", async () => {
        const { chain, profile } = await bed();
        const record = await chain.usage();
        const checkpoint = unwrap(checkpointOf(record, profile));
        const short = registersOf(record).subarray(8);
        expect(codeOf(rebuildCovered(checkpoint, short, profile, record.prev))).toBe(
            "MS_MALFORMED",
        );
        const compact = unwrap(compactRecord(record, profile));
        expect(codeOf(parseCheckpoint(compact))).toBe("MS_MALFORMED");
        expect(codeOf(checkpointOf(await chain.warning(), profile))).toBe("MS_MALFORMED");
    });
});

describe("fragments", () => {
    it("come together in any order, also twice", () => {
        fc.assert(
            fc.property(
                fc.uint8Array({ minLength: 1, maxLength: 500 }),
                fc.integer({ min: 34, max: 242 }),
                fc.integer(),
                (content, frameBytes, seed) => {
                    const transfer = seed & 255;
                    const parts = unwrap(fragmentsOf({ port: 10, content }, transfer, frameBytes));
                    expect(parts.every((part) => part.length <= frameBytes)).toBe(true);
                    const joiner = new FragmentJoiner();
                    const shuffled = [...parts].sort(
                        (a, b) => ((a[1] ?? 0) ^ seed) - ((b[1] ?? 0) ^ seed),
                    );
                    const seen = [...shuffled.slice(0, -1), ...shuffled].map((part) =>
                        unwrap(joiner.take(part)),
                    );
                    const whole = seen.filter((each) => each !== null);
                    expect(whole).toEqual([{ port: 10, content }]);
                },
            ),
        );
    });

    it("refuse more than sixteen, and places that are none", () => {
        const content = new Uint8Array(16 * 49);
        expect(codeOf(fragmentsOf({ port: 10, content }, 0, 51))).toBe("MS_TOO_LARGE");
        expect(unwrap(fragmentsOf({ port: 10, content: content.subarray(1) }, 0, 51))).toHaveLength(
            16,
        );
        const joiner = new FragmentJoiner();
        for (const wrong of [[], [1], [1, 0], [1, 0x21, 0]])
            expect(codeOf(joiner.take(Uint8Array.from(wrong)))).toBe("MS_MALFORMED");
    });

    it("of a new transfer take the place of one that was never whole", () => {
        const joiner = new FragmentJoiner();
        expect(unwrap(joiner.take(Uint8Array.of(1, 0x01, 9)))).toBeNull();
        expect(unwrap(joiner.take(Uint8Array.of(2, 0x11, 8)))).toBeNull();
        expect(unwrap(joiner.take(Uint8Array.of(2, 0x01, 10)))).toEqual({
            port: 10,
            content: Uint8Array.of(8),
        });
    });
});

describe("receipts and asks", () => {
    it("come back as the collector signed them", async () => {
        const { chain, profile } = await bed();
        const { message } = await chain.usage();
        const collector = testSigner("collector");
        const receipt = await createReceipt(collector, {
            ...{ subject: profile.subject, chainEpoch: 0, seq: 1, recordHash: message.hash },
            ...{ level: RECEIPT_LEVEL.final, code: 0, timeUnix: 1_357_000_000, leafIndex: 3 },
            checkpoint: { size: 4, root: testBytes("root", 32) },
        });
        const compact = unwrap(compactReceipt(receipt));
        expect(compact.length).toBeLessThanOrEqual(3 * 49);
        const context = { collectorKey: collector.publicKey, subject: profile.subject };
        const again = unwrap(rebuildReceipt(compact, context, () => message.hash));
        expect(bytesEqual(again.message.bytes, receipt)).toBe(true);
        expect(codeOf(rebuildReceipt(compact, context, () => null))).toBe("MS_MALFORMED");
        expect(codeOf(rebuildReceipt(receipt, context, () => message.hash))).toBe("MS_MALFORMED");
        expect(codeOf(compactReceipt(message.bytes))).toBe("MS_VERSION");
        const other = unwrap(rebuildReceipt(compact, context, () => testBytes("other", 32)));
        expect(verifySign1(other.message, collector.publicKey)).toBe(false);
    });

    it("name what is missing in one frame", () => {
        const missing = Array.from({ length: 8 }, (_, i): [number, number] => [380 - i * 2, 1]);
        const ask = { chainEpoch: 0, seq: 70_000, missing };
        const frame = encodeAsk(ask);
        expect(frame.length).toBeLessThanOrEqual(LIMITS.loraLightBytes);
        expect(unwrap(decodeAsk(frame))).toEqual(ask);
        for (const wrong of [[], [0xf6], [0x81, 0], [0x83, 0, 1, 0x83, 1, 1, 1]])
            expect(codeOf(decodeAsk(Uint8Array.from(wrong)))).toBe("MS_MALFORMED");
    });

    it("are ports that do not meet", () => {
        expect(new Set(Object.values(LORA_PORT)).size).toBe(6);
    });
});

function sealed(count: number): { mode: "sealed"; bytes: Uint8Array } {
    return { mode: "sealed", bytes: new Uint8Array(count * 8).map((_, i) => i) };
}
