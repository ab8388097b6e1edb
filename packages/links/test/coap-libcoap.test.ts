import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { toHex } from "@meterseal/core";
import { seededRandom } from "@meterseal/testkit/random";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MessageLayer } from "../src/coap/message-layer.ts";
import { FORMAT, OPTION, textOptions, uintOption } from "../src/coap/options.ts";
import { Peer } from "../src/coap/peers.ts";
import { Requester } from "../src/coap/requester.ts";

const SERVERS = ["coap-server-notls", "coap-server-openssl", "coap-server-gnutls"];
const server = SERVERS.find((name) => spawnSync("which", [name]).status === 0);

describe.skipIf(server === undefined)("coap: libcoap's server (not run where absent)", () => {
    const socket = createSocket("udp4");
    let child: ChildProcess;
    let requester: Requester;
    let layer: MessageLayer;

    beforeAll(async () => {
        const probe = createSocket("udp4");
        probe.bind(0, "127.0.0.1");
        await once(probe, "listening");
        const { port } = probe.address();
        probe.close();
        const words = ["-A", "127.0.0.1", "-p", `${port}`, "-d", "10"];
        child = spawn(server ?? "", words, { stdio: "ignore" });
        const peer = new Peer("127.0.0.1", port);
        layer = new MessageLayer({
            ...{ maxRetransmits: 6, maxStrangers: 1, retransmitMs: 100 },
            send: (datagram) => socket.send(datagram, port, "127.0.0.1", () => {}),
            onRequest: () => {},
            onResponse: (_peer, message) => requester.take(message),
        });
        layer.peers.hold(peer);
        requester = new Requester(layer, peer);
        socket.on("message", (datagram) => layer.receive(datagram, "127.0.0.1", port));
    });
    afterAll(async () => {
        layer.close();
        socket.close();
        const gone = once(child, "exit");
        child.kill("SIGKILL");
        await gone;
    });

    it("takes a body of many blocks and gives it back", async () => {
        const body = seededRandom(1).bytes(5_000);
        const path = textOptions(OPTION.path, ["example_data"]);
        const format = uintOption(OPTION.format, FORMAT.messages);
        const put = { code: "0.03", options: [...path, format] };
        const { answer } = await requester.upload(put, body);
        expect((await answer).code).toMatch(/^2\.0[14]$/);
        const get = { code: "0.01", options: path };
        const first = await requester.ask(get);
        expect(first.code).toBe("2.05");
        expect(toHex(await requester.download(first, get))).toBe(toHex(body));
    });

    it("is observed", async () => {
        const path = textOptions(OPTION.path, ["time"]);
        const heard: string[] = [];
        const { promise, resolve } = Promise.withResolvers<void>();
        await requester.observe({ code: "0.01", options: path }, ({ payload }) => {
            if (heard.push(payload.toString()) === 2) resolve();
        });
        await promise;
        expect(new Set(heard).size).toBe(2);
    });

    it("refuses in words that are understood", async () => {
        const path = textOptions(OPTION.path, ["nothing"]);
        expect((await requester.ask({ code: "0.01", options: path })).code).toBe("4.04");
    });
});
