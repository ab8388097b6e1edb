import { CoapClient } from "@meterseal/testkit/coap-client";
import { DatagramPath } from "@meterseal/testkit/datagram-path";
import { describeLinkCompliance } from "@meterseal/testkit/link-compliance";
import { createCoapCollectorLink, createCoapMeterLink } from "../src/coap/index.ts";

const log = { info: () => {}, warn: () => {} };
const SUBJECT = "0a".repeat(16);

describeLinkCompliance("coap", async (receiveTimeoutMs) => {
    const path = new DatagramPath();
    await path.listen();
    return {
        listen: async (handler) => {
            const link = createCoapCollectorLink({
                host: "127.0.0.1",
                port: path.target, // the port of the one before
                log,
                receiveTimeoutMs,
            });
            path.target = Number(new URL(await link.listen(handler)).port);
            return link;
        },
        meter: (subjectHex, token) => {
            return createCoapMeterLink({
                url: `coap://127.0.0.1:${path.port}`,
                subjectHex,
                token,
                keepaliveSeconds: 2,
            });
        },
        cut: () => path.cut(),
        freeze: (silent) => path.silence(silent),
        refusals: {
            expected: [
                ...["4.00", "4.00", "4.01", "4.01", "4.09", "4.09", "4.09", "4.22"],
                ...["4.03", "4.03", "4.13", "5.03", "5.00", "5.03", "4.03"],
            ],
            answerTo: async (message) => {
                const client = new CoapClient(path.port);
                const session = await client.open(SUBJECT, Uint8Array.of(1, 1));
                const options = [{ name: "Content-Format", value: Uint8Array.of(63) }];
                const query = [`s=${session}`];
                const request = { code: "0.02", path: ["m"], query, options, payload: message };
                const { code } = await client.ask(request);
                client.close();
                return code;
            },
        },
        close: () => path.close(),
    };
});
