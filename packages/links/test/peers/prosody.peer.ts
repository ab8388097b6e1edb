import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BreakablePath } from "@meterseal/testkit/breakable-path";
import { describeLinkCompliance, ScriptedCollector } from "@meterseal/testkit/link-compliance";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createXmppCollectorLink, createXmppMeterLink } from "../../src/xmpp/index.ts";
import { findProgram, freePort, PeerServer } from "./peer.ts";

const log = { info: () => {}, warn: () => {} };
const METERS = ["0a".repeat(16), "0b".repeat(16)];
/** Domains of the cases, which run side by side; in each a collector and two meters. */
const DOMAINS = Array.from({ length: 40 }, (_, i) => `d${i}.example`);
const tenant = "collector";
const password = "secret";
/** An account as Prosody keeps it, with few rounds: the client's arithmetic is slow. */
const ACCOUNT = accountOf("salt", 64);
const prosody = findProgram("prosody");

/** Keys of SCRAM-SHA-1 (RFC 5802 section 3) for {@link password}. */
function accountOf(salt: string, rounds: number): string {
    const salted = pbkdf2Sync(password, salt, rounds, 20, "sha1");
    const keyOf = (name: string) => createHmac("sha1", salted).update(name).digest();
    const stored = createHash("sha1").update(keyOf("Client Key")).digest("hex");
    const server = keyOf("Server Key").toString("hex");
    const fields = [`["iteration_count"] = ${rounds}`, `["salt"] = "${salt}"`];
    return `return { ${[...fields, `["stored_key"] = "${stored}"`, `["server_key"] = "${server}"`].join("; ")}; };\n`;
}

describe.skipIf(prosody === null)("prosody (not run where it is not installed)", () => {
    const dir = mkdtempSync(join(tmpdir(), "meterseal-prosody-"));
    let server: PeerServer;
    let port: number;
    let domains = 0;

    beforeAll(async () => {
        port = await freePort();
        for (const domain of DOMAINS) {
            const accounts = join(dir, "data", domain.replace(".", "%2e"), "accounts");
            mkdirSync(accounts, { recursive: true });
            for (const name of [...METERS, tenant]) {
                writeFileSync(join(accounts, `${name}.dat`), ACCOUNT);
            }
        }
        const config = join(dir, "prosody.cfg.lua");
        const lines = [
            ...["run_as_root = true", `data_path = "${join(dir, "data")}"`],
            ...[`pidfile = "${join(dir, "pid")}"`, 'log = { warn = "*console" }'],
            ...['modules_enabled = { "saslauth" }', 'modules_disabled = { "s2s", "offline" }'],
            ...["c2s_require_encryption = false", "allow_unencrypted_plain_auth = true"],
            ...['authentication = "internal_hashed"', `c2s_ports = { ${port} }`],
            ...[
                'c2s_interfaces = { "127.0.0.1" }',
                ...DOMAINS.map((domain) => `VirtualHost "${domain}"`),
            ],
        ];
        writeFileSync(config, `${lines.join("\n")}\n`);
        server = new PeerServer(prosody ?? "", ["-F", "--config", config]);
        await server.accepts(port);
    });
    afterAll(async () => {
        await server.stop();
        rmSync(dir, { recursive: true, force: true });
    });

    describeLinkCompliance("xmpp through prosody", async (receiveTimeoutMs) => {
        const path = new BreakablePath();
        await path.listen();
        path.target = port;
        const domain = DOMAINS[domains++] ?? "";
        return {
            listen: async (handler) => {
                const link = createXmppCollectorLink({
                    ...{ url: `xmpp://127.0.0.1:${port}`, tenant, log, receiveTimeoutMs },
                    ...{ username: `${tenant}@${domain}`, password },
                });
                await link.listen(handler);
                return link;
            },
            meter: (subjectHex, token) =>
                createXmppMeterLink({
                    ...{ url: `xmpp://127.0.0.1:${path.port}`, tenant, subjectHex, token },
                    ...{ username: `${subjectHex}@${domain}`, password, keepaliveSeconds: 2 },
                }),
            cut: () => path.cut(),
            freeze: (silent) => (silent ? path.drop() : path.restore()),
            close: () => path.close(),
        };
    });

    it("is not entered with a wrong password", async () => {
        const link = createXmppCollectorLink({
            ...{ url: `xmpp://127.0.0.1:${port}`, tenant, log },
            ...{ username: `${tenant}@${DOMAINS[0]}`, password: "wrong" },
        });
        await expect(link.listen(new ScriptedCollector())).rejects.toThrow("MS_LINK");
    });
});
