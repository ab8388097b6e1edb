import { spawnSync } from "node:child_process";
import { utf8 } from "@meterseal/core";
import { BreakablePath } from "@meterseal/testkit/breakable-path";
import {
    describeLinkCompliance,
    ScriptedCollector,
    until,
} from "@meterseal/testkit/link-compliance";
import { INSTALLED, makeMosquitto, type PeerBroker } from "@meterseal/testkit/peer-brokers";
import { connect } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
    createMqttBrokerCollectorLink,
    createMqttBrokerMeterLink,
} from "../../src/mqtt-broker/index.ts";

const [SUBJECT_A, SUBJECT_B] = ["0a".repeat(16), "0b".repeat(16)];
const log = { info: () => {}, warn: () => {} };
/** Tenants keep the cases apart, which run side by side. */
let tenants = 0;

describe.skipIf(!INSTALLED.mosquitto)("mosquitto (not run where it is not installed)", () => {
    let broker: PeerBroker;
    let port: number;

    beforeAll(async () => {
        const names = ["collector", SUBJECT_A, SUBJECT_B];
        broker = await makeMosquitto(Object.fromEntries(names.map((name) => [name, "secret"])));
        ({ port } = broker);
        await broker.start();
    });
    afterAll(() => broker.remove());

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

    it.each([0, 1, 2])(
        "passes frames of QoS %i on, and one session begins of each",
        async (qos) => {
            const collector = new ScriptedCollector();
            const tenant = `qos-${qos}`;
            const link = collectorOf(tenant);
            await link.listen(collector);
            const open = Buffer.from("01001122334455667700020101", "hex");
            const words = ["-h", "127.0.0.1", "-p", `${port}`, "-V", "mqttv311", "-q", `${qos}`];
            const who = [
                "-u",
                SUBJECT_B,
                "-P",
                "secret",
                "-t",
                `ms/1/${tenant}/${SUBJECT_B}/up/frame`,
            ];
            try {
                const sent = spawnSync("mosquitto_pub", [...words, ...who, "-s"], { input: open });
                expect(sent.status).toBe(0);
                await until(() => collector.tokens.length === 1, "a session");
            } finally {
                await link.close();
            }
        },
    );

    it("is not entered with a wrong password", async () => {
        const link = createMqttBrokerCollectorLink({
            ...{ url: `mqtt://127.0.0.1:${port}`, tenant: "alone", log },
            ...{ username: "collector", password: "wrong" },
        });
        await expect(link.listen(new ScriptedCollector())).rejects.toThrow("MS_LINK");
    });
});
