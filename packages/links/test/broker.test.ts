import { describeLinkCompliance } from "@meterseal/testkit/link-compliance";
import { BrokerCollectorLink } from "../src/broker/collector-link.ts";
import { BrokerMeterSession, brokerMeterSettings } from "../src/broker/meter-session.ts";
import { SessionMeterLink } from "../src/meter-session.ts";
import { TestBroker } from "./test-broker.ts";

const log = { info: () => {}, warn: () => {} };

describeLinkCompliance("broker", (receiveTimeoutMs) => {
    const broker = new TestBroker();
    return Promise.resolve({
        listen: async (handler) => {
            const options = { log, receiveTimeoutMs };
            const link = new BrokerCollectorLink(
                "test",
                () => "test:",
                options,
                (events) => broker.open("+", events),
            );
            await link.listen(handler);
            return link;
        },
        meter: (subjectHex, token) => {
            const settings = brokerMeterSettings({ subjectHex, token, keepaliveSeconds: 2 });
            return new SessionMeterLink("test", settings, (made, events) => {
                return new BrokerMeterSession(settings, made, events, (portEvents) =>
                    broker.open(subjectHex, portEvents),
                );
            });
        },
        cut: () => broker.cut(),
        freeze: (silent) => broker.silence(silent),
        close: () => Promise.resolve(),
    });
});
