import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import {
    type CollectorLink,
    LIMITS,
    type LinkHandler,
    type MeterLink,
    utf8,
} from "@meterseal/core";
import { ScriptedCollector, TestMeter, until } from "@meterseal/testkit/link-compliance";
import { RadioLine } from "@meterseal/testkit/radio-line";
import { seededRandom } from "@meterseal/testkit/random";
import { afterEach, describe, expect, it } from "vitest";
import { drawExchangeCredential, Initiator, METHOD, Responder } from "../src/edhoc/index.ts";
import {
    createSerialCollectorLink,
    createSerialMeterLink,
    serialPlaceOf,
    serialUrlOf,
} from "../src/serial/index.ts";
import type { Segment } from "../src/serial/segments.ts";
import { encodeFrame, FrameSplitter } from "../src/stream/framing.ts";
import { Introductions } from "../src/stream/introductions.ts";
import { createTcpCollectorLink, createTcpMeterLink, type KnownMeter } from "../src/tcp/index.ts";
import { alter, flipped } from "./alter-line.ts";
import {
    COLLECTOR,
    findCollector,
    findMeter,
    meterOf,
    random,
    SUBJECT_A,
    SUBJECT_B,
} from "./stream-people.ts";

type Change = (frame: Uint8Array, number: number) => Uint8Array;
type Find = (id: Uint8Array) => KnownMeter | null;
type Logged = { readonly log: { info: typeof say; warn: typeof say }; readonly said: string[] };
declare function say(message: string, fields?: Readonly<Record<string, string | number>>): void;

function logged(): Logged {
    const said: string[] = [];
    const note: typeof say = (message, fields) => said.push(`${message}: ${fields?.reason ?? ""}`);
    return { said, log: { info: note, warn: note } };
}

/** A transport of sessions whose frames from the meter can be seen and changed. */
interface Transport {
    /** What becomes of the frames of a handshake, by their number from 0 on. */
    change: Change;
    /** Makes the path between both; comes first. */
    open(): Promise<void>;
    /** Begins a collector's end, at the same address as the one before. */
    listen(handler: LinkHandler, find: Find, log: Logged["log"]): Promise<CollectorLink>;
    meter(token: () => Promise<Uint8Array>, log: Logged["log"]): MeterLink;
    cut(): void;
    close(): void;
}

const METER = { subjectHex: SUBJECT_A, own: meterOf(SUBJECT_A), find: findCollector };
const OWN = { own: COLLECTOR };

class Tcp implements Transport {
    change: Change = (frame) => frame;
    readonly #sockets = new Set<Socket>();
    readonly #server = createServer((near) => this.#join(near));
    #port = 0;

