import { BreakablePath } from "@meterseal/testkit/breakable-path";
import { describeLinkCompliance, ScriptedCollector } from "@meterseal/testkit/link-compliance";
import { INSTALLED, makeProsody, type PeerBroker } from "@meterseal/testkit/peer-brokers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createXmppCollectorLink, createXmppMeterLink } from "../../src/xmpp/index.ts";

const log = { info: () => {}, warn: () => {} };
const METERS = ["0a".repeat(16), "0b".repeat(16)];
/** Domains of the cases, which run side by side; in each a collector and two meters. */
const DOMAINS = Array.from({ length: 40 }, (_, i) => `d${i}.example`);
const tenant = "collector";
const password = "secret";

describe.skipIf(!INSTALLED.prosody)("prosody (not run where it is not installed)", () => {
    let server: PeerBroker;
    let port: number;
    let domains = 0;

    beforeAll(async () => {
        const names = [...METERS, tenant];
        server = await makeProsody(DOMAINS, Object.fromEntries(names.map((n) => [n, password])));
        ({ port } = server);
        await server.start();
    });
    afterAll(() => server.remove());

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
