import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeReadout, MbusSplitter, P1CipherSplitter, ReadoutSplitter } from "../src/index.ts";
import { captureNames, expectDecoded, hexCapture } from "./captures.ts";

type Splitter = { push(chunk: Uint8Array): Uint8Array[]; readonly dropped: number };

/** Pushes bytes in pieces of random lengths. */
function inPieces(splitter: Splitter, bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
    const out: Uint8Array[] = [];
    for (let at = 0, i = 0; at < bytes.length; i++) {
        const length = lengths[i % lengths.length] ?? 1;
        out.push(...splitter.push(bytes.subarray(at, at + length)));
        at += length;
    }
    return out;
}

const joined = (...parts: readonly Uint8Array[]): Uint8Array =>
    new Uint8Array(Buffer.concat(parts));
const pieces = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 });

describe("P1CipherSplitter", () => {
    const frames = captureNames("p1-encrypted", ".txt").map((name) =>
        hexCapture(`p1-encrypted/${name}.txt`),
    );

    it("finds frames behind noise, and in whatever pieces they come", () => {
        const noise = fc.uint8Array({ maxLength: 40 }).filter((bytes) => !bytes.includes(0xdb));
        fc.assert(
            fc.property(pieces, noise, (lengths, before) => {
                const splitter = new P1CipherSplitter();
                const bytes = joined(before, ...frames);
                expect(inPieces(splitter, bytes, lengths)).toEqual(frames);
                expect(splitter.dropped).toBe(before.length);
            }),
            { numRuns: 20 },
        );
    });

    it("begins again within what only looked like a frame", () => {
        const [frame = new Uint8Array()] = frames;
        const lookalike = Uint8Array.of(0xdb, 0xdb, 0x08, 1, 2, 3, 4, 5, 6, 7, 8, 0x81);
        expect(new P1CipherSplitter().push(joined(lookalike, frame))).toEqual([frame]);
    });

    it("takes no length for a reason to wait for ever", () => {
        const splitter = new P1CipherSplitter();
        const endless = Uint8Array.of(0xdb, 0x08, 1, 2, 3, 4, 5, 6, 7, 8, 0x82, 0xff, 0xff);
        const [frame = new Uint8Array()] = frames;
        expect(splitter.push(joined(endless, frame))).toEqual([frame]);
    });
});

describe("MbusSplitter", () => {
    const frames = captureNames("mbus", ".hex").map((name) => hexCapture(`mbus/${name}.hex`));

    it("finds frames behind noise, and in whatever pieces they come", () => {
        const noise = fc.uint8Array({ maxLength: 40 }).filter((bytes) => !bytes.includes(0x68));
        fc.assert(
            fc.property(pieces, noise, (lengths, before) => {
                const splitter = new MbusSplitter();
                expect(inPieces(splitter, joined(before, ...frames), lengths)).toEqual(frames);
                expect(splitter.dropped).toBe(before.length);
            }),
            { numRuns: 20 },
        );
    });

    it("passes over short frames and what only looked like a long one", () => {
        const [frame = new Uint8Array()] = frames;
        const before = Uint8Array.fromHex("e5105b015c166868050500");
        expect(new MbusSplitter().push(joined(before, frame))).toEqual([frame]);
    });
});

describe("ReadoutSplitter", () => {
    const block = (text: string): Uint8Array => {
        const inside = Buffer.from(`${text}!\r\n\x03`, "latin1");
        const check = inside.reduce((sum, byte) => sum ^ byte, 0);
        return joined(Buffer.from("\x02"), inside, Uint8Array.of(check));
    };
    const first = block("1.8.0(000123.4*kWh)\r\n");
    const second = block("1.8.0(000125.0*kWh)\r\n2.8.0(0*kWh)\r\n");
    const pushed = new TextEncoder().encode(
        "/ABC5METER\r\n\r\n1-0:1.8.0*255(00001.5*kWh)\r\n!\r\n",
    );

    it("finds blocks with their check character, whatever that looks like, and what mode D pushes", () => {
        fc.assert(
            fc.property(pieces, (lengths) => {
                const noise = new TextEncoder().encode("…3)\r\n");
                const found = inPieces(
                    new ReadoutSplitter(),
                    joined(noise, first, second, pushed, first),
                    lengths,
                );
                expect(found).toEqual([first, second, pushed, first]);
                for (const readout of found) {
                    const { check } = expectDecoded(decodeReadout(readout));
                    expect(check).toBe(readout === found[2] ? "absent" : "ok");
                }
            }),
        );
    });

    it("keeps the identification in front of a block", () => {
        const readout = joined(new TextEncoder().encode("/ABC5METER\r\n"), first);
        const [found = new Uint8Array()] = new ReadoutSplitter().push(readout);
        expect(expectDecoded(decodeReadout(found))).toMatchObject({
            identification: "ABC5METER",
            check: "ok",
        });
    });

    it("drops what a new readout interrupts, and keeps no more than a readout's length", () => {
        const cut = first.subarray(0, 9);
        expect(new ReadoutSplitter().push(joined(cut, second))).toEqual([second]);
        const splitter = new ReadoutSplitter();
        const endless = joined(Uint8Array.of(2), new Uint8Array(200_000).fill(0x31));
        expect(splitter.push(joined(endless, second))).toEqual([second]);
        expect(splitter.dropped).toBe(endless.length);
    });
});
