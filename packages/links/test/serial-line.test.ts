import { LIMITS, utf8 } from "@meterseal/core";
import { crc16X25 } from "@meterseal/telegram/crc16";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeCobs, encodeCobs } from "../src/serial/cobs.ts";
import { Incoming } from "../src/serial/incoming.ts";
import { serialPlaceOf, serialUrlOf } from "../src/serial/index.ts";
import { bodyBytesOf, encodeLineFrame, LineSplitter } from "../src/serial/line-frames.ts";
import { Outgoing, type Sent } from "../src/serial/outgoing.ts";
import { Patience } from "../src/serial/patience.ts";
import { decodeSegment, encodeSegment, type Segment } from "../src/serial/segments.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const run = (from: number, to: number): Uint8Array =>
    Uint8Array.from({ length: to - from + 1 }, (_, i) => (from + i) & 0xff);

describe("consistent overhead byte stuffing", () => {
    it.each([
        ["", "01"],
        ["00", "0101"],
        ["0000", "010101"],
        ["001100", "01021101"],
        ["11220033", "0311220233"],
        ["11223344", "0511223344"],
        ["11000000", "0211010101"],
    ])("stuffs %s as published", (plain, stuffed) => {
        expect(hex(encodeCobs(bytesOf(plain)))).toBe(stuffed);
    });

    it.each([
        ["254 bytes", run(1, 254), `ff${hex(run(1, 254))}`],
        ["a zero and 254 bytes", run(0, 254), `01ff${hex(run(1, 254))}`],
        ["255 bytes", run(1, 255), `ff${hex(run(1, 254))}02ff`],
        ["254 bytes and a zero", Uint8Array.of(...run(2, 255), 0), `ff${hex(run(2, 255))}0101`],
        [
            "253 bytes, a zero, a byte",
            Uint8Array.of(...run(3, 255), 0, 1),
            `fe${hex(run(3, 255))}0201`,
        ],
    ])("stuffs %s as published", (_, plain, stuffed) => {
        expect(hex(encodeCobs(plain))).toBe(stuffed);
        expect(decodeCobs(bytesOf(stuffed))).toEqual(plain);
    });

    it("gives every bytes back, without a zero on the way", () => {
        const bytes = fc.uint8Array({ maxLength: 1_100 });
        const sparse = fc.array(fc.constantFrom(0, 1, 255), { maxLength: 700 });
        const each = fc.oneof(
            bytes,
            sparse.map((list) => Uint8Array.from(list)),
        );
        fc.assert(
            fc.property(each, (plain) => {
                const stuffed = encodeCobs(plain);
                expect(stuffed.includes(0)).toBe(false);
                expect(decodeCobs(stuffed)).toEqual(plain);
            }),
        );
    });

    it.each(["00", "05112233", "0011", "03110022"])("refuses %s", (stuffed) => {
        expect(decodeCobs(bytesOf(stuffed))).toBeNull();
    });
});

describe("frames of a line", () => {
    const splitter = (): LineSplitter => new LineSplitter(LIMITS.serialFrameBytes);

    it("is checked by the remainder that HDLC uses", () => {
        expect(crc16X25(utf8("123456789"))).toBe(0x906e);
        expect(hex(encodeLineFrame(utf8("123456789")))).toBe("0c3132333435363738396e9000");
    });

    it("are found wherever the bytes are cut, between noise and halves", () => {
        const frames = ["one", "two", "three"].map((text) => encodeLineFrame(utf8(text)));
        const noise = Uint8Array.of(7, 9, 0, 0, 3, 1, 0);
        const [first = noise, second = noise, third = noise] = frames;
        const line = Buffer.concat([noise, first, first.subarray(2), second, noise, third]);
        for (let cut = 1; cut <= line.length; cut++) {
            const each = splitter();
            const found: string[] = [];
            for (let at = 0; at < line.length; at += cut) {
                const bodies = each.push(new Uint8Array(line.subarray(at, at + cut)));
                found.push(...bodies.map((body) => Buffer.from(body).toString()));
            }
            expect(found, `cut at ${cut}`).toEqual(["one", "two", "three"]);
        }
    });

    it("with a byte changed, lost or added are left out, and the next one is found", () => {
        const frame = encodeLineFrame(run(0, 60));
        const next = encodeLineFrame(utf8("next"));
        for (let at = 0; at < frame.length - 1; at++) {
            for (const wrong of [
                frame.map((byte, i) => (i === at ? byte ^ 0x41 : byte)),
                Buffer.concat([frame.subarray(0, at), frame.subarray(at + 1)]),
                Buffer.concat([frame.subarray(0, at), Uint8Array.of(0x41), frame.subarray(at)]),
            ]) {
                const each = splitter();
                const all = [...each.push(new Uint8Array(wrong)), ...each.push(Uint8Array.of(0))];
                expect(all).toEqual([]);
                expect(each.push(next)).toHaveLength(1);
            }
        }
    });

    it("are as long as the limit and no longer; what is longer takes no memory", () => {
        const most = bodyBytesOf(LIMITS.serialFrameBytes);
        const each = splitter();
        const fits = encodeLineFrame(new Uint8Array(most).fill(7));
        expect(fits.length).toBeLessThanOrEqual(LIMITS.serialFrameBytes);
        expect(each.push(fits)).toHaveLength(1);
        expect(each.push(encodeLineFrame(new Uint8Array(most + 5).fill(7)))).toHaveLength(0);
        for (let i = 0; i < 100; i++) each.push(new Uint8Array(10_000).fill(1));
        expect(each.push(encodeLineFrame(utf8("lost with it")))).toHaveLength(0);
        expect(each.push(fits)).toHaveLength(1);
    });

    it("of every size contain what they are said to", () => {
        for (const size of [32, 51, 254, 255, 256, 257, 1_024]) {
            const full = encodeLineFrame(new Uint8Array(bodyBytesOf(size)).fill(9));
            expect(full.length).toBeLessThanOrEqual(size);
        }
        expect(bodyBytesOf(51)).toBe(47);
    });
});

