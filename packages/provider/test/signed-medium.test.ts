import { unwrap } from "@meterseal/core";
import { encodeUsage, MEDIUM, type MeterRecord, RECORD_CLASS } from "@meterseal/record";
import { testBytes } from "@meterseal/testkit/keys";
import { describe, expect, it } from "vitest";
import { signedStream } from "../src/signed-stream.ts";

const STREAM = testBytes("stream", 16);

/** Usage records of one boundary each; undefined names no medium. */
function recordsOf(...media: (number | undefined)[]): MeterRecord[] {
    return media.map((medium, i) => {
        const values = { mode: "sealed", bytes: new Uint8Array(8) } as const;
        const body = encodeUsage({
            ...{ stream: STREAM, sealEpoch: 0, slotSeconds: 900, firstSlot: 500_000 + i, count: 1 },
            ...{ groups: [0], values, flags: [], exceptions: [], hourPhaseSeconds: 0 },
            ...(medium === undefined ? {} : { medium }),
        });
        const message = { hash: testBytes(`record ${i}`, 32) };
        const subject = testBytes("meter", 16);
        const place = { recordClass: RECORD_CLASS.usage, subject, chainEpoch: 0, seq: i + 1 };
        return { ...place, body, message } as unknown as MeterRecord;
    });
}

describe("the records of a granted stream", () => {
    it("say what is metered", () => {
        const mediumOf = (records: MeterRecord[]) => unwrap(signedStream(records, STREAM)).medium;
        expect(mediumOf(recordsOf(MEDIUM.gas, MEDIUM.gas))).toBe(MEDIUM.gas);
        expect(mediumOf(recordsOf(undefined, undefined))).toBeUndefined();
    });

    it.each([[[MEDIUM.gas, MEDIUM.water]], [[undefined, MEDIUM.gas]], [[MEDIUM.gas, undefined]]])(
        "are refused where that changes: %j",
        (media) => {
            const result = signedStream(recordsOf(...media), STREAM);
            expect(result).toMatchObject({ error: { code: "MS_STREAM_RULE" } });
        },
    );
});
