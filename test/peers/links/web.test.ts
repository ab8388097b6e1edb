import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { CollectorLink } from "@meterseal/core";
import { createHttpCollectorLink } from "@meterseal/links/http";
import { selfSigned } from "@meterseal/testkit/certificate";
import { findProgram, missing, runProgram, Served } from "./program.ts";

const curl = findProgram("curl");
const openssl = findProgram("openssl");
const SUBJECT = "0a".repeat(16);
const TOKEN = Buffer.alloc(180, 7);
const log = { info: () => {}, warn: () => {} };

/** A collector behind the HTTP link, in plain text or behind a certificate. */
class Collector {
    readonly received: Buffer[] = [];
    readonly link: CollectorLink;
    /** Whether messages are taken. */
    isFull = false;
    url = "";

    constructor(tls?: { readonly cert: string; readonly key: string }) {
        const place = { host: "127.0.0.1", port: 0, log };
        this.link = createHttpCollectorLink({ ...place, ...(tls === undefined ? {} : { tls }) });
    }

    async listen(): Promise<void> {
        this.url = await this.link.listen({
            authenticate: (_subject, token) => Promise.resolve(TOKEN.equals(token)),
            receive: (_subject, message) => {
                if (this.isFull) return Promise.reject(new Error("disk full"));
                this.received.push(Buffer.from(message));
                return Promise.resolve();
            },
            connected: (subject) => void this.link.deliver(subject, Buffer.from("receipt")),
        });
    }
}

const dir = mkdtempSync(join(tmpdir(), "meterseal-web-"));
after(() => rmSync(dir, { recursive: true }));

describe("curl and our collector", { skip: missing({ curl, openssl }) }, () => {
    const { cert, key } = openssl === null ? { cert: "", key: "" } : selfSigned();
    const ca = join(dir, "cert.pem");
    writeFileSync(ca, cert);

    for (const [scheme, make, trust] of [
        ["http", () => new Collector(), []],
        ["https", () => new Collector({ cert, key }), ["--cacert", ca]],
    ] as const) {
        describe(scheme, () => {
            const collector = make();
            const served: Served[] = [];
            before(() => collector.listen());
            after(async () => {
                for (const each of served) await each.stop();
                await collector.link.close();
            });

            const path = (resource: string): string =>
                `${collector.url}/link/v1/${SUBJECT}/${resource}`;
            const run = async (...words: string[]): Promise<string> =>
                (await runProgram(curl ?? "", ["-s", ...trust, ...words])).output.toString();
            const status = (...words: string[]): Promise<string> =>
                run("-o", join(dir, "answer"), "-w", "%{http_code}", ...words);

            /** Opens a stream with the token; resolves with its session. */
            async function open(): Promise<{ session: string; stream: Served }> {
                const head = ["-H", `Authorization: Meterseal ${TOKEN.toString("base64url")}`];
                const words = [...head, "-H", "meterseal-keepalive: 60", path("stream")];
                const stream = new Served(curl ?? "", ["-sN", ...trust, ...words]);
                served.push(stream);
                while (!stream.output.includes("data: cmVjZWlwdA==")) {
                    await once(stream.child.stdout ?? stream.child, "data"); // the test's time limits it
                }
                const session = /event: session\ndata: (\S+)\n/.exec(stream.output)?.[1] ?? "";
                return { session, stream };
            }

            const post = (session: string, number: number, body: string): Promise<string> =>
                status(
                    ...["-H", `Authorization: Bearer ${session}`],
                    ...["-H", "content-type: application/cbor-seq"],
                    ...["-H", `meterseal-sequence: ${number}`, "--data-binary", body],
                    path("messages"),
                );

            it("begins a session with a token, hears its receipts, and sends messages", async () => {
                const { session } = await open();
                assert.equal(await post(session, 0, "first"), "204");
                writeFileSync(join(dir, "large"), Buffer.alloc(65_536, 9));
                assert.equal(await post(session, 1, `@${join(dir, "large")}`), "204");
                assert.deepEqual(collector.received.splice(0), [
                    Buffer.from("first"),
                    Buffer.alloc(65_536, 9),
                ]);
            });

            it("is told in HTTP's words what is refused", async () => {
                const { session } = await open();
                assert.equal(await post("nobody", 0, "m"), "401");
                assert.equal(await post(session, 0, "m"), "204");
                assert.equal(await post(session, 0, "m"), "409");
                writeFileSync(join(dir, "larger"), Buffer.alloc(65_537));
                assert.equal(await post(session, 1, `@${join(dir, "larger")}`), "413");
                collector.isFull = true;
                assert.equal(await post(session, 2, "m"), "503");
                collector.isFull = false;
                assert.equal(await post(session, 3, "m"), "204");
                assert.equal(await status(path("stream")), "401");
                assert.equal(await status(`${collector.url}/else`), "404");
            });
        });
    }

    it("does not talk to a listener whose certificate it does not trust, nor in plain text to it", async () => {
        const collector = new Collector({ cert, key });
        await collector.listen();
        try {
            const doubting = await runProgram(curl ?? "", ["-s", `${collector.url}/`]);
            assert.equal(doubting.code, 60); // the peer's certificate cannot be authenticated
            const plain = collector.url.replace("https", "http");
            assert.notEqual((await runProgram(curl ?? "", ["-s", plain])).code, 0);
        } finally {
            await collector.link.close();
        }
    });
});

describe("openssl s_client and our TLS listener", { skip: missing({ openssl }) }, () => {
    const { cert, key } = openssl === null ? { cert: "", key: "" } : selfSigned();
    const ca = join(dir, "ca.pem");
    writeFileSync(ca, cert);
    const collector = new Collector(openssl === null ? undefined : { cert, key });
    before(() => collector.listen());
    after(() => collector.link.close());

    async function connect(
        words: readonly string[],
        say = "",
    ): Promise<{ code: number | null; said: string }> {
        const to = ["s_client", "-connect", new URL(collector.url).host, "-CAfile", ca];
        const all = [...to, ...words];
        const ended = await runProgram(openssl ?? "", all, 20_000, Buffer.from(say));
        const { code, errors, output } = ended;
        return { code, said: output.toString() + errors };
    }

    for (const version of ["1.2", "1.3"]) {
        it(`agrees on TLS ${version} with a certificate that verifies, and speaks HTTP in it`, async () => {
            const flag = `-tls${version.replace(".", "_")}`;
            const words = [flag, "-verify_return_error", "-verify_ip", "127.0.0.1", "-ign_eof"];
            const request = "GET /else HTTP/1.1\r\nHost: meters\r\nConnection: close\r\n\r\n";
            const { code, said } = await connect(words, request);
            assert.equal(code, 0);
            assert.match(said, new RegExp(`TLSv${version}`));
            assert.match(said, /Verify return code: 0 \(ok\)/);
            assert.match(said, /HTTP\/1\.1 404 Not Found/);
        });
    }

    it("agrees on nothing older, and says so", async () => {
        const { code, said } = await connect(["-tls1_1", "-cipher", "ALL@SECLEVEL=0"]);
        assert.notEqual(code, 0);
        assert.match(said, /alert protocol version/);
    });

    it("is ended by it after silence, and a valid neighbour goes on", async () => {
        const hung = new Served(
            openssl ?? "",
            ["s_client", "-quiet", "-connect", new URL(collector.url).host],
            {},
            "pipe",
        );
        const gone = once(hung.child, "exit");
        const { code } = await connect(
            ["-ign_eof"],
            "GET / HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n",
        );
        assert.equal(code, 0);
        await gone; // no header in time
    });
});
