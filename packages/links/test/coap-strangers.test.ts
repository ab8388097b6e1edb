import { LIMITS, utf8 } from "@meterseal/core";
import { CoapClient, type CoapRequest, optionOf } from "@meterseal/testkit/coap-client";
import { ScriptedCollector, TestMeter, until } from "@meterseal/testkit/link-compliance";
import { seededRandom, seedOf } from "@meterseal/testkit/random";
import { afterEach, describe, expect, it } from "vitest";
import {
    type CoapCollectorOptions,
    createCoapCollectorLink,
    createCoapMeterLink,
} from "../src/coap/index.ts";

const SUBJECT = "0a".repeat(16);
const TOKEN = Uint8Array.of(1, 1);
const log = { info: () => {}, warn: () => {} };
const MESSAGES = { name: "Content-Format", value: Uint8Array.of(63) };
const closings: (() => Promise<void> | void)[] = [];
afterEach(async () => {
    for (const close of closings.splice(0).reverse()) await close();
});

async function start(options: Partial<CoapCollectorOptions> = {}) {
    const collector = new ScriptedCollector();
    const clock = { nowMs: () => 1_700_000_000_000 };
    const link = createCoapCollectorLink({ host: "127.0.0.1", port: 0, log, clock, ...options });
    closings.push(() => link.close());
    const url = await link.listen(collector);
    const client = (): CoapClient => {
        const made = new CoapClient(Number(new URL(url).port));
        closings.push(() => made.close());
        return made;
    };
    return { client, collector, link, url };
}

/** Options of one block of 16 bytes. */
function block(number: number, more: boolean, tag = 1): CoapRequest["options"] {
    return [
        MESSAGES,
        { name: "Block1", value: Uint8Array.of((number << 4) | (more ? 8 : 0)) },
        { name: "292", value: Uint8Array.of(tag) },
    ];
}

describe("coap: an address that nobody vouches for", () => {
    it("gets at most three times the bytes that it sent, whatever it asks", async () => {
        const { client } = await start();
        const seed = seedOf(11);
        const random = seededRandom(seed);
        const stranger = client();
        const paths = [
            [".well-known", "core"],
            ["t"],
            ["m"],
            ["s", SUBJECT],
            ["c", SUBJECT],
            ["x"],
        ];
        for (let i = 0; i < 200; i++) {
            const request = stranger.encode({
                code: random.pick(["0.01", "0.02", "0.03", "0.04", "0.05", "7.01"]),
                path: random.pick(paths),
                confirmable: random.chance(0.7),
                payload: random.bytes(random.below(20)),
                options: random.chance(0.3) ? [{ name: "Block2", value: random.bytes(1) }] : [],
            });
            const before = stranger.input.length;
            stranger.send(request);
            await until(() => stranger.input.length > before || i % 7 === 0, "an answer").catch(
                () => undefined, // what is no request gets none where it asks for none
            );
            const answer = stranger.input.slice(before).reduce((sum, each) => sum + each.length, 0);
            expect(answer, `seed ${seed}, ${request.toString("hex")}`).toBeLessThanOrEqual(
                3 * request.length,
            );
        }
    }, 60_000);

    it("begins no session before it has echoed what was sent to it", async () => {
        const { client, collector } = await start();
        const stranger = client();
        const begin = { code: "0.02", path: ["s", SUBJECT], query: ["k=60"], payload: TOKEN };
        const refused = await stranger.ask(begin);
        expect([refused.code, collector.tokens]).toEqual(["4.01", []]);
        const echo = { name: "252", value: optionOf(refused, "252") ?? Buffer.alloc(0) };
        const elsewhere = await client().ask({ ...begin, options: [echo] });
        expect([elsewhere.code, collector.tokens]).toEqual(["4.01", []]);
        const opened = await stranger.ask({ ...begin, options: [echo] });
        expect([opened.code, collector.tokens]).toEqual(["2.01", [1]]);
    });

    it("does not act in a session of another address", async () => {
        const { client, collector } = await start();
        const session = await client().open(SUBJECT, TOKEN);
        const request = { code: "0.02", path: ["m"], query: [`s=${session}`], options: [MESSAGES] };
        const other = await client().ask({ ...request, payload: utf8("m") });
        expect([other.code, collector.received]).toEqual(["4.01", []]);
        const queue = { code: "0.01", path: ["c", SUBJECT], query: [`s=${session}`] };
        expect((await client().ask(queue)).code).toBe("4.01");
        expect((await client().ask({ ...queue, code: "0.04", path: ["s", SUBJECT] })).code).toBe(
            "4.01",
        );
    });

    it("is refused with the code that fits", async () => {
        const { client } = await start();
        const stranger = client();
        const codeOf = async (request: CoapRequest) => (await stranger.ask(request)).code;
        expect(await codeOf({ code: "0.01", path: ["nothing"] })).toBe("4.04");
        expect(await codeOf({ code: "0.03", path: ["t"] })).toBe("4.05");
        expect(await codeOf({ code: "0.02", path: ["m"], payload: utf8("m") })).toBe("4.01");
        const critical = [{ name: "Proxy-Uri", value: utf8("coap://elsewhere") }];
        expect(await codeOf({ code: "0.01", path: ["t"], options: critical })).toBe("4.02");
        const unknown = [{ name: "2049", value: utf8("x") }];
        expect(await codeOf({ code: "0.01", path: ["t"], options: unknown })).toBe("4.02");
    });

    it("cannot push a session out of the table, however many addresses it uses", async () => {
        const { client, collector } = await start({ maxStrangers: 4 });
        const meter = client();
        const session = await meter.open(SUBJECT, TOKEN);
        for (let i = 0; i < 40; i++) {
            expect((await client().ask({ code: "0.01", path: ["t"] })).code).toBe("2.05");
        }
        const request = { code: "0.02", path: ["m"], query: [`s=${session}`], options: [MESSAGES] };
        expect((await meter.ask({ ...request, payload: utf8("m") })).code).toBe("2.04");
        expect(collector.texts()).toEqual(["m"]);
    });

    it("gets a reset for a ping, and nothing for bytes that are no message", async () => {
        const { client } = await start();
        const stranger = client();
        for (const hex of ["", "40", "00010001", "40010001ff", "4900000111", "40000001aa"]) {
            stranger.send(Buffer.from(hex, "hex"));
        }
        stranger.send(Buffer.from("40001234", "hex"));
        await until(() => stranger.input.length > 0, "the reset");
        expect(stranger.input.map((each) => each.toString("hex"))).toEqual(["70001234"]);
    });
});