describe("segments", () => {
    const from = { side: "collector", connection: 0xbeef } as const;

    it.each<[Segment, string]>([
        [{ ...from, kind: "data", number: 258, bytes: utf8("a") }, "1abeef010261"],
        [{ ...from, side: "meter", kind: "open", number: 0, bytes: utf8("") }, "11beef0000"],
        [{ ...from, kind: "end", number: 65_535, bytes: utf8("") }, "1bbeefffff"],
        [{ ...from, kind: "ack", next: 3, held: 5 }, "1cbeef000300000005"],
        [{ ...from, kind: "ack", next: 3, held: 0 }, "1cbeef0003"],
        [{ ...from, kind: "ack", next: 65_535, held: 0x8000_0001 }, "1cbeefffff80000001"],
        [{ ...from, side: "meter", kind: "reset" }, "15beef"],
    ])("are as described: %o", (segment, bytes) => {
        expect(hex(encodeSegment(segment))).toBe(bytes);
        expect(decodeSegment(bytesOf(bytes))).toEqual(segment);
    });

    it.each([
        "",
        "15",
        "15be",
        "15beef00",
        "25beef",
        "10beef0000",
        "16beef0000",
        "1cbeef00",
        "1cbeef000300000000",
        "1cbeef0003000001",
        "12beef00",
    ])("are nothing else: %s", (bytes) => {
        expect(decodeSegment(bytesOf(bytes))).toBeNull();
    });
});

describe("what comes over a line", () => {
    const arrived = (text: string) => ({ isEnd: false, bytes: utf8(text) });
    const texts = (due: readonly { readonly bytes: Uint8Array }[]): string =>
        due.map(({ bytes }) => new TextDecoder().decode(bytes)).join("");

    it("is put in order, copies dropped, gaps told", () => {
        const incoming = new Incoming();
        expect(texts(incoming.take(1, arrived("b")))).toBe("");
        expect(texts(incoming.take(3, arrived("d")))).toBe("");
        expect(incoming.state).toEqual({ next: 0, held: 0b101 });
        expect(texts(incoming.take(0, arrived("a")))).toBe("ab");
        expect(texts(incoming.take(0, arrived("a")))).toBe("");
        expect(texts(incoming.take(1, arrived("b")))).toBe("");
        expect(texts(incoming.take(2, arrived("c")))).toBe("cd");
        expect(incoming.state).toEqual({ next: 4, held: 0 });
    });

    it("is held in a window, and beyond the turn of the numbers", () => {
        const incoming = new Incoming();
        const last = LIMITS.serialWindow - 1;
        expect(incoming.take(last + 1, arrived("x"))).toEqual([]);
        expect(incoming.state).toEqual({ next: 0, held: 0 }); // beyond the window: not held
        incoming.take(last, arrived("x"));
        expect(incoming.state.held).toBe(2 ** (last - 1));
        const other = new Incoming();
        for (let i = 0; i < 65_540; i++)
            expect(other.take(i & 0xffff, arrived("x"))).toHaveLength(1);
        expect(other.state.next).toBe(4);
    });
});

