import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CoapMessage, decodeMessage, encodeMessage } from "../src/coap/codec.ts";
import { EchoValues } from "../src/coap/echo.ts";
import { blockOf, blockOption, uintOf, uintOption } from "../src/coap/options.ts";
import { Peer, PeerTable } from "../src/coap/peers.ts";

function messageWith(options: CoapMessage["options"]): CoapMessage {
    const empty = Buffer.alloc(0);
    return { type: "con", code: "0.02", id: 1, token: empty, options, payload: empty };
}

describe("CoAP messages", () => {
    it("read back as they were written", () => {
        const bytes = (maxLength: number) =>
            fc.uint8Array({ maxLength }).map((each) => Buffer.from(each));
        const option = fc.record({
            name: fc.constantFrom("Uri-Path", "Block1", "Block2", "Observe", "252", "292", "65000"),
            value: bytes(300),
        });
        const message = fc.record({
            type: fc.constantFrom("con" as const, "non" as const, "ack" as const, "rst" as const),
            code: fc.constantFrom("0.01", "0.02", "2.04", "2.05", "4.01", "5.03"),
            id: fc.nat({ max: 65_535 }),
            token: bytes(8),
            options: fc.array(option, { maxLength: 3 }),
            payload: bytes(200),
        });
        fc.assert(
            fc.property(message, (written) => {
                const read = decodeMessage(encodeMessage(written));
                const inOrder = [...written.options].sort(
                    (a, b) => numberOf(a.name) - numberOf(b.name),
                );
                expect(read).toEqual({ ...written, options: inOrder });
            }),
        );
    });

    it("are read from no other bytes than those they are written in", () => {
        fc.assert(
            fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
                const datagram = Buffer.concat([Buffer.of(0x40 | (bytes[0] ?? 0)), bytes]);
                const message = decodeMessage(datagram);
                if (message !== null) expect(encodeMessage(message)).toEqual(datagram);
            }),
            { numRuns: 2_000 },
        );
    });

    it.each([
        ["a marker without payload", "40010001ff"],
        ["an option beyond the end", "40010001b5aa"],
        ["a token of nine bytes", "49010001010203040506070809"],
        ["another version", "80010001"],
        ["an empty message with content", "40000001aa"],
        ["a delta of fifteen", "40010001f0"],
    ])("are not read from %s", (_what, hex) => {
        expect(decodeMessage(Buffer.from(hex, "hex"))).toBe(null);
    });
});

function numberOf(name: string): number {
    const known: Record<string, number> = { Observe: 6, "Uri-Path": 11, Block2: 23, Block1: 27 };
    return known[name] ?? Number(name);
}

describe("CoAP options", () => {
    it("keep numbers and blocks", () => {
        fc.assert(
            fc.property(fc.nat({ max: 2 ** 32 - 1 }), (number) => {
                expect(uintOf(messageWith([uintOption("Size1", number)]), "Size1")).toBe(number);
            }),
        );
        const block = fc.record({
            number: fc.nat({ max: 2 ** 20 - 1 }),
            more: fc.boolean(),
            size: fc.constantFrom(16, 32, 64, 128, 256, 512, 1_024),
        });
        fc.assert(
            fc.property(block, (each) => {
                expect(blockOf(messageWith([blockOption("Block1", each)]), "Block1")).toEqual(each);
            }),
        );
    });

    it("refuse a block of 2048 bytes and one of four bytes", () => {
        for (const value of [Buffer.of(7), Buffer.of(1, 0, 0, 0)]) {
            expect(blockOf(messageWith([{ name: "Block1", value }]), "Block1")).toBe("malformed");
        }
    });
});

describe("echoed values", () => {
    it("are fresh for thirty seconds, for the peer they were made for, unchanged", () => {
        let nowMs = 1_000;
        const echo = new EchoValues(() => nowMs);
        const peer = new Peer("127.0.0.1", 1);
        const value = echo.make(peer);
        expect(echo.isFresh(value, peer)).toBe(true);
        expect(echo.isFresh(value, new Peer("127.0.0.1", 2))).toBe(false);
        expect(echo.isFresh(value, new Peer("127.0.0.2", 1))).toBe(false);
        expect(echo.isFresh(null, peer)).toBe(false);
        expect(echo.isFresh(value.subarray(1), peer)).toBe(false);
        for (const i of value.keys()) {
            const changed = Buffer.from(value);
            changed[i] = (changed[i] ?? 0) ^ 1;
            expect(echo.isFresh(changed, peer), `byte ${i}`).toBe(false);
        }
        nowMs += 30_000;
        expect(echo.isFresh(value, peer)).toBe(true);
        nowMs += 1;
        expect(echo.isFresh(value, peer)).toBe(false);
    });
});

describe("peers", () => {
    it("are forgotten when others come, unless a session holds them", () => {
        const table = new PeerTable(2);
        const held = table.find("a", 1);
        table.hold(held);
        const stranger = table.find("b", 1);
        table.find("c", 1);
        expect(table.find("b", 1)).toBe(stranger);
        table.find("d", 1);
        table.find("e", 1);
        expect(table.find("b", 1)).not.toBe(stranger);
        expect(table.find("a", 1)).toBe(held);
        table.release(held);
        expect(table.find("a", 1)).not.toBe(held);
    });

    it("remember the latest messages only: four of a stranger, sixty-four in a session", () => {
        for (const [holders, most] of [
            [0, 4],
            [1, 64],
        ] as const) {
            const peer = new Peer("a", 1);
            peer.holders = holders;
            for (let id = 0; id < 100; id++) peer.remember(id, null);
            const known = Array.from({ length: 100 }, (_, id) => id).filter(
                (id) => peer.answerTo(id) !== undefined,
            );
            expect(known).toEqual(Array.from({ length: most }, (_, i) => 100 - most + i));
        }
    });
});