    async open(): Promise<void> {
        this.#server.listen({ host: "127.0.0.1", port: 0 });
        await once(this.#server, "listening");
    }

    async listen(handler: LinkHandler, find: Find, log: Logged["log"]): Promise<CollectorLink> {
        const place = { host: "127.0.0.1", port: this.#port };
        const link = createTcpCollectorLink({ ...OWN, ...place, find, log });
        this.#port = Number(new URL(await link.listen(handler)).port);
        return link;
    }

    meter(token: () => Promise<Uint8Array>, log: Logged["log"]): MeterLink {
        const url = `tcp://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
        return createTcpMeterLink({ ...METER, url, token, log });
    }

    cut(): void {
        for (const socket of this.#sockets) socket.destroy();
    }

    close(): void {
        this.cut();
        this.#server.close();
    }

    #join(near: Socket): void {
        const far = connect({ host: "127.0.0.1", port: this.#port });
        const splitter = new FrameSplitter();
        let number = 0;
        near.on("data", (chunk) => {
            for (const frame of splitter.push(chunk as Uint8Array))
                far.write(encodeFrame(this.change(frame, number++)));
        });
        far.on("data", (chunk) => near.write(chunk));
        for (const [from, to] of [
            [near, far],
            [far, near],
        ] as const) {
            this.#sockets.add(from);
            from.on("error", () => {});
            from.on("close", () => to.destroy());
        }
    }
}

class Serial implements Transport {
    change: Change = (frame) => frame;
    readonly #line: RadioLine;
    readonly #seen = new Map<string, Uint8Array>();
    readonly #place = serialPlaceOf("serial:///dev/line");

    constructor() {
        const none = { lossRate: 0, duplicateRate: 0, garbleRate: 0, packetBytes: 51, delayMs: 0 };
        this.#line = new RadioLine({ ...none, random: seededRandom(1) });
    }

    open(): Promise<void> {
        return Promise.resolve();
    }

    async listen(handler: LinkHandler, find: Find, log: Logged["log"]): Promise<CollectorLink> {
        const link = createSerialCollectorLink({ ...OWN, lines: [this.#place], find, log }, () => {
            const device = this.#line.open("collector");
            alter(this.#line, (segment) => this.#changed(segment));
            return device;
        });
        await link.listen(handler);
        return link;
    }

    meter(token: () => Promise<Uint8Array>, log: Logged["log"]): MeterLink {
        const options = { ...METER, url: serialUrlOf(this.#place), token, log };
        return createSerialMeterLink(options, () => this.#line.open("meter"));
    }

    cut(): void {
        this.#line.unplug();
    }

    close(): void {
        this.cut();
    }

    #changed(segment: Segment): Segment {
        if (!("bytes" in segment) || segment.number > 1) return segment;
        const key = `${segment.connection}/${segment.number}`;
        const frame = this.#seen.get(key) ?? this.change(segment.bytes.slice(4), segment.number);
        this.#seen.set(key, frame); // it may come again
        return { ...segment, bytes: Uint8Array.of(...segment.bytes.slice(0, 4), ...frame) };
    }
}

describe.each([
    ["tcp", () => new Tcp()],
    ["serial", () => new Serial()],
] as const)("%s: handshakes after the first", (_, create) => {
    const ends: (() => Promise<void> | void)[] = [];
    afterEach(async () => {
        for (const end of ends.splice(0).reverse()) await end();
    });

    /** @param spoiled - number of the meter's message that is changed in the first handshake. */
    async function begin(find: Find = findMeter, spoiled = -1) {
        const transport: Transport = create();
        ends.push(() => transport.close());
        await transport.open();
        const methods: number[] = [];
        /** Bytes of the meter's two messages, by handshake. */
        const sizes: number[][] = [];
        const watch = (frame: Uint8Array, number: number): Uint8Array => {
            if (number === 0) methods.push(frame[0] ?? -1);
            if (number === 0) sizes.push([]);
            if (number < 2) sizes.at(-1)?.push(frame.length);
            return frame;
        };
        transport.change = (frame, number) => {
            const passed = watch(frame, number);
            return number === spoiled && methods.length === 1 ? flipped(passed) : passed;
        };
        const [collectorLog, meterLog] = [logged(), logged()];
        const collector = new ScriptedCollector();
        const listen = async (): Promise<CollectorLink> => {
            const link = await transport.listen(collector, find, collectorLog.log);
            ends.push(() => link.close());
            return link;
        };
        const link = await listen();
        const meter = new TestMeter((token) => transport.meter(token, meterLog.log), SUBJECT_A);
        ends.push(() => meter.link.close());
        await meter.link.open(meter);
        await meter.untilUp();
        await meter.link.send(utf8("first")); // what is said of keys is said by then
        const again = async (): Promise<void> => {
            const { ups } = meter;
            transport.cut();
            await until(() => meter.ups > ups, "another session", 6_000);
        };
        const said = { collector: collectorLog.said, meter: meterLog.said };
        return { again, collector, link, listen, meter, methods, said, sizes, transport, watch };
    }

    it("are of static keys, shorter, and carry messages", async () => {
        const { again, collector, meter, methods, sizes } = await begin();
        await again();
        await meter.link.send(utf8("second"));
        await again();
        expect(methods).toEqual([METHOD.signatures, METHOD.staticKeys, METHOD.staticKeys]);
        expect(sizes.slice(0, 2).map(([, third]) => third)).toEqual([85, 28]);
        expect(collector.texts()).toEqual(["first", "second"]);
    });

    it("are of signatures again where the collector has forgotten, and the meter says why", async () => {
        const { collector, link, listen, meter, methods, said } = await begin();
        await link.close();
        await until(() => !meter.isUp, "the end");
        await listen();
        await meter.sendUntilAcknowledged(utf8("second"));
        const [first, ...others] = methods;
        expect(first).toBe(METHOD.signatures);
        expect(others.slice(-2)).toEqual([METHOD.staticKeys, METHOD.signatures]);
        expect(said.meter.some((text) => /MS_KEY_UNKNOWN.*responder/.test(text))).toBe(true);
        expect(collector.texts()).toEqual(["first", "second"]);
    });

    it("are refused to a meter that is not enrolled any more, and the log says why", async () => {
        let isEnrolled = true;
        const { meter, methods, said, transport } = await begin((id) =>
            isEnrolled ? findMeter(id) : null,
        );
        isEnrolled = false;
        transport.cut();
        await until(() => methods.length >= 3, "two more handshakes");
        expect(methods.slice(0, 3)).toEqual([0, 3, 0]);
        await until(
            () => said.collector.filter((text) => /MS_KEY_UNKNOWN/.test(text)).length >= 2,
            "why",
        );
        expect(meter.isUp).toBe(false);
    });

    it.each([
        ["first", 0, "meter"],
        ["third", 1, "collector"],
    ] as const)(
        "give no session with the %s message changed, and the log says why",
        async (_which, changed, who) => {
            const { again, meter, methods, said, transport, watch } = await begin();
            transport.change = (frame, number) => {
                const passed = watch(frame, number);
                return number === changed && methods.length === 2 ? flipped(passed) : passed;
            };
            await again();
            const reasons = said[who].filter((text) => /MS_SIGNATURE_BAD|MS_MALFORMED/.test(text));
            expect(reasons).toHaveLength(1);
            expect(methods).toEqual([METHOD.signatures, METHOD.staticKeys, METHOD.signatures]);
            expect(meter.ups).toBe(2);
        },
    );

    it.each([
        ["first", 0, "meter"],
        ["third", 1, "collector"],
    ] as const)(
        "and the first, with its %s message changed, give no session",
        async (_which, spoiled, who) => {
            const { meter, methods, said } = await begin(findMeter, spoiled);
            const reasons = said[who].filter((text) => /MS_SIGNATURE_BAD|MS_MALFORMED/.test(text));
            expect(reasons).toHaveLength(1);
            expect(methods).toEqual([METHOD.signatures, METHOD.signatures]);
            expect(meter.ups).toBe(1);
        },
    );
});

describe("keys that meters have shown", () => {
    const introductions = (find: Find = findMeter): Introductions => new Introductions(find);
    const enrolled = meterOf(SUBJECT_A);
    const drawn = (): ReturnType<typeof drawExchangeCredential> =>
        drawExchangeCredential(SUBJECT_A, random);

    it("name their meter, the latest alone, for as long as it is enrolled", () => {
        let isEnrolled = true;
        const known = introductions((id) => (isEnrolled ? findMeter(id) : null));
        const [older, newer] = [drawn(), drawn()];
        expect(known.find(older.id)).toBeNull();
        known.add(SUBJECT_A, enrolled, older.exchangeKey);
        expect(known.find(older.id)).toMatchObject({ subjectHex: SUBJECT_A });
        known.add(SUBJECT_A, enrolled, newer.exchangeKey);
        expect([known.find(older.id), known.find(newer.id)?.subjectHex]).toEqual([null, SUBJECT_A]);
        expect(known.find(enrolled.id)?.subjectHex).toBe(SUBJECT_A);
        isEnrolled = false;
        expect(known.find(newer.id)).toBeNull();
    });

    it("cannot be taken by another meter, and the oldest go", () => {
        const known = introductions();
        const { exchangeKey, id } = drawn();
        known.add(SUBJECT_A, enrolled, exchangeKey);
        known.add(SUBJECT_A.replace("0a", "0b"), enrolled, exchangeKey);
        const other = drawExchangeCredential(SUBJECT_B, random);
        known.add(SUBJECT_B, meterOf(SUBJECT_B), other.exchangeKey);
        expect(known.find(id)?.subjectHex).toBe(SUBJECT_A);
        for (let i = 0; i < LIMITS.introductions - 1; i++) {
            const key = new Uint8Array(32);
            new DataView(key.buffer).setUint32(0, i);
            known.add(`${i}`, enrolled, key);
        }
        expect(known.find(id)).toBeNull();
        expect(known.find(other.id)?.subjectHex).toBe(SUBJECT_B);
    });

    it("are shown by their private half alone", async () => {
        const known = introductions();
        const { exchangeKey, id, ...rest } = drawn();
        known.add(SUBJECT_A, enrolled, exchangeKey);
        const { exchangePrivateKey } = drawn();
        const false_ = {
            ...rest,
            id,
            exchangeKey,
            ...(exchangePrivateKey ? { exchangePrivateKey } : {}),
        };
        const find = () => known.own;
        const initiator = new Initiator({
            ...{ own: false_, find, random, method: METHOD.staticKeys, suites: [2] },
            connection: Uint8Array.of(1),
        });
        const responder = new Responder({
            ...{ own: () => known.own, random, connection: Uint8Array.of(2) },
            find: (each) => known.find(each)?.credential ?? null,
        });
        const message2 = await responder.takeMessage1(initiator.message1);
        const message3 = message2.ok ? await initiator.takeMessage2(message2.value) : message2;
        expect(message3.ok && responder.takeMessage3(message3.value)).toMatchObject({
            error: { code: "MS_SIGNATURE_BAD" },
        });
    });
});
