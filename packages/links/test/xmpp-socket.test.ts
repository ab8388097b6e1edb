import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import { selfSigned } from "@meterseal/testkit/certificate";
import { until } from "@meterseal/testkit/link-compliance";
import { afterEach, describe, expect, it } from "vitest";
import { type XmppPlace, XmppSocket } from "../src/xmpp/socket.ts";

const DOMAIN = "meters.example";
const HEAD = "<stream:stream id='1'>";
const OFFER = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const features = (inside: string): string => `${HEAD}<stream:features>${inside}</stream:features>`;
const closings: (() => void)[] = [];
afterEach(() => {
    for (const close of closings.splice(0)) close();
});

/** A server that answers the n-th chunk of each connection with the n-th text; what it heard. */
async function serverOf(answers: readonly string[], then?: (socket: Socket) => void) {
    const heard: string[] = [];
    const server = createServer((socket) => {
        closings.push(() => socket.destroy());
        socket.on("error", () => {});
        let n = 0;
        const take = (chunk: Buffer): void => {
            heard.push(chunk.toString());
            socket.write(answers[n++] ?? "");
            if (n !== answers.length || then === undefined) return;
            socket.off("data", take);
            then(socket);
        };
        socket.on("data", take);
    }).listen(0, "127.0.0.1");
    closings.push(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    return { heard, port: (server.address() as { port: number }).port };
}

/** Connects; resolves with the socket, rejects with the error that it tells. */
function connected(place: Partial<XmppPlace> & { port: number }): Promise<XmppSocket> {
    const socket = new XmppSocket();
    closings.push(() => socket.destroy());
    const rest = { host: "127.0.0.1", domain: DOMAIN, isDirect: false, mayBePlain: false };
    return new Promise((resolve, reject) => {
        socket.once("connect", () => resolve(socket)).once("error", reject);
        socket.connect({ ...rest, ...place });
    });
}

describe("xmpp: before anything of ours is said", () => {
    it.each([
        ["offers no TLS", [features("<mechanisms/>")]],
        ["offers nothing", [`${HEAD}<stream:features/>`]],
        ["ends the stream", [`${HEAD}</stream:stream>`]],
        ["takes its offer back", [features(OFFER), "<failure/>"]],
    ])("a server far away that %s hears no more", async (_what, answers) => {
        const { heard, port } = await serverOf(answers);
        await expect(connected({ port })).rejects.toThrow(/MS_LINK.*STARTTLS, or --insecure/);
        expect(heard).toHaveLength(answers.length);
        expect(heard.join("")).not.toMatch(/auth|local@/);
    });

    it("a greeting without end is not waited for", async () => {
        const { port } = await serverOf([`${HEAD}${"x".repeat(20_000)}`]);
        await expect(connected({ port })).rejects.toThrow("a greeting without end");
    });

    it("a server on this machine may do without TLS, on a new connection", async () => {
        const { heard, port } = await serverOf([features("")]);
        const socket = await connected({ port, mayBePlain: true });
        expect(socket.secure).toBe(false);
        socket.write("plain", () => {});
        await until(() => heard.includes("plain"), "plain text");
    });
});

describe("xmpp: TLS", () => {
    const { cert, key } = selfSigned(2, `DNS:${DOMAIN}`);
    const secured = (socket: Socket): void => {
        const tls = new TLSSocket(socket, { isServer: true, cert, key });
        tls.on("error", () => {}).on("data", (chunk) => tls.write(`heard ${chunk}`));
    };
    const answers = [features(OFFER), "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"];

    it("begins by STARTTLS where a server offers it, and nothing from before is taken along", async () => {
        const { port } = await serverOf(answers, secured);
        const socket = await connected({ port, ca: cert });
        const data: string[] = [];
        socket.on("data", (chunk: Buffer) => data.push(chunk.toString()));
        socket.write("secret", () => {});
        await until(() => data.length > 0, "an answer");
        expect([socket.secure, data.join("")]).toEqual([true, "heard secret"]);
    });

    it.each([
        ["nobody trusts", {}, "self-signed"],
        ["is made out for another domain", { ca: cert, domain: "other.example" }, "altnames"],
    ])("ends with a certificate that %s, also where plain text may be", async (_what, how, why) => {
        const { port } = await serverOf(answers, secured);
        await expect(connected({ port, mayBePlain: true, ...how })).rejects.toThrow(why);
    });

    it("stands from the first byte, under the name of the domain and of the protocol", async () => {
        const asked: unknown[] = [];
        const options = { cert, key, ALPNProtocols: ["xmpp-client"] };
        const server = createTlsServer(options, (socket) => {
            asked.push(socket.servername, socket.alpnProtocol);
            socket.on("error", () => {}).destroy();
        }).listen(0, "127.0.0.1");
        closings.push(() => server.close());
        await new Promise((resolve) => server.once("listening", resolve));
        const { port } = server.address() as { port: number };
        const socket = await connected({ port, ca: cert, isDirect: true });
        expect(socket.secure).toBe(true);
        await until(() => asked.length > 0, "a connection");
        expect(asked).toEqual([DOMAIN, "xmpp-client"]);
    });
});
