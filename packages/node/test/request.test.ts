import { TestNetwork } from "@meterseal/testkit/records";
import { describe, expect, it } from "vitest";
import { formatRequest, parseRequest } from "../src/device/exchange.ts";

async function request(): Promise<string> {
    const { descriptor, signer, subject } = await new TestNetwork("request").meter();
    return formatRequest({ subject, key: signer.publicKey, streams: [descriptor] });
}

describe("a meter's request", () => {
    it("is read to what was written", async () => {
        const text = await request();
        const read = parseRequest(text);
        expect(read.ok && formatRequest(read.value)).toBe(text);
    });

    it.each([
        ["groups that are no numbers", { groups: ["import"] }],
        ["groups that are nothing", { groups: [null] }],
        ["half a second", { slotSeconds: 0.5 }],
        ["a mode that nobody knows", { mode: "closed" }],
        ["a stream of another length", { stream: "00" }],
    ])("is refused with %s", async (_, change) => {
        const fields = JSON.parse(await request());
        Object.assign(fields.streams[0], change);
        expect(parseRequest(JSON.stringify(fields))).toMatchObject({
            ok: false,
            error: { code: "MS_MALFORMED" },
        });
    });
});
