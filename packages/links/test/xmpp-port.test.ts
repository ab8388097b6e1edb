import type { AddressInfo } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { selfSigned } from "@meterseal/testkit/certificate";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openXmppPort } from "../src/xmpp/port.ts";

const DOMAIN = "meters.example";
const METER = "0a".repeat(16);
const { cert, key } = selfSigned(2, `DNS:${DOMAIN}`);
const closings: (() => void)[] = [];
afterEach(() => {
    for (const close of closings.splice(0)) close();
    vi.useRealTimers();
});

const features = (inside: string): string =>
    `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='1'
    version='1.0'><stream:features>${inside}</stream:features>`;
const PLAIN = `<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>`;
const BIND = `<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>`;
const HEADLINE = `<message type='headline' from='${METER}@${DOMAIN}/x'><frame xmlns='urn:meterseal:link:1'>Bg==</frame></message>`;

/** A server that lets everybody in, and answers a ping while it is told to; the pings that it heard. */
async function startServer() {
    const seen = { port: 0, pings: 0, answersPings: true, onPing: () => {} };
    const answer = (socket: TLSSocket, text: string): void => {
        const id = /id=["']([^"']+)["']/.exec(text)?.[1] ?? "";
        const isIn = socket.listenerCount("in") > 0;
        if (text.includes("urn:xmpp:ping")) {
            seen.pings++;
            const error = `<iq type='error' id='${id}'><error type='cancel'/></iq>${HEADLINE}`;
            if (seen.answersPings) socket.write(error);
            seen.onPing();
        } else if (text.includes("<auth")) {
            socket.on("in", () => {}).write(`<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>`);
        } else if (text.includes("<stream:stream")) {
            socket.write(features(isIn ? BIND : PLAIN));
        } else if (text.includes("xmpp-bind")) {
            const jid = `<jid>collector@${DOMAIN}/y</jid>`;
            socket.write(
                `<iq type='result' id='${id}'>${BIND.replace("/>", `>${jid}</bind>`)}</iq>`,
            );
        }
    };
    const server = createServer({ cert, key }, (socket) => {
        closings.push(() => socket.destroy());
        socket.on("error", () => {}).on("data", (chunk) => answer(socket, chunk.toString()));
    }).listen(0, "127.0.0.1");
    closings.push(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    seen.port = (server.address() as AddressInfo).port;
    return seen;
}

describe("xmpp: a collector whose server goes silent", () => {
    it("stays while its questions are answered, whatever the answer, and ends then", async () => {
        const server = await startServer();
        vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval"] });
        const up = Promise.withResolvers<void>();
        let [downs, onFrame] = [0, () => {}];
        const address = { url: `xmpps://127.0.0.1:${server.port}`, tenant: "collector", ca: cert };
        const login = { username: `collector@${DOMAIN}`, password: "secret" };
        openXmppPort({ ...address, ...login }, "+", {
            up: up.resolve,
            down: () => void downs++,
            frame: () => onFrame(),
        });
        await up.promise;
        for (let i = 0; i < 4; i++) {
            const answered = new Promise<void>((resolve) => (onFrame = resolve));
            vi.advanceTimersByTime(15_000);
            await answered;
        }
        expect([server.pings, downs]).toEqual([4, 0]);
        server.answersPings = false;
        const asked = new Promise<void>((resolve) => (server.onPing = resolve));
        vi.advanceTimersByTime(15_000);
        await asked;
        expect(downs).toBe(0);
        vi.advanceTimersByTime(15_000);
        expect(downs).toBe(1);
    });
});
