import { utf8 } from "@meterseal/core";
import { ScriptedCollector, TestMeter, until } from "@meterseal/testkit/link-compliance";
import { type RadioFaults, RadioLine } from "@meterseal/testkit/radio-line";
import { seededRandom, seedOf } from "@meterseal/testkit/random";
import { afterEach, describe, expect, it } from "vitest";
import type { OwnCredential } from "../src/edhoc/index.ts";
import {
    createSerialCollectorLink,
    createSerialMeterLink,
    serialPlaceOf,
} from "../src/serial/index.ts";
import { encodeLineFrame } from "../src/serial/line-frames.ts";
import { encodeSegment, type Segment } from "../src/serial/segments.ts";
import { alter, flipped } from "./alter-line.ts";
import {
    COLLECTOR,
    credential,
    findCollector,
    findMeter,
    meterOf,
    SUBJECT_A,
} from "./stream-people.ts";

type Options = {
    readonly faults?: Partial<RadioFaults>;
    readonly query?: string;
    readonly own?: OwnCredential;
    readonly find?: typeof findCollector;
    readonly waits?: { readonly connectTimeoutMs: number };
};

/** A collector and a meter at the ends of a line, and what they write into their logs. */
class Bed {
    readonly collector = new ScriptedCollector();
    readonly said: string[] = [];
    readonly line: RadioLine;
    readonly meter: TestMeter;
    readonly link;
    /** Whether the collector's device is plugged in. */
    isPlugged = true;
    /** How often the collector has opened it, or tried to. */
    attempts = 0;

    constructor(options: Options) {
        const {
            faults = {},
            find = findCollector,
            own = meterOf(SUBJECT_A),
            query,
            waits,
        } = options;
        const random = seededRandom(seedOf(37));
        const none = { lossRate: 0, duplicateRate: 0, garbleRate: 0, packetBytes: 51, delayMs: 1 };
        this.line = new RadioLine({ random, ...none, ...faults });
        const url = `serial:///dev/radio${query ?? ""}`;
        const place = serialPlaceOf(url);
        const say = (message: string, fields?: Readonly<Record<string, string | number>>): void => {
            this.said.push(`${message}: ${fields?.reason ?? ""}`);
        };
        const log = { info: say, warn: say };
        this.link = createSerialCollectorLink(
            { lines: [place], own: COLLECTOR, find: findMeter, log },
            () => {
                this.attempts++;
                if (!this.isPlugged) throw new Error("no such device");
                return this.line.open("collector");
            },
        );
        this.meter = new TestMeter(
            (token) =>
                createSerialMeterLink(
                    { url, subjectHex: SUBJECT_A, token, own, find, log, ...waits },
                    () => this.line.open("meter"),
                ),
            SUBJECT_A,
        );
    }

    async begin(): Promise<void> {
        await this.link.listen(this.collector);
        await this.meter.link.open(this.meter);
    }

    async close(): Promise<void> {
        await this.meter.link.close();
        await this.link.close();
    }
}

const QUIET = { info: () => {}, warn: () => {} };
const PLACE = serialPlaceOf("serial:///dev/radio");

describe("serial: a line that is not as it should be", () => {
    const beds: Bed[] = [];
    afterEach(async () => {
        for (const bed of beds.splice(0)) await bed.close();
    });
    function bed(options: Options = {}): Bed {
        const made = new Bed(options);
        beds.push(made);
        return made;
    }

    it("a radio of 9,600 baud with frames of 51 bytes carries four records in seconds", async () => {
        const each = bed({
            query: "?baud=9600&mtu=51",
            faults: { baud: 9_600, delayMs: 30, lossRate: 0.03, duplicateRate: 0.03 },
        });
        const { collector, line, meter } = each;
        await each.begin();
        await meter.untilUp();
        const records = Array.from({ length: 4 }, (_, i) => new Uint8Array(240).fill(i));
        const began = performance.now();
        await Promise.all(records.map((record) => meter.link.send(record)));
        expect(collector.received.map(({ message }) => message)).toEqual(records);
        expect(performance.now() - began).toBeLessThan(10_000);
        expect(line.radio.sentBytes).toBeLessThan(6_000); // sent again is little beside what is sent
    });

    it.each([
        ["", 550],
        ["?baud=9600&mtu=51", 640],
    ])(
        "a reading and its receipt take as many bytes as links.md says: %s",
        async (query, bytes) => {
            const baud = query === "" ? 115_200 : 9_600;
            const each = bed({ query, faults: { baud, packetBytes: 256 } });
            const { collector, line, link, meter } = each;
            const receipt = new Uint8Array(176);
            await each.begin();
            await meter.untilUp();
            await meter.link.send(new Uint8Array(220)); // behind it nothing of the beginning is under way
            collector.onReceive = () => {
                setTimeout(() => void link.deliver(SUBJECT_A, receipt), 8);
                return Promise.resolve();
            };
            await new Promise((resolve) => setTimeout(resolve, 400));
            const before = line.radio.sentBytes;
            await meter.link.send(new Uint8Array(220));
            await until(() => meter.messages.length === 1, "the receipt");
            await new Promise((resolve) => setTimeout(resolve, 400));
            const took = line.radio.sentBytes - before;
            expect(took).toBeGreaterThan(0.95 * bytes);
            expect(took).toBeLessThan(1.1 * bytes); // where a machine is busy, acknowledgements are more
        },
    );

    it("more than a fifth of all frames lost is made up for", async () => {
        const each = bed({ query: "?mtu=51", faults: { lossRate: 0.15, garbleRate: 0.08 } });
        const { collector, meter } = each;
        await each.begin();
        await until(() => meter.isUp, "a session", 15_000);
        await meter.sendUntilAcknowledged(new Uint8Array(1_000).fill(7));
        expect(collector.received.at(-1)?.message).toEqual(new Uint8Array(1_000).fill(7));
    });

    it("a device that is unplugged is told of, opened again and again, and comes back", async () => {
        const each = bed();
        await each.begin();
        await each.meter.untilUp();
        each.isPlugged = false;
        each.line.unplug();
        await until(() => !each.meter.isUp, "the end of the session");
        await until(() => each.attempts >= 4, "attempts");
        const closed = each.said.filter((line) => /closed: it is tried again/.test(line));
        expect(closed.map((line) => line.replace(/.*: /, ""))).toEqual([
            "the device is gone",
            "no such device", // once, however often it is tried
        ]);
        expect(each.attempts).toBeLessThan(8); // with pauses that grow
        each.isPlugged = true;
        await each.meter.sendUntilAcknowledged(utf8("back"));
        expect(each.collector.texts()).toEqual(["back"]);
    });

    it("a collector that has forgotten the connection says so, and a new one begins at once", async () => {
        const each = bed();
        await each.begin();
        await each.meter.untilUp();
        each.line.open("collector"); // the first user of the device hears no more
        const other = new ScriptedCollector();
        const link = createSerialCollectorLink(
            {
                lines: [PLACE],
                own: COLLECTOR,
                find: findMeter,
                log: QUIET,
            },
            () => each.line.open("collector"),
        );
        await link.listen(other);
        try {
            await expect(each.meter.link.send(utf8("lost"))).rejects.toThrow(
                "ended the connection",
            );
            await each.meter.sendUntilAcknowledged(utf8("found"));
            expect(other.texts()).toEqual(["found"]);
        } finally {
            await link.close();
        }
    });

    it("a collector that is never there is given up, and tried again", async () => {
        const { meter, said } = bed({ faults: { lossRate: 1 }, waits: { connectTimeoutMs: 500 } });
        await meter.link.open(meter);
        await until(() => said.some((line) => /no session/.test(line)), "the end");
        expect(meter.isUp).toBe(false);
    });
});

