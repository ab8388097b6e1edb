import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { utf8 } from "@meterseal/core";
import { BreakablePath } from "@meterseal/testkit/breakable-path";
import {
    describeLinkCompliance,
    ScriptedCollector,
    until,
} from "@meterseal/testkit/link-compliance";
import { connect } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
    createMqttBrokerCollectorLink,
    createMqttBrokerMeterLink,
} from "../../src/mqtt-broker/index.ts";
import { findProgram, freePort, PeerServer } from "./peer.ts";

const [SUBJECT_A, SUBJECT_B] = ["0a".repeat(16), "0b".repeat(16)];
const log = { info: () => {}, warn: () => {} };
/** Tenants keep the cases apart, which run side by side. */
let tenants = 0;
const mosquitto = findProgram("mosquitto");
const passwd = findProgram("mosquitto_passwd");
const isThere = mosquitto !== null && passwd !== null;

/** Who may say and hear what: the collector every meter, a meter itself. */
const RULES = `user collector
topic read ms/1/+/+/up/frame
topic write ms/1/+/+/dn/frame
pattern write ms/1/+/%u/up/frame
pattern read ms/1/+/%u/dn/frame
`;

describe.skipIf(!isThere)("mosquitto (not run where it is not installed)", () => {
    const dir = mkdtempSync(join(tmpdir(), "meterseal-mosquitto-"));
    let broker: PeerServer;
    let port: number;

    beforeAll(async () => {
        port = await freePort();
        const [users, rules, config] = ["users", "rules", "conf"].map((name) => join(dir, name));
        writeFileSync(users ?? "", "");
        for (const name of ["collector", SUBJECT_A, SUBJECT_B]) {
            spawnSync(passwd ?? "", ["-b", users ?? "", name, "secret"]);
        }
        writeFileSync(rules ?? "", RULES);
        const lines = [
            ...[`listener ${port} 127.0.0.1`, "allow_anonymous false", "user root"],
            ...[`password_file ${users}`, `acl_file ${rules}`, "retain_available false"],
            ...["persistence false", "max_queued_messages 4000", "message_size_limit 70000"],
        ];
        writeFileSync(config ?? "", `${lines.join("\n")}\n`);
        for (const path of [users, rules]) chmodSync(path ?? "", 0o600);
        broker = new PeerServer(mosquitto ?? "", ["-c", config ?? ""]);
        await broker.accepts(port);
    });
    afterAll(async () => {
        await broker.stop();
        rmSync(dir, { recursive: true });
    });

    const collectorOf = (tenant: string, receiveTimeoutMs = 1_000) =>
        createMqttBrokerCollectorLink({
            ...{ url: `mqtt://127.0.0.1:${port}`, tenant, log, receiveTimeoutMs },
            ...{ username: "collector", password: "secret" },
        });

    describeLinkCompliance("mqtt through mosquitto", async (receiveTimeoutMs) => {
        const path = new BreakablePath();
        await path.listen();
        path.target = port;
        const tenant = `tenant-${tenants++}`;
        return {
            listen: async (handler) => {
                const link = collectorOf(tenant, receiveTimeoutMs);
                await link.listen(handler);
                return link;
            },
            meter: (subjectHex, token) =>
                createMqttBrokerMeterLink({
                    ...{ url: `mqtt://127.0.0.1:${path.port}`, tenant, subjectHex, token },
                    ...{ username: subjectHex, password: "secret", keepaliveSeconds: 2 },
                }),
            cut: () => path.cut(),
            freeze: (silent) => (silent ? path.drop() : path.restore()),
            close: () => path.close(),
        };
    });

    it("lets a meter speak as itself alone, and keeps nothing for later", async () => {
        const collector = new ScriptedCollector();
        const tenant = "alone";
        const link = collectorOf(tenant);
        await link.listen(collector);
        const client = connect(`mqtt://127.0.0.1:${port}`, {
            ...{ username: SUBJECT_B, password: "secret", reconnectPeriod: 0, protocolVersion: 4 },
        });
        try {
            await until(() => client.connected, "a connection");
            const open = Buffer.concat([
                Buffer.from("0100112233445566770002", "hex"),
                utf8("\x01\x01"),
            ]);
            client.publish(`ms/1/${tenant}/${SUBJECT_A}/up/frame`, open, { qos: 1 });
            await new Promise((resolve) => setTimeout(resolve, 200));
            expect(collector.tokens).toEqual([]);
            client.publish(`ms/1/${tenant}/${SUBJECT_B}/up/frame`, open, { qos: 1 });
            await until(() => collector.tokens.length === 1, "a session");
        } finally {
            client.end(true);
            await link.close();
        }
    });

    it("is not entered with a wrong password", async () => {
        const link = createMqttBrokerCollectorLink({
            ...{ url: `mqtt://127.0.0.1:${port}`, tenant: "alone", log },
            ...{ username: "collector", password: "wrong" },
        });
        await expect(link.listen(new ScriptedCollector())).rejects.toThrow("MS_LINK");
    });
});
