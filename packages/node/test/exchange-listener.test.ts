import { connect } from "node:net";
import { error, LIMITS, unwrap } from "@meterseal/core";
import { accept, type Exchange, type LedgerState } from "@meterseal/ledger";
import { createRevocation, parseRevocation } from "@meterseal/record";
import { selfSigned } from "@meterseal/testkit/certificate";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { TEST_LATER_MS, type TestCollector, TestNetwork } from "@meterseal/testkit/records";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { steadyClock } from "../src/clocks.ts";
import { type Caller, CollectorGate, callerHeader } from "../src/exchange/gate.ts";
import { HttpExchange } from "../src/exchange/http-exchange.ts";
import { startExchange } from "../src/exchange/listener.ts";
import { EXCHANGE, EXCHANGE_BODY_BYTES } from "../src/exchange/paths.ts";
import { ExchangeClient, exchangeUrl } from "../src/exchange/request.ts";
import type { HttpServer } from "../src/server/listen.ts";

const network = new TestNetwork("exchange");
const clock = { nowMs: () => TEST_LATER_MS };
let member: TestCollector;
let caller: Caller;
let state: LedgerState;
let http: HttpServer;
let asked: string[];
/** Ends requests that the far side holds. */
let release: () => void;
let held: Promise<void> | null;

const far: Exchange = {
    async logPage(fromIndex) {
        asked.push(`log ${fromIndex}`);
        await held;
        return { size: 9, entries: [] };
    },
    heads: () =>
        Promise.resolve({
            logSize: 9,
            authors: [{ author: testBytes("a", 16), round: 3, id: new Uint8Array(36).fill(1) }],
        }),
    missing: ({ logSize }) =>
        Promise.resolve([{ bytes: Uint8Array.of(logSize), body: Uint8Array.of(2) }]),
    offer: (vertices) => Promise.resolve(vertices.map(({ body }) => `took ${body.length}`)),
    submit: () => Promise.reject(error("MS_NOTICE_DUPLICATE")),
};

async function open(tls: { cert: string; key: string } | null = null): Promise<HttpServer> {
    return await startExchange({
        ...{ host: "127.0.0.1", port: 0, tls, exchange: far },
        gate: new CollectorGate(state, clock, steadyClock),
        genesis: network.genesis,
        operatorToken: "secret",
        admit: () => Promise.reject(error("MS_ENROLMENT")),
    });
}

const clientOf = (url: string, ca: string | null = null): ExchangeClient =>
    new ExchangeClient(url, ca, new AbortController().signal);
const exchangeOf = (url: string, by: Caller = caller): HttpExchange =>
    new HttpExchange(clientOf(url), by, clock);

beforeAll(async () => {
    member = await network.collector("member");
});
beforeEach(async () => {
    asked = [];
    held = null;
    state = network.state();
    unwrap(accept(state, { kind: "enrolment", enrolment: member.enrolment }, 0));
    const author = member.enrolment.id;
    caller = { signer: member.signer, author, network: network.networkId };
    http = await open();
});
afterEach(async () => {
    await http.close();
});

