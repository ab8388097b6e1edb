import type { MeterLink } from "@meterseal/core";
import { MetersealError } from "@meterseal/core";
import { describeLinkCompliance, TestMeter } from "@meterseal/testkit/link-compliance";
import { type LineEnd, RadioLine } from "@meterseal/testkit/radio-line";
import { seededRandom } from "@meterseal/testkit/random";
import type { OpenDevice } from "../src/serial/device.ts";
import {
    createSerialCollectorLink,
    createSerialMeterLink,
    serialPlaceOf,
    serialUrlOf,
} from "../src/serial/index.ts";
import { COLLECTOR, findCollector, findMeter, meterOf, SUBJECT_A } from "./stream-people.ts";

const log = { info: () => {}, warn: () => {} };
/** Lines of a collector: two meters have one each. */
const PLACES = [0, 1].map((line) => serialPlaceOf(`serial:///line/${line}?mtu=150`));
/** A frame is three packets in the air. Frames of 51 bytes have this suite in peers/serial.peer.ts. */
const FAULTS = { lossRate: 0.01, duplicateRate: 0.03, garbleRate: 0.005, packetBytes: 51 };
const NAME = "serial, over radios that lose, double and garble";

describeLinkCompliance(NAME, async (receiveTimeoutMs) => {
    const random = seededRandom(6);
    const radios = new Map(
        PLACES.map(({ path }) => [path, new RadioLine({ ...FAULTS, random, delayMs: 1 })]),
    );
    const openFor =
        (end: LineEnd): OpenDevice =>
        ({ path }) =>
            (radios.get(path) as RadioLine).open(end);
    let meters = 0;
    const meter = (subjectHex: string, token: () => Promise<Uint8Array>): MeterLink => {
        const place = PLACES[meters++ % PLACES.length] ?? serialPlaceOf("serial:///none");
        const who = { subjectHex, token, own: meterOf(subjectHex), find: findCollector };
        const options = { ...who, url: serialUrlOf(place), keepaliveSeconds: 2 };
        return createSerialMeterLink(options, openFor("meter"));
    };
    return await Promise.resolve({
        listen: async (handler) => {
            const link = createSerialCollectorLink(
                { lines: PLACES, own: COLLECTOR, find: findMeter, log, receiveTimeoutMs },
                openFor("collector"),
            );
            await link.listen(handler);
            return link;
        },
        meter,
        cut: () => {
            for (const line of radios.values()) line.unplug();
        },
        freeze: (silent) => {
            for (const { radio } of radios.values()) radio.isSilent = silent;
        },
        refusals: {
            expected: Array.from({ length: 15 }, (_, i) => `receipt ${i + 1}`),
            answerTo: async (message) => {
                const sender = new TestMeter((token) => meter(SUBJECT_A, token), SUBJECT_A);
                await sender.link.open(sender);
                await sender.untilUp();
                const told = await sender.link.send(message).catch((cause: unknown) => cause);
                await sender.link.close();
                return told instanceof MetersealError ? String(told.details.got) : "taken";
            },
        },
        close: () => Promise.resolve(),
    });
});