describe("coap: resources", () => {
    it("lists itself in blocks that keep to the share of an unverified address", async () => {
        const { client } = await start();
        const stranger = client();
        let text = "";
        for (let number = 0; ; number++) {
            const options =
                number === 0 ? [] : [{ name: "Block2", value: Uint8Array.of((number << 4) | 1) }];
            const part = await stranger.ask({
                code: "0.01",
                path: [".well-known", "core"],
                options,
            });
            expect(part.code).toBe("2.05");
            text += part.payload.toString();
            if (((optionOf(part, "Block2")?.[0] ?? 0) & 8) === 0) break;
        }
        expect(text).toBe(
            '</m>;rt="meterseal.env";ct="63 18",</c>;rt="meterseal.env";ct=63;obs,</s>,</t>;ct=60',
        );
    });

    it("tells its time", async () => {
        const { client } = await start();
        const { code, payload } = await client().ask({ code: "0.01", path: ["t"] });
        expect([code, payload.toString("hex")]).toEqual(["2.05", "1a6553f100"]);
    });
});

describe("coap: messages of a session", () => {
    async function session(options: Partial<CoapCollectorOptions> = {}) {
        const world = await start(options);
        const meter = world.client();
        const id = await meter.open(SUBJECT, TOKEN);
        const post = (rest: Omit<CoapRequest, "code">) =>
            meter.ask({
                code: "0.02",
                path: ["m"],
                query: [`s=${id}`],
                options: [MESSAGES],
                ...rest,
            });
        return { ...world, meter, post };
    }

    it("are taken once though their copies come again, with the same answer", async () => {
        const { collector, meter, post } = await session();
        const first = await post({ id: 900, payload: utf8("m") });
        const again = await post({ id: 900, payload: utf8("m") });
        expect([first.code, again.code, again.ack]).toEqual(["2.04", "2.04", true]);
        expect(collector.texts()).toEqual(["m"]);
        await post({ id: 901, payload: utf8("m") });
        expect(collector.texts()).toEqual(["m", "m"]);
        expect(meter.input.length).toBeGreaterThan(2);
    });

    it("may be sent without confirmation", async () => {
        const { collector, post } = await session();
        const answer = await post({ confirmable: false, payload: utf8("m") });
        expect([answer.code, answer.ack, answer.confirmable]).toEqual(["2.04", false, false]);
        expect(collector.texts()).toEqual(["m"]);
    });

    it("of another format are refused", async () => {
        const { collector, post } = await session();
        const json = [{ name: "Content-Format", value: Uint8Array.of(50) }];
        expect((await post({ payload: utf8("{}"), options: json })).code).toBe("4.15");
        expect(collector.received).toEqual([]);
    });

    it("come whole from their blocks, and only from blocks of one body in order", async () => {
        const { collector, post } = await session();
        const part = utf8("0123456789abcdef");
        const codeOf = async (number: number, more: boolean, tag?: number) =>
            (await post({ payload: part, options: block(number, more, tag) ?? [] })).code;
        expect([await codeOf(0, true), await codeOf(1, true), await codeOf(2, false)]).toEqual([
            ...["2.31", "2.31", "2.04"],
        ]);
        expect(collector.texts()).toEqual(["0123456789abcdef".repeat(3)]);
        expect([await codeOf(0, true), await codeOf(2, false)]).toEqual(["2.31", "4.08"]);
        expect([await codeOf(0, true, 1), await codeOf(1, false, 2)]).toEqual(["2.31", "4.08"]);
        expect(await codeOf(3, false)).toBe("4.08");
        const short = { payload: utf8("short"), options: block(0, true) ?? [] };
        expect((await post(short)).code).toBe("4.00");
        expect(collector.received).toHaveLength(1);
    });

    it("may come again late, when their message is forgotten, and change nothing", async () => {
        const { collector, post } = await session();
        const body = new Uint8Array(48).map((_, i) => i);
        const send = async (number: number): Promise<string> => {
            const payload = body.subarray(16 * number, 16 * (number + 1));
            return (await post({ payload, options: block(number, number < 2) ?? [] })).code;
        };
        const codes = [];
        for (const number of [0, 0, 1, 0, 1, 1, 2]) codes.push(await send(number));
        expect(codes).toEqual([...Array(6).fill("2.31"), "2.04"]);
        expect(collector.received.map(({ message }) => [...message])).toEqual([[...body]]);
    });

    it("are taken once though their last block comes again late, also behind another's first", async () => {
        const { collector, post } = await session();
        const payload = utf8("0123456789abcdef");
        const send = async (number: number, more: boolean, tag: number): Promise<string> =>
            (await post({ payload, options: block(number, more, tag) ?? [] })).code;
        const codes = [await send(0, true, 1), await send(1, false, 1), await send(1, false, 1)];
        codes.push(await send(0, true, 2), await send(1, false, 1), await send(1, false, 2));
        expect(codes).toEqual(["2.31", "2.04", "2.04", "2.31", "2.04", "2.04"]);
        expect(await send(0, false, 1)).toBe("2.04"); // a body of its own, by a tag of before
        expect(collector.received).toHaveLength(3);
    });

    it("above the limit are refused at their announcement, and at the block that exceeds it", async () => {
        const { collector, post } = await session();
        const announced = Buffer.alloc(4);
        announced.writeUInt32BE(LIMITS.messageBytes + 1);
        const options = [...(block(0, true) ?? []), { name: "Size1", value: announced }];
        const refused = await post({ payload: new Uint8Array(16), options });
        expect([refused.code, optionOf(refused, "Size1")?.readUIntBE(0, 3)]).toEqual([
            ...["4.13", LIMITS.messageBytes],
        ]);
        const blocks = LIMITS.messageBytes / 1_024;
        const codes: string[] = [];
        for (let i = 0; i <= blocks; i++) {
            const value = Buffer.alloc(3);
            value.writeUIntBE((i << 4) | 8 | 6, 0, 3);
            const options = [MESSAGES, { name: "Block1", value }];
            codes.push((await post({ payload: new Uint8Array(1_024), options })).code);
        }
        expect(codes.slice(0, -1).every((code) => code === "2.31")).toBe(true);
        expect(codes.at(-1)).toBe("4.13");
        expect(collector.received).toEqual([]);
    });

    it("beyond what may be under way are told to wait, with a time", async () => {
        const { collector, meter, post } = await session({ maxSessionRequests: 2 });
        const held = Promise.withResolvers<void>();
        collector.onReceive = () => held.promise;
        const first = [post({ payload: utf8("1") }), post({ payload: utf8("2") })];
        await until(() => collector.received.length === 2, "two messages");
        const from = meter.input.length;
        const third = await post({ id: 950, payload: utf8("3") });
        expect(meter.input.length).toBeGreaterThan(from);
        expect([third.code, optionOf(third, "Max-Age")?.[0]]).toEqual(["4.29", 1]);
        held.resolve();
        await Promise.all(first);
    });
});

