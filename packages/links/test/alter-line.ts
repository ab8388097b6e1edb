import type { RadioLine } from "@meterseal/testkit/radio-line";
import { encodeLineFrame, LineSplitter } from "../src/serial/line-frames.ts";
import { decodeSegment, encodeSegment, type Segment } from "../src/serial/segments.ts";

/** The same bytes but for the last bit. */
export const flipped = (bytes: Uint8Array): Uint8Array =>
    bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte));

/** Changes what a meter's radio says, in frames that are whole; returns what undoes it. */
export function alter({ radio }: RadioLine, change: (segment: Segment) => Segment): () => void {
    const heard = radio.outlets.collector;
    const splitter = new LineSplitter(1_024);
    radio.outlets.collector = (bytes) => {
        for (const body of splitter.push(bytes)) {
            const segment = decodeSegment(body);
            if (segment !== null) heard?.(encodeLineFrame(encodeSegment(change(segment))));
        }
    };
    return () => {
        radio.outlets.collector = heard;
    };
}
