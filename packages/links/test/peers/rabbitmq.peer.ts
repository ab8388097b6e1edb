import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BreakablePath } from "@meterseal/testkit/breakable-path";
import { describeLinkCompliance, ScriptedCollector } from "@meterseal/testkit/link-compliance";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAmqp10CollectorLink, createAmqp10MeterLink } from "../../src/amqp10/index.ts";
import { createAmqp091CollectorLink, createAmqp091MeterLink } from "../../src/amqp091/index.ts";
import { findProgram, freePort, PeerServer } from "./peer.ts";

const log = { info: () => {}, warn: () => {} };
/** The script itself: the one in the path changes to a user of the system. */
const rabbit = ["/usr/lib/rabbitmq/bin/rabbitmq-server"].find(
    (path) => findProgram(path.split("/").at(-1) ?? "") !== null,
);
const epmd = findProgram("epmd");

describe.skipIf(rabbit === undefined)("rabbitmq (not run where it is not installed)", () => {
    const dir = mkdtempSync(join(tmpdir(), "meterseal-rabbitmq-"));
    let broker: PeerServer;
    let port: number;
    let epmdPort: number;
    /** Tenants keep the cases apart, which run side by side. */
    let tenants = 0;

    beforeAll(async () => {
        port = await freePort();
        epmdPort = await freePort();
        const plugins = join(dir, "plugins");
        writeFileSync(plugins, "[rabbitmq_amqp1_0].\n");
        broker = new PeerServer(rabbit ?? "", [], {
            ...{ HOME: dir, RABBITMQ_NODENAME: `meterseal${port}@localhost` },
            ...{ RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1", RABBITMQ_NODE_PORT: `${port}` },
            ...{
                RABBITMQ_DIST_PORT: `${await freePort()}`,
                RABBITMQ_MNESIA_BASE: join(dir, "data"),
            },
            ...{ RABBITMQ_LOG_BASE: join(dir, "log"), RABBITMQ_ENABLED_PLUGINS_FILE: plugins },
            ...{ ERL_EPMD_ADDRESS: "127.0.0.1", ERL_EPMD_PORT: `${epmdPort}` },
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
                "+S 2:2 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
        });
        await broker.accepts(port);
    });
    afterAll(async () => {
        await broker.stop();
        spawnSync(epmd ?? "epmd", ["-port", `${epmdPort}`, "-kill"]);
        rmSync(dir, { recursive: true, force: true });
    });

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