describe("coap: plain text", () => {
    it("stays on the loopback, on both sides, unless told otherwise", () => {
        expect(() => createCoapCollectorLink({ host: "0.0.0.0", port: 0, log })).toThrow(
            expect.objectContaining({ code: "MS_LISTEN_ADDRESS" }),
        );
        const token = () => Promise.resolve(utf8("t"));
        const far = { url: "coap://collector.example", subjectHex: SUBJECT, token };
        expect(() => createCoapMeterLink(far)).toThrow(
            expect.objectContaining({ code: "MS_USAGE" }),
        );
        expect(() => createCoapMeterLink({ ...far, insecure: true })).not.toThrow();
        for (const url of ["coap://127.0.0.1/x", "coap://127.0.0.1?x", "coaps://127.0.0.1", "x"]) {
            expect(() => createCoapMeterLink({ ...far, url })).toThrow("MS_USAGE");
        }
    });

    it("says that nobody is there where the port is closed", async () => {
        const { link, url } = await start();
        await link.close();
        const warnings: string[] = [];
        const warn = (_what: string, fields?: object) => warnings.push(JSON.stringify(fields));
        const meter = new TestMeter(
            (token) =>
                createCoapMeterLink({ url, subjectHex: SUBJECT, token, log: { info() {}, warn } }),
            SUBJECT,
        );
        closings.push(() => meter.link.close());
        await meter.link.open(meter);
        await until(() => warnings.length > 0, "a warning");
        expect(warnings[0]).toContain("ECONNREFUSED");
    });
});
