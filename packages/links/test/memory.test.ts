import { describeLinkCompliance } from "@meterseal/testkit/link-compliance";
import { createMemoryLink } from "../src/memory/index.ts";

describeLinkCompliance("memory", (receiveTimeoutMs) => {
    const link = createMemoryLink({ receiveTimeoutMs });
    return Promise.resolve({
        listen: async (handler) => {
            await link.collector.listen(handler);
            return link.collector;
        },
        meter: (subjectHex, token) => link.meter(subjectHex, token),
        cut: () => link.cut(),
        closesAtOnce: true,
        close: () => Promise.resolve(),
    });
});
