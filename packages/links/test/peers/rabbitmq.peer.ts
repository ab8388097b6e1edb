import { BreakablePath } from "@meterseal/testkit/breakable-path";
import { describeLinkCompliance, ScriptedCollector } from "@meterseal/testkit/link-compliance";
import { INSTALLED, makeRabbit, type PeerBroker } from "@meterseal/testkit/peer-brokers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAmqp10CollectorLink, createAmqp10MeterLink } from "../../src/amqp10/index.ts";
import { createAmqp091CollectorLink, createAmqp091MeterLink } from "../../src/amqp091/index.ts";

const log = { info: () => {}, warn: () => {} };

describe.skipIf(!INSTALLED.rabbitmq)("rabbitmq (not run where it is not installed)", () => {
    let broker: PeerBroker;
    let port: number;
    /** Tenants keep the cases apart, which run side by side. */
    let tenants = 0;

    beforeAll(async () => {
        broker = await makeRabbit();
        ({ port } = broker);
        await broker.start();
    });
    afterAll(() => broker.remove());

    describeLinkCompliance("amqp 0-9-1 through rabbitmq", async (receiveTimeoutMs) => {
        const path = new BreakablePath();
        await path.listen();
        path.target = port;
        const tenant = `tenant-${tenants++}`;
        return {
            listen: async (handler) => {
                const url = `amqp://127.0.0.1:${port}`;
                const link = createAmqp091CollectorLink({ url, tenant, log, receiveTimeoutMs });
                await link.listen(handler);
                return link;
            },
            meter: (subjectHex, token) => {
                const url = `amqp://127.0.0.1:${path.port}`;
                return createAmqp091MeterLink({
                    url,
                    tenant,
                    subjectHex,
                    token,
                    keepaliveSeconds: 2,
                });
            },
            cut: () => path.cut(),
            freeze: (silent) => (silent ? path.drop() : path.restore()),
            close: () => path.close(),
        };
    });

    describeLinkCompliance("amqp 1.0 through rabbitmq", async (receiveTimeoutMs) => {
        const path = new BreakablePath();
        await path.listen();
        path.target = port;
        const tenant = `tenant-${tenants++}`;
        const login = { tenant, username: "guest", password: "guest" };
        return {
            listen: async (handler) => {
                const url = `amqp://127.0.0.1:${port}`;
                const link = createAmqp10CollectorLink({ url, ...login, log, receiveTimeoutMs });
                await link.listen(handler);
                return link;
            },
            meter: (subjectHex, token) => {
                const url = `amqp://127.0.0.1:${path.port}`;
                const waits = { keepaliveSeconds: 2 };
                return createAmqp10MeterLink({ url, ...login, subjectHex, token, ...waits });
            },
            cut: () => path.cut(),
            freeze: (silent) => (silent ? path.drop() : path.restore()),
            close: () => path.close(),
        };
    });

    it("is not entered with a wrong password", async () => {
        const options = { url: `amqp://127.0.0.1:${port}`, tenant: "t", log, password: "wrong" };
        const link = createAmqp091CollectorLink(options);
        await expect(link.listen(new ScriptedCollector())).rejects.toThrow("MS_LINK");
    });
});
