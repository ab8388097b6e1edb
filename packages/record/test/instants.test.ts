import { unwrap } from "@meterseal/core";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { TEST_START_SLOT, TEST_START_UNIX, usageBody } from "@meterseal/testkit/records";
import { expect, it } from "vitest";
import {
    createRecord,
    createUsageRecord,
    EVENT_KIND,
    EVENT_REASON,
    encodeEvent,
    lastRegistersUnix,
    parseRecord,
    RECORD_CLASS,
} from "../src/index.ts";

const signer = testSigner("meter", "edDsa");
const place = {
    seq: 1,
    timeUnix: TEST_START_UNIX,
    chainEpoch: 0,
    prev: testBytes("prev", 32),
    subject: testBytes("subject", 16),
};

it("knows the instant of the last registers of a record, and 0 where it carries none", async () => {
    const usage = usageBody({ firstSlot: TEST_START_SLOT, slotSeconds: 900 });
    const lastUnix = TEST_START_UNIX + (usage.count - 1) * 900;
    const event = encodeEvent({
        stream: testBytes("stream", 16),
        sealEpoch: 0,
        kind: EVENT_KIND.closing,
        reason: EVENT_REASON.exchange,
        atUnix: TEST_START_UNIX + 17,
        index: 0,
        groups: [0],
        values: { mode: "open", registers: [1n] },
    });
    const records = [
        await createUsageRecord(signer, place, usage),
        await createRecord(signer, { ...place, recordClass: RECORD_CLASS.billing, body: event }),
        await createRecord(signer, { ...place, recordClass: RECORD_CLASS.billing, body: 1 }),
        await createRecord(signer, { ...place, recordClass: RECORD_CLASS.usage, body: 1 }),
        await createRecord(signer, { ...place, recordClass: RECORD_CLASS.warning, body: 1 }),
    ];
    const instants = records.map((bytes) => lastRegistersUnix(unwrap(parseRecord(bytes))));
    expect(instants).toEqual([lastUnix, TEST_START_UNIX + 17, 0, 0, 0]);
});
