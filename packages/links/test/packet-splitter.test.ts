import { packet, publishPacket } from "@meterseal/testkit/mqtt-packets";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PacketRefused, PacketSplitter } from "../src/mqtt/packet-splitter.ts";
import { parsePublish, publishQos0 } from "../src/mqtt/publish-packet.ts";

function split(splitter: PacketSplitter, chunk: Uint8Array): Buffer[] {
    const out: Buffer[] = [];
    splitter.feed(Buffer.from(chunk));
    for (let next = splitter.next(); next !== null; next = splitter.next()) out.push(next);
    return out;
}

describe("packet splitter", () => {
    it("gives the same packets, however the stream is cut", () => {
        const packets = fc.array(
            fc
                .tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 400 }))
                .map(([first, body]) => packet(first, body)),
            { maxLength: 8 },
        );
        fc.assert(
            fc.property(packets, fc.array(fc.nat({ max: 300 })), (whole, cuts) => {
                const stream = Buffer.concat(whole);
                const splitter = new PacketSplitter(() => 1_000);
                const out: Buffer[] = [];
                let at = 0;
                for (const cut of [...cuts, stream.length]) {
                    out.push(...split(splitter, stream.subarray(at, at + cut)));
                    at = Math.min(stream.length, at + cut);
                }
                expect(out).toEqual(whole);
            }),
        );
    });

    it("takes a packet of the limit and refuses one byte more at its header", () => {
        const limit = 1_000;
        const fits = packet(0x30, new Uint8Array(997));
        expect(split(new PacketSplitter(() => limit), fits)).toEqual([fits]);
        const over = packet(0x30, new Uint8Array(998)).subarray(0, 3);
        expect(() => split(new PacketSplitter(() => limit), over)).toThrow(PacketRefused);
    });

    it("refuses a length of more than four bytes", () => {
        const bytes = Buffer.of(0x30, 0x80, 0x80, 0x80, 0x80, 0x01);
        expect(() => split(new PacketSplitter(() => 2 ** 40), bytes)).toThrow(PacketRefused);
    });
});

describe("PUBLISH", () => {
    it("at QoS 0 reads back whole, at every length of its length", () => {
        const topic = "ms/1/t/00112233445566778899aabbccddeeff/rcpt";
        for (const size of [0, 1, 81, 82, 127, 128, 16_337, 16_338, 65_536]) {
            const payload = new Uint8Array(size).fill(size);
            const bytes = publishQos0(topic, payload);
            expect(split(new PacketSplitter(() => 70_000), bytes)).toEqual([bytes]);
            const expected = { topic, qos: 0, retain: false, id: 0, payload };
            expect(parsePublish(bytes)).toEqual(expected);
        }
    });

    it("is taken apart", () => {
        const bytes = publishPacket("a/b", Uint8Array.of(1, 2), { id: 513, retain: true });
        expect(parsePublish(bytes)).toEqual({
            topic: "a/b",
            qos: 1,
            retain: true,
            id: 513,
            payload: Uint8Array.of(1, 2),
        });
        expect(parsePublish(publishPacket("a", new Uint8Array(0), { qos: 0 }))?.id).toBe(0);
    });

    it("never throws, whatever the bytes", () => {
        fc.assert(
            fc.property(fc.uint8Array({ maxLength: 40 }), (body) => {
                const bytes = packet(0x30 | ((body[0] ?? 0) & 0x0f), body);
                const publish = parsePublish(bytes);
                expect(publish === null || publish.payload.length <= body.length).toBe(true);
            }),
        );
    });
});