describe("the listener for other servers", () => {
    it("carries every message of the exchange there and back", async () => {
        const exchange = exchangeOf(http.url);
        expect(await exchange.logPage(4)).toEqual({ size: 9, entries: [] });
        expect(asked).toEqual(["log 4"]);
        const heads = await exchange.heads();
        expect(heads).toMatchObject({ logSize: 9, authors: [{ round: 3 }] });
        expect(await exchange.missing(heads)).toEqual([
            { bytes: Uint8Array.of(9), body: Uint8Array.of(2) },
        ]);
        const vertex = { bytes: Uint8Array.of(1), body: new Uint8Array(LIMITS.vertexBytes) };
        const answers = await exchange.offer([vertex, vertex, vertex]);
        expect(answers).toEqual(Array(3).fill(`took ${LIMITS.vertexBytes}`));
        await expect(exchange.submit(Uint8Array.of(1))).rejects.toMatchObject({
            code: "MS_NOTICE_DUPLICATE",
        });
    });

    it("gives the genesis to everybody, and nothing else", async () => {
        const genesis = await (await fetch(http.url + EXCHANGE.network)).json();
        expect(genesis).toEqual({ genesis: network.genesis.toHex() });
        for (const path of [`${EXCHANGE.logPage}?from=0`, EXCHANGE.heads]) {
            expect((await fetch(http.url + path)).status).toBe(403);
        }
        expect(asked).toEqual([]);
    });

    it("lets in a collector of its network with a token of now, and nobody else", async () => {
        const as = async (changes: Partial<Caller>, atMs = TEST_LATER_MS): Promise<number> => {
            const authorization = await callerHeader(
                { ...caller, ...changes },
                { nowMs: () => atMs },
            );
            return (await fetch(http.url + EXCHANGE.heads, { headers: { authorization } })).status;
        };
        const age = LIMITS.tokenAgeSeconds * 1000;
        expect(await as({})).toBe(200);
        expect(await as({}, TEST_LATER_MS - age)).toBe(200);
        expect(await as({}, TEST_LATER_MS - age - 1000)).toBe(403);
        expect(await as({}, TEST_LATER_MS + age + 1000)).toBe(403);
        expect(await as({ network: new Uint8Array(32) })).toBe(403);
        expect(await as({ author: testBytes("other", 16) })).toBe(403);
        expect(await as({ signer: testSigner("stranger") })).toBe(403);
        const meter = await network.meter();
        unwrap(accept(state, { kind: "enrolment", enrolment: meter.enrolment }, 0));
        expect(await as({ signer: meter.signer, author: meter.subject })).toBe(403);
        const { id } = member.enrolment;
        const next = await network.collector("next key", { id, epoch: 1 });
        unwrap(accept(state, { kind: "enrolment", enrolment: next.enrolment }, 0));
        expect(await as({})).toBe(403);
        expect(await as({ signer: next.signer })).toBe(200);
        const bytes = await createRevocation(network.operator, {
            network: network.networkId,
            id,
            timeUnix: 1,
        });
        const revocation = unwrap(parseRevocation(bytes));
        unwrap(accept(state, { kind: "revocation", revocation }, 0));
        expect(await as({ signer: next.signer })).toBe(403);
    });

    it("admits with the operator's token only", async () => {
        const post = async (authorization: string): Promise<number> => {
            const headers = { authorization, "content-type": "application/json" };
            const body = JSON.stringify({
                format: "meterseal-collector-request/v1",
                network: network.networkId.toHex(),
                id: "00".repeat(16),
                key: "a10101",
            });
            const request = { method: "POST", headers, body };
            return (await fetch(http.url + EXCHANGE.collectors, request)).status;
        };
        expect(await post("Bearer wrong")).toBe(403);
        expect(await post("Bearer secret")).toBe(400); // the key is none
    });

    it("has so many pages under way, and tells the next one to wait", async () => {
        held = new Promise((resolve) => {
            release = resolve;
        });
        const exchange = exchangeOf(http.url);
        const pages = Array.from({ length: LIMITS.exchangePages }, (_, i) => exchange.logPage(i));
        while (asked.length < LIMITS.exchangePages)
            await new Promise((done) => setTimeout(done, 5));
        const authorization = await callerHeader(caller, clock);
        const next = await fetch(http.url + EXCHANGE.heads, { headers: { authorization } });
        expect([next.status, next.headers.get("retry-after")]).toEqual([503, "1"]);
        await expect(exchangeOf(http.url).heads()).rejects.toMatchObject({ code: "MS_BUSY" });
        release();
        await Promise.all(pages);
        expect((await exchange.heads()).logSize).toBe(9);
    });

    it("reads no body beyond its limit, and none of another type or shape", async () => {
        const authorization = await callerHeader(caller, clock);
        const post = async (body: Uint8Array<ArrayBuffer>, type = "application/cbor") => {
            const headers = { authorization, "content-type": type };
            const request = { method: "POST", headers, body };
            return (await fetch(http.url + EXCHANGE.vertices, request)).status;
        };
        expect(await post(new Uint8Array(EXCHANGE_BODY_BYTES + 1))).toBe(413);
        expect(await post(new Uint8Array(10))).toBe(400);
        expect(await post(Uint8Array.of(0x80))).toBe(200);
        expect(await post(Uint8Array.of(0x80), "text/plain")).toBe(400);
        const from = await fetch(`${http.url}${EXCHANGE.logPage}?from=-1`, {
            headers: { authorization },
        });
        expect(from.status).toBe(400);
    });

    it("answers to loopback names only in plain text", async () => {
        const { port } = new URL(http.url);
        const answer = await new Promise<string>((resolve) => {
            const socket = connect(Number(port), "127.0.0.1");
            socket.end("GET /exchange/v1/network HTTP/1.1\r\nHost: evil.example\r\n\r\n");
            socket.once("data", (bytes) => resolve(String(bytes)));
        });
        expect(answer).toContain("403");
    });

    it("is not held up, when it closes, by who stays silent before TLS", async () => {
        const secure = await open(selfSigned());
        const stranger = connect({ host: "127.0.0.1", port: Number(new URL(secure.url).port) });
        stranger.on("error", () => {});
        await new Promise((resolve) => stranger.once("connect", resolve));
        const startMs = performance.now();
        await secure.close();
        expect(performance.now() - startMs).toBeLessThan(3_000);
        stranger.destroy();
    });

    it("speaks TLS where it has a certificate, to those that trust it", async () => {
        const tls = selfSigned();
        const secure = await open(tls);
        try {
            expect(secure.url).toMatch(/^https:/);
            const trusting = new HttpExchange(clientOf(secure.url, tls.cert), caller, clock);
            expect((await trusting.heads()).logSize).toBe(9);
            await expect(exchangeOf(secure.url).heads()).rejects.toMatchObject({ code: "MS_LINK" });
        } finally {
            await secure.close();
        }
    });

    it("is not opened in plain text beyond the loopback, and not asked so", async () => {
        const plan = { host: "0.0.0.0", port: 0, tls: null, exchange: far };
        const gate = new CollectorGate(state, clock, steadyClock);
        const rest = { genesis: network.genesis, operatorToken: "secret" };
        const opened = startExchange({ ...plan, gate, ...rest, admit: () => Promise.reject() });
        await expect(opened).rejects.toMatchObject({ code: "MS_LISTEN_ADDRESS" });
        for (const url of ["http://10.0.0.1:80", "ftp://127.0.0.1", "127.0.0.1:80", ""]) {
            expect(() => exchangeUrl(url)).toThrow(/MS_USAGE/);
        }
        expect(exchangeUrl("https://ledger.example:8490").port).toBe("8490");
    });
});
