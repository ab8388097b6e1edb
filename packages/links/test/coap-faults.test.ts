import { toHex, utf8 } from "@meterseal/core";
import { DatagramPath } from "@meterseal/testkit/datagram-path";
import { ScriptedCollector, TestMeter, until } from "@meterseal/testkit/link-compliance";
import { seededRandom, seedOf } from "@meterseal/testkit/random";
import { describe, expect, it } from "vitest";
import { createCoapCollectorLink, createCoapMeterLink } from "../src/coap/index.ts";

const log = { info: () => {}, warn: () => {} };
const SUBJECT = "0a".repeat(16);
/** Waits so short that a test with many losses is quick; their proportions stay. */
const WAITS = { retransmitMs: 20, maxRetransmits: 6 };

describe("coap: over a path that loses and doubles datagrams", () => {
    it("carries everything once and in order, both ways, in one session", async () => {
        const seed = seedOf(7);
        const random = seededRandom(seed);
        const uniform = (): number => random.below(2 ** 32) / 2 ** 32;
        const path = new DatagramPath({ random: uniform, lossRate: 0.15, duplicateRate: 0.15 });
        await path.listen();
        const collector = new ScriptedCollector();
        const link = createCoapCollectorLink({ host: "127.0.0.1", port: 0, log, ...WAITS });
        path.target = Number(new URL(await link.listen(collector)).port);
        const url = `coap://127.0.0.1:${path.port}`;
        const meter = new TestMeter(
            (token) => createCoapMeterLink({ url, subjectHex: SUBJECT, token, ...WAITS }),
            SUBJECT,
        );
        try {
            await meter.link.open(meter);
            await meter.untilUp();
            const messages = [1, 900, 1_024, 1_025, 5_000, 20_000, 3, 64_000].map((size) =>
                random.bytes(size),
            );
            const taken = Promise.all(messages.map((message) => meter.link.send(message)));
            for (const message of messages) {
                expect(await link.deliver(SUBJECT, message)).toBe(true);
            }
            await taken;
            await until(() => meter.messages.length === messages.length, "all messages", 10_000);
            const up = collector.received.map(({ message }) => toHex(message));
            expect(up, `seed ${seed}`).toEqual(messages.map(toHex));
            const down = meter.messages.map((message) => toHex(new Uint8Array(message)));
            expect(down, `seed ${seed}`).toEqual(messages.map(toHex));
            expect([meter.ups, meter.downs]).toEqual([1, 0]);
        } finally {
            await meter.link.close();
            await link.close();
            await path.close();
        }
    });

    it("gives up after the last repetition", async () => {
        const path = new DatagramPath();
        await path.listen();
        const collector = new ScriptedCollector();
        const link = createCoapCollectorLink({ host: "127.0.0.1", port: 0, log });
        path.target = Number(new URL(await link.listen(collector)).port);
        const url = `coap://127.0.0.1:${path.port}`;
        const waits = { retransmitMs: 10, maxRetransmits: 2, random: () => 0 };
        const meter = new TestMeter(
            (token) => createCoapMeterLink({ url, subjectHex: SUBJECT, token, ...waits }),
            SUBJECT,
        );
        try {
            await meter.link.open(meter);
            await meter.untilUp();
            path.silence(true);
            await expect(meter.link.send(utf8("m"))).rejects.toThrow("no acknowledgement");
            expect(collector.received).toEqual([]);
        } finally {
            await meter.link.close();
            await link.close();
            await path.close();
        }
    });
});