describe("what goes over a line", () => {
    function outgoing(): { out: Outgoing; sent: number[] } {
        const sent: number[] = [];
        return { out: new Outgoing(({ number }: Sent) => sent.push(number)), sent };
    }

    it("is sent again when a later one came, and only once for each time that it is lost", () => {
        const { out, sent } = outgoing();
        for (let i = 0; i < 6; i++) out.add("data", utf8(""), 0);
        sent.length = 0;
        out.acknowledge({ next: 1, held: 0b1 }, 10); // 0 and 2 came, 1 did not
        expect(sent).toEqual([1]);
        out.acknowledge({ next: 1, held: 0b11 }, 11);
        expect(sent).toEqual([1]); // it is on its way, behind all of these
        out.add("data", utf8(""), 12); // 6, sent after it
        out.acknowledge({ next: 1, held: 0b11111 }, 13);
        expect(sent).toEqual([1, 6, 1]);
        out.acknowledge({ next: 7, held: 0 }, 14);
        expect(out.isEmpty).toBe(true);
    });

    it("has a window, and a number of attempts", () => {
        const { out } = outgoing();
        for (let i = 0; i < LIMITS.serialWindow; i++) out.add("data", utf8(""), 0);
        expect(out.hasRoom).toBe(false);
        out.acknowledge({ next: 1, held: 0 }, 0);
        expect(out.hasRoom).toBe(true);
        const attempts = Array.from({ length: LIMITS.serialAttempts }, () => out.repeat(0));
        expect(attempts).toEqual([...attempts.slice(1).fill(true), false]);
    });

    it("is measured by what was sent once, and takes no acknowledgement of what was not sent", () => {
        const { out, sent } = outgoing();
        out.add("data", utf8(""), 0);
        out.repeat(100);
        out.add("data", utf8(""), 200);
        expect(out.acknowledge({ next: 9, held: 0 }, 210)).toEqual({
            isNew: false,
            roundTripMs: null,
        });
        expect(out.acknowledge({ next: 1, held: 0 }, 210)).toEqual({
            isNew: true,
            roundTripMs: null,
        });
        expect(out.acknowledge({ next: 2, held: 0 }, 230)).toEqual({
            isNew: true,
            roundTripMs: 30,
        });
        expect(sent).toEqual([0, 0, 1]);
    });

    it("waits longer each time, up to a bound, and as measured again", () => {
        const patience = new Patience(0);
        const waits = Array.from({ length: 6 }, () => {
            const { waitMs } = patience;
            patience.inVain();
            return waitMs;
        });
        expect(waits).toEqual([300, 600, 1_200, 2_400, 3_000, 3_000]);
        patience.measured(50);
        expect(patience.waitMs).toBe(150);
        for (let i = 0; i < 50; i++) patience.measured(1);
        expect(patience.waitMs).toBe(100);
        expect(new Patience(50).waitMs).toBe(600); // a slow line
    });
});

describe("addresses of lines", () => {
    it.each([
        ["serial:///dev/ttyUSB0", { path: "/dev/ttyUSB0", baud: 115_200, mtu: 256 }],
        ["serial:///dev/ttyAMA0?baud=9600&mtu=51", { path: "/dev/ttyAMA0", baud: 9_600, mtu: 51 }],
        ["serial:///dev/a%20b%3F", { path: "/dev/a b?", baud: 115_200, mtu: 256 }],
        ["serial:///dev/x?mtu=1024&baud=300", { path: "/dev/x", baud: 300, mtu: 1_024 }],
    ])("%s", (address, place) => {
        expect(serialPlaceOf(address)).toEqual(place);
        expect(serialPlaceOf(serialUrlOf(place))).toEqual(place);
    });

    it.each([
        "serial://",
        "serial:///",
        "serial://host/dev/ttyUSB0",
        "tcp:///dev/ttyUSB0",
        "serial:///dev/x?baud=0",
        "serial:///dev/x?baud=115200.5",
        "serial:///dev/x?mtu=31",
        "serial:///dev/x?mtu=1025",
        "serial:///dev/x?parity=even",
        "serial:///dev/x?baud=9600&baud=9600",
        "serial:///dev/%00",
        "serial:///dev/%",
        "serial:///dev/x#y",
    ])("refuses %s", (address) => {
        expect(() => serialPlaceOf(address)).toThrow("MS_USAGE");
    });
});
