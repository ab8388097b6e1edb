import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WmbusLineSplitter } from "../src/index.ts";

/** Example of the OMS specification, volume 2 annex N: a gas meter of number 12345678. */
const FRAME =
    "2e4493157856341233037a2a0020255923c95aaa26d1b2e7493b013ec4a6f6d3529b520edff0ea6defc99d6d69ebf3";
const OTHER = FRAME.replace("78563412", "79563412");
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function framesOf(text: string, number = "12345678"): string[] {
    const frames = new WmbusLineSplitter(number).push(bytesOf(text));
    return frames.map((frame) => Buffer.from(frame).toString("hex"));
}

describe("lines of a wireless receiver", () => {
    it.each([
        ["rtl_wmbus", `T1;1;1;2019-04-03 19:00:42.000;97;148;12345678;0x${FRAME}\n`],
        ["bare digits", `${FRAME.toUpperCase()}\r\n`],
    ])("hold the frames of the meter that is asked for: %s", (_, line) => {
        expect(framesOf(line)).toEqual([FRAME]);
        expect(framesOf(line.replaceAll(/78563412/g, "79563412"))).toEqual([]);
        expect(framesOf(line, "ABCDEF01")).toEqual([]);
    });

    it.each([
        ["half a byte", `${FRAME}a\n`],
        ["other digits", `${FRAME.replace("44", "xy")}\n`],
        ["no end of the line", FRAME],
        ["too short a frame", `${FRAME.slice(0, 22)}\n`],
        ["a word", "rtl_wmbus: started\n"],
    ])("are dropped: %s", (_, line) => {
        expect(framesOf(line)).toEqual([]);
        const after = line.endsWith("\n") ? line : `${line}zz\n`;
        expect(framesOf(`${after}${FRAME}\n`)).toEqual([FRAME]);
    });

    it("may be of 1024 bytes, and no longer", () => {
        const line = (length: number): string =>
            `${";".repeat(length - FRAME.length - 2)}0x${FRAME}`;
        expect(framesOf(`${line(1_024)}\n`)).toEqual([FRAME]);
        expect(framesOf(`${line(1_025)}\n${FRAME}\n`)).toEqual([FRAME]);
    });

    it("come in pieces of any length, and the frames stay the same", () => {
        const text = `junk\n${FRAME}\nT1;;;0x${OTHER}\n;0x${FRAME}\n`;
        fc.assert(
            fc.property(fc.array(fc.nat(text.length), { maxLength: 8 }), (cuts) => {
                const splitter = new WmbusLineSplitter("12345678");
                const places = [0, ...cuts.sort((a, b) => a - b), text.length];
                const frames = places.flatMap((place, i) =>
                    splitter.push(bytesOf(text.slice(place, places[i + 1] ?? place))),
                );
                expect(frames).toHaveLength(2);
            }),
        );
    });
});