describe("serial: what a stranger may do", () => {
    const beds: Bed[] = [];
    afterEach(async () => {
        for (const bed of beds.splice(0)) await bed.close();
    });
    async function begun(options: Options = {}): Promise<Bed> {
        const made = new Bed(options);
        beds.push(made);
        await made.begin();
        return made;
    }
    const over = "a meter's session is over";

    it("a device that is not enrolled gets no session, and the log says why", async () => {
        const { meter, said } = await begun({ own: credential("stranger") });
        await until(() => said.some((line) => line.startsWith(over)), "a reason");
        expect(said.find((line) => line.startsWith(over))).toContain("MS_KEY_UNKNOWN");
        expect(meter.ups).toBe(0);
    });

    it("who has a meter's name and not its key gets no session", async () => {
        const { signer } = credential("impostor");
        const own = { ...meterOf(SUBJECT_A), ...(signer === undefined ? {} : { signer }) };
        const { meter, said } = await begun({ own });
        await until(() => said.some((line) => line.startsWith(over)), "a reason");
        expect(said.find((line) => line.startsWith(over))).toContain("MS_SIGNATURE_BAD");
        expect(meter.ups).toBe(0);
    });

    it("a meter gives up on a collector that is not its own", async () => {
        const { said } = await begun({ find: () => null });
        await until(() => said.some((line) => /^serial.*MS_KEY_UNKNOWN/.test(line)), "a reason");
    });

    it("what is put on the line from aside ends nothing", async () => {
        const { collector, line, meter } = await begun();
        await meter.untilUp();
        const put = (bytes: Uint8Array): void => line.radio.send("meter", bytes);
        put(utf8("GET / HTTP/1.1\r\n\r\n\0"));
        put(new Uint8Array(3_000).fill(1));
        const from = { side: "meter", connection: 1 } as const;
        const data = { ...from, kind: "data", number: 0, bytes: utf8("x") } as const;
        for (const segment of [data, { ...from, kind: "reset" } as const])
            put(encodeLineFrame(encodeSegment(segment)));
        put(Uint8Array.of(0));
        await meter.link.send(utf8("unharmed"));
        expect([collector.texts(), meter.downs]).toEqual([["unharmed"], 0]);
    });

    it("a false byte in the stream ends the session, with a reason, and nothing false is taken", async () => {
        const { collector, line, meter, said } = await begun();
        await meter.untilUp();
        const falsify = (segment: Segment): Segment =>
            segment.kind === "data" ? { ...segment, bytes: flipped(segment.bytes) } : segment;
        const restore = alter(line, falsify);
        await expect(meter.link.send(utf8("true"))).rejects.toThrow("MS_LINK");
        await until(() => said.some((text) => text.startsWith(over)), "a reason");
        expect(said.find((text) => text.startsWith(over))).toContain("MS_SIGNATURE_BAD");
        restore();
        await meter.sendUntilAcknowledged(utf8("true"));
        expect(collector.texts()).toEqual(["true"]);
    });

    it("a handshake that is changed on the way gives no session, with a reason", async () => {
        const made = new Bed({});
        beds.push(made);
        await made.link.listen(made.collector);
        alter(made.line, (segment) =>
            segment.kind === "open" ? { ...segment, bytes: flipped(segment.bytes) } : segment,
        );
        await made.meter.link.open(made.meter);
        await until(() => made.said.some((text) => /^serial.*MS_/.test(text)), "a reason");
        expect(made.said.find((text) => /^serial.*MS_/.test(text))).toMatch(
            /MS_SIGNATURE_BAD|MS_MALFORMED/,
        );
        expect([made.meter.ups, made.collector.tokens]).toEqual([0, []]);
    });
});
