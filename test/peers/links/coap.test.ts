import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { CollectorLink } from "@meterseal/core";
import { createCoapCollectorLink } from "@meterseal/links/coap";
import { findProgram, missing, runProgram } from "./program.ts";

/** libcoap's client against our collector; its server is in packages/links/test. */
const client = findProgram("coap-client", "coap-client-notls", "coap-client-openssl");
const SUBJECT = "0a".repeat(16);
const log = { info: () => {}, warn: () => {} };

describe("libcoap's client and our collector", { skip: missing({ "coap-client": client }) }, () => {
    const dir = mkdtempSync(join(tmpdir(), "meterseal-coap-"));
    const token = join(dir, "token");
    const received: Buffer[] = [];
    let link: CollectorLink;
    let url: string;

    const run = (...words: string[]) => runProgram(client ?? "", ["-v", "4", ...words]);

    /** Begins a session from a port of the client's own; resolves with its name and that port. */
    async function open(): Promise<{ session: string; from: string }> {
        const socket = createSocket("udp4");
        socket.bind(0, "127.0.0.1");
        await once(socket, "listening");
        const from = `${socket.address().port}`;
        socket.close();
        await once(socket, "close");
        const path = `${url}/s/${SUBJECT}?k=60`;
        const { output } = await run("-p", from, "-m", "post", "-f", token, path);
        return { session: output.toString().trim(), from };
    }

    before(async () => {
        writeFileSync(token, randomBytes(180));
        link = createCoapCollectorLink({ host: "127.0.0.1", port: 0, log });
        url = await link.listen({
            authenticate: (_subject, presented) => Promise.resolve(presented.length === 180),
            receive: (_subject, message) => {
                received.push(Buffer.from(message));
                return Promise.resolve();
            },
            connected: (subject) => {
                for (const size of [10, 1_024, 3_000, 60_000]) {
                    void link.deliver(subject, new Uint8Array(size).fill(size % 251));
                }
            },
        });
    });
    after(async () => {
        await link.close();
        rmSync(dir, { recursive: true });
    });

    it("finds the resources, block by block", async () => {
        const { output } = await run(`${url}/.well-known/core`);
        const text = '</m>;rt="meterseal.env";ct="63 18",</c>;rt="meterseal.env";ct=63;obs,</s>';
        assert.equal(output.toString().trim(), text);
    });

    for (const size of [1, 1_024, 1_025, 5_000, 65_536]) {
        it(`sends ${size} bytes, which arrive unchanged`, async () => {
            const { from, session } = await open();
            const file = join(dir, "message");
            writeFileSync(file, randomBytes(size));
            const words = ["-p", from, "-m", "post", "-t", "63", "-f", file];
            await run(...words, `${url}/m?s=${session}`);
            assert.ok(received.at(-1)?.equals(readFileSync(file)));
        });
    }

    it("sends without confirmation, and again where its first datagram was lost", async () => {
        const { from, session } = await open();
        const target = `${url}/m?s=${session}`;
        await run("-N", "-p", from, "-m", "post", "-t", "63", "-e", "unconfirmed", target);
        assert.equal(received.at(-1)?.toString(), "unconfirmed");
        const words = ["-p", from, "-m", "post", "-t", "63", "-l", "1", "-e", "lost once", target];
        await run(...words);
        assert.equal(received.at(-1)?.toString(), "lost once");
    });

    it("observes what comes down, of any size", async () => {
        const { from, session } = await open();
        const file = join(dir, "down");
        await run("-p", from, "-s", "3", "-o", file, `${url}/c/${SUBJECT}?s=${session}`);
        const parts = [10, 1_024, 3_000, 60_000].map((size) => Buffer.alloc(size, size % 251));
        assert.ok(readFileSync(file).equals(Buffer.concat(parts)));
    });

    it("is refused without a session", async () => {
        const before = received.length;
        const { errors, output } = await run(
            "-m",
            "post",
            "-t",
            "63",
            "-e",
            "x",
            `${url}/m?s=none`,
        );
        assert.match(errors + output.toString(), /4\.01/);
        assert.equal(received.length, before);
    });
});
