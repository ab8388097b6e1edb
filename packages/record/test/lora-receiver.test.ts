import { bytesEqual, concatBytes, LIMITS, unwrap } from "@meterseal/core";
import { testBytes } from "@meterseal/testkit/keys";
import { TestChain, TestNetwork } from "@meterseal/testkit/records";
import { describe, expect, it } from "vitest";
import { encodeCbor } from "../src/cbor.ts";
import {
    checkpointOf,
    compactRecord,
    decodeLoraState,
    encodeLoraState,
    fragmentsOf,
    LORA_PORT,
    type LoraDevice,
    LoraReceiver,
    type LoraTaken,
    lightOf,
    newLoraState,
    sealLight,
} from "../src/lora/index.ts";
import { type MeterRecord, usageOf } from "../src/record.ts";
import { codeOf } from "./raw.ts";

const network = new TestNetwork();
const KEY = testBytes("light key", 16);

async function bed() {
    const meter = await network.meter("lora");
    const device: LoraDevice = {
        profile: {
            key: meter.signer.publicKey,
            subject: meter.subject,
            stream: meter.descriptor,
        },
        anchor: meter.enrolment.message.hash,
    };
    const state = newLoraState(0, device.anchor, KEY);
    let counter = 0;
    const frames = {
        compact: (record: MeterRecord) => ({
            port: LORA_PORT.compact,
            content: unwrap(compactRecord(record, device.profile)),
        }),
        checkpoint: (record: MeterRecord) => ({
            port: LORA_PORT.checkpoint,
            content: unwrap(checkpointOf(record, device.profile)),
        }),
        light: (record: MeterRecord, offset: number, count = 1) => {
            const reading = unwrap(lightOf(unwrap(usageOf(record)), offset, count));
            const content = unwrap(sealLight(reading, { counter: counter++, key: KEY }));
            return { port: LORA_PORT.light, content };
        },
    };
    return {
        chain: new TestChain(meter),
        device,
        frames,
        receiver: new LoraReceiver(device, state),
    };
}

function bytesOf({ records }: LoraTaken): Uint8Array[] {
    return records.map(({ record }) => record.message.bytes);
}

const one = { count: 1, values: { mode: "sealed", bytes: new Uint8Array(8).fill(7) } } as const;

