import { BreakablePath } from "@meterseal/testkit/breakable-path";
import { describeLinkCompliance } from "@meterseal/testkit/link-compliance";
import { createMqttCollectorLink, createMqttMeterLink } from "../src/mqtt/index.ts";

const log = { info: () => {}, warn: () => {} };

describeLinkCompliance("mqtt", async (receiveTimeoutMs) => {
    const path = new BreakablePath();
    await path.listen();
    return {
        listen: async (handler) => {
            const link = createMqttCollectorLink({
                host: "127.0.0.1",
                port: path.target, // the port of the one before
                tenant: "tenant",
                log,
                receiveTimeoutMs,
            });
            path.target = Number(new URL(await link.listen(handler)).port);
            return link;
        },
        meter: (subjectHex, token) => {
            return createMqttMeterLink({
                url: `mqtt://127.0.0.1:${path.port}`,
                tenant: "tenant",
                subjectHex,
                token,
                keepaliveSeconds: 1,
            });
        },
        cut: () => path.cut(),
        freeze: (silent) => (silent ? path.drop() : path.restore()),
        close: () => path.close(),
    };
});