describe("LoraReceiver", () => {
    it("gives compact records as they were signed", async () => {
        const { chain, frames, receiver } = await bed();
        for (let i = 0; i < 3; i++) {
            const record = await chain.usage(one);
            const taken = unwrap(receiver.take(frames.compact(record)));
            expect(bytesOf(taken)).toEqual([record.message.bytes]);
            expect(taken.ask).toBeNull();
        }
        expect(receiver.state.nextSeq).toBe(4);
    });

    it("asks for a record that was lost, and gives those behind it after that", async () => {
        const { chain, frames, receiver } = await bed();
        const [first, second, third] = [
            await chain.usage(one),
            await chain.usage(one),
            await chain.usage(one),
        ] as const;
        const ask = { chainEpoch: 0, seq: 1, missing: [] };
        expect(unwrap(receiver.take(frames.compact(third))).ask).toEqual(ask);
        expect(unwrap(receiver.take(frames.compact(second))).ask).toEqual(ask);
        const taken = unwrap(receiver.take(frames.compact(first)));
        expect(bytesOf(taken)).toEqual([first, second, third].map(({ message }) => message.bytes));
        expect(taken.records.map(({ state }) => state.nextSeq)).toEqual([2, 3, 4]);
        expect(unwrap(receiver.take(frames.compact(second)))).toMatchObject({
            records: [],
            isRepeated: true,
        });
    });

    it("has provisional readings until their checkpoint, and asks for one that was lost", async () => {
        const { chain, frames, receiver } = await bed();
        const record = await chain.usage();
        for (const offset of [0, 1, 3]) unwrap(receiver.take(frames.light(record, offset)));
        expect(receiver.provisional).toHaveLength(3);
        const early = unwrap(receiver.take(frames.checkpoint(record)));
        expect(early).toMatchObject({ records: [], ask: { seq: 1, missing: [[2, 1]] } });
        const taken = unwrap(receiver.take(frames.light(record, 2)));
        expect(bytesOf(taken)).toEqual([record.message.bytes]);
        expect(receiver.provisional).toEqual([]);
    });

    it("never makes a record of light readings alone", async () => {
        const { chain, frames, receiver } = await bed();
        const record = await chain.usage();
        for (let offset = 0; offset < 4; offset++)
            expect(unwrap(receiver.take(frames.light(record, offset))).records).toEqual([]);
        expect(receiver.state.nextSeq).toBe(1);
    });

    it("refuses what another key signed", async () => {
        const { chain, frames, receiver } = await bed();
        const record = await chain.usage(one);
        const frame = frames.compact(record);
        const content = frame.content.slice();
        content[content.length - 1] = (content.at(-1) as number) ^ 1;
        expect(codeOf(receiver.take({ ...frame, content }))).toBe("MS_SIGNATURE_BAD");
        expect(receiver.state.nextSeq).toBe(1);
        expect(unwrap(receiver.take(frame)).records).toHaveLength(1);
    });

    it("drops a checkpoint over other registers than those that came", async () => {
        const { chain, device, frames, receiver } = await bed();
        const record = await chain.usage();
        const usage = unwrap(usageOf(record));
        const reading = { ...unwrap(lightOf(usage, 0)), registers: new Uint8Array(8) };
        const content = unwrap(sealLight(reading, { counter: 900, key: KEY }));
        unwrap(receiver.take({ port: LORA_PORT.light, content }));
        const rest = new LoraReceiver(device, {
            ...receiver.state,
            keys: [{ key: KEY, counter: -1 }],
        });
        for (const offset of [1, 2, 3]) unwrap(rest.take(frames.light(record, offset)));
        expect(codeOf(rest.take(frames.checkpoint(record)))).toBe("MS_SIGNATURE_BAD");
        expect(unwrap(rest.take(frames.compact(await chain.usage(one)))).records).toEqual([]);
    });

    it("refuses a light reading again, and other registers at its boundary", async () => {
        const { chain, frames, receiver } = await bed();
        const record = await chain.usage();
        const frame = frames.light(record, 1);
        unwrap(receiver.take(frame));
        expect(codeOf(receiver.take(frame))).toBe("MS_REPLAYED");
        const other = {
            ...unwrap(lightOf(unwrap(usageOf(record)), 1)),
            registers: new Uint8Array(8),
        };
        const content = unwrap(sealLight(other, { counter: 99, key: KEY }));
        expect(codeOf(receiver.take({ port: LORA_PORT.light, content }))).toBe("MS_RESEALED");
    });

    it("goes on under a new session key; the one before counts until then, and the counter begins anew", async () => {
        const { chain, device, receiver } = await bed();
        const usage = unwrap(usageOf(await chain.usage()));
        const frame = (offset: number, counter: number, key: Uint8Array) => {
            const content = unwrap(sealLight(unwrap(lightOf(usage, offset)), { counter, key }));
            return { port: LORA_PORT.light, content };
        };
        const next = testBytes("next light key", 16);
        unwrap(receiver.take(frame(0, 7, KEY)));
        expect(codeOf(receiver.take(frame(1, 70, next)))).toBe("MS_SIGNATURE_BAD");
        receiver.renew(next);
        const again = new LoraReceiver(
            device,
            unwrap(decodeLoraState(encodeLoraState(receiver.state))),
        );
        unwrap(again.take(frame(1, 8, KEY)));
        expect(codeOf(again.take(frame(1, 8, KEY)))).toBe("MS_SIGNATURE_BAD");
        unwrap(again.take(frame(2, 0, next)));
        expect(codeOf(again.take(frame(3, 9, KEY)))).toBe("MS_SIGNATURE_BAD");
        expect(codeOf(again.take(frame(3, 0, next)))).toBe("MS_REPLAYED");
        expect(again.state.keys).toEqual([{ key: next, counter: 0 }]);
        const message = Uint8Array.of(0, 2, 0x58);
        const taken = unwrap(again.take({ port: LORA_PORT.handshake, content: message }));
        expect(taken).toMatchObject({ records: [], handshake: message });
    });

    it("keeps the key in use through handshakes whose end the meter did not hear", async () => {
        const { chain, receiver } = await bed();
        const usage = unwrap(usageOf(await chain.usage()));
        const frame = (offset: number, counter: number, key: Uint8Array) => {
            const content = unwrap(sealLight(unwrap(lightOf(usage, offset)), { counter, key }));
            return { port: LORA_PORT.light, content };
        };
        const [second, third] = [testBytes("second", 16), testBytes("third", 16)] as const;
        receiver.renew(second);
        receiver.renew(third);
        unwrap(receiver.take(frame(0, 0, KEY)));
        receiver.renew(second);
        receiver.renew(third);
        unwrap(receiver.take(frame(1, 1, KEY)));
        unwrap(receiver.take(frame(2, 0, third)));
        expect(codeOf(receiver.take(frame(3, 2, KEY)))).toBe("MS_SIGNATURE_BAD");
        expect(receiver.state.keys).toEqual([{ key: third, counter: 0 }]);
    });

    it("takes fragments of what does not fit a frame, and no compact record above 115 bytes", async () => {
        const { chain, frames, receiver } = await bed();
        const record = await chain.usage({
            count: 8,
            values: { mode: "sealed", bytes: new Uint8Array(64) },
        });
        const whole = frames.compact(record);
        expect(whole.content.length).toBeGreaterThan(LIMITS.loraCompactBytes);
        expect(codeOf(receiver.take(whole))).toBe("MS_TOO_LARGE");
        const parts = unwrap(fragmentsOf(whole, 1, 51)).reverse();
        const taken = parts.map((content) =>
            unwrap(receiver.take({ port: LORA_PORT.fragment, content })),
        );
        expect(taken.flatMap(bytesOf)).toEqual([record.message.bytes]);
    });

    it("goes on in the next chain epoch", async () => {
        const { chain, frames, receiver } = await bed();
        unwrap(receiver.take(frames.compact(await chain.usage(one))));
        const opening = await chain.epoch();
        const parts = unwrap(fragmentsOf(frames.compact(opening), 1, 115));
        const opened = parts.map((content) =>
            unwrap(receiver.take({ port: LORA_PORT.fragment, content })),
        );
        expect(opened.flatMap(bytesOf)).toEqual([opening.message.bytes]);
        const next = await chain.usage(one);
        expect(bytesOf(unwrap(receiver.take(frames.compact(next))))).toEqual([next.message.bytes]);
        expect(receiver.state).toMatchObject({ chainEpoch: 1, nextSeq: 3 });
    });

    it("has room for so many records that wait, and so many light readings", async () => {
        const { chain, frames, receiver } = await bed();
        await chain.usage(one);
        for (let i = 1; i < LIMITS.pendingRecords; i++)
            unwrap(receiver.take(frames.compact(await chain.usage(one))));
        expect(receiver.state.waiting).toHaveLength(LIMITS.pendingRecords - 1);
        const ask = { chainEpoch: 0, seq: 1, missing: [] };
        const beyond = receiver.take(frames.compact(await chain.usage(one)));
        expect(unwrap(beyond)).toMatchObject({ records: [], ask });
        expect(receiver.state.waiting).toHaveLength(LIMITS.pendingRecords - 1);
        const bytes = new Uint8Array(384 * 8);
        const long = { count: 384, values: { mode: "sealed", bytes } } as const;
        const records = [await chain.usage(long), await chain.usage(long), await chain.usage()];
        for (const record of records.slice(0, 2))
            for (let offset = 0; offset < 384; offset += 2)
                unwrap(receiver.take(frames.light(record, offset, 2)));
        const last = frames.light(records[2] as MeterRecord, 0);
        expect(codeOf(receiver.take(last))).toBe("MS_BUSY");
        expect(receiver.provisional).toHaveLength(LIMITS.loraLightReadings);
    });

    it("keeps its room from parts far ahead, which nobody signed, and asks for what it lacks", async () => {
        const { chain, device, frames, receiver } = await bed();
        const [first, second] = [await chain.usage(one), await chain.usage(one)] as const;
        const forged = Array.from({ length: LIMITS.pendingRecords }, (_, i) => ({
            port: LORA_PORT.compact,
            content: concatBytes(
                encodeCbor(
                    new Map([
                        [1, 2 ** 40 + i],
                        [4, 0],
                    ]),
                ),
                new Uint8Array(64),
            ),
        }));
        const ask = { chainEpoch: 0, seq: 1, missing: [] };
        for (const part of forged) expect(unwrap(receiver.take(part)).ask).toEqual(ask);
        expect(receiver.state.waiting).toEqual([]);
        // As a bridge kept them that took any number.
        const waiting = forged.map((part, i) => ({ ...part, seq: 2 ** 40 + i }));
        const again = new LoraReceiver(device, { ...receiver.state, waiting });
        expect(unwrap(again.take(frames.compact(second))).ask).toEqual(ask);
        expect(unwrap(again.take(frames.compact(first))).records).toHaveLength(2);
    });

    it("goes on from its state", async () => {
        const { chain, device, frames, receiver } = await bed();
        const [first, second] = [await chain.usage(one), await chain.usage()] as const;
        unwrap(receiver.take(frames.light(second, 1, 2)));
        unwrap(receiver.take(frames.checkpoint(second)));
        const state = unwrap(decodeLoraState(encodeLoraState(receiver.state)));
        expect(state).toEqual(receiver.state);
        const again = new LoraReceiver(device, state);
        unwrap(again.take(frames.light(second, 0)));
        unwrap(again.take(frames.light(second, 3)));
        const taken = unwrap(again.take(frames.compact(first)));
        expect(taken.records.map(({ record }) => record.seq)).toEqual([1, 2]);
        expect(bytesEqual(again.state.head, second.message.hash)).toBe(true);
        expect(codeOf(decodeLoraState(Uint8Array.of(0xa0)))).toBe("MS_MALFORMED");
    });

    it("refuses ports that are none of the profile's", async () => {
        const { receiver } = await bed();
        for (const port of [0, 1, LORA_PORT.ask, 85])
            expect(codeOf(receiver.take({ port, content: new Uint8Array(80) }))).toBe(
                "MS_MALFORMED",
            );
    });
});
