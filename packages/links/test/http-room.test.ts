import { utf8 } from "@meterseal/core";
import { ScriptedCollector, until } from "@meterseal/testkit/link-compliance";
import { afterEach, describe, expect, it } from "vitest";
import { createHttpCollectorLink, type HttpCollectorOptions } from "../src/http/index.ts";

const SUBJECT = "0a".repeat(16);
const log = { info: () => {}, warn: () => {} };
/** Far beyond what a test waits: whoever waits for a message that never comes, fails. */
const FAR_MS = 600_000;
const closings: (() => Promise<void>)[] = [];
afterEach(async () => {
    for (const close of closings.splice(0)) await close();
});

/** A client that is none of ours: it keeps its session whatever it is answered. */
async function foreignClient(options: Partial<HttpCollectorOptions>) {
    const collector = new ScriptedCollector();
    const link = createHttpCollectorLink({
        ...{ host: "127.0.0.1", port: 0, log, receiveTimeoutMs: FAR_MS },
        ...options,
    });
    closings.push(() => link.close());
    const base = `${await link.listen(collector)}/link/v1/${SUBJECT}`;
    const stream = await fetch(`${base}/stream`, {
        headers: { authorization: "Meterseal AQE", "meterseal-keepalive": "60" },
    });
    const first = await stream.body?.getReader().read();
    const id = /data: (.*)/.exec(new TextDecoder().decode(first?.value))?.[1];
    const post = async (sequence: number | null): Promise<number> => {
        const headers: Record<string, string> = {
            authorization: `Bearer ${id}`,
            "content-type": "application/cbor-seq",
            ...(sequence === null ? {} : { "meterseal-sequence": `${sequence}` }),
        };
        const body = sequence === null ? "" : `message ${sequence}`;
        const signal = AbortSignal.timeout(5_000);
        const response = await fetch(`${base}/messages`, { method: "POST", body, headers, signal });
        await response.text();
        return response.status;
    };
    return { collector, post };
}

describe("http: a message that finds no room", () => {
    it.each([
        ["among all requests", { maxRequests: 2 }],
        ["among those of its session", { maxSessionRequests: 2 }],
    ])("%s is told to wait, and holds up none behind it", async (_where, options) => {
        const { collector, post } = await foreignClient(options);
        let release = (): void => {};
        const held = new Promise<void>((resolve) => {
            release = resolve;
        });
        collector.onReceive = () => held;
        const taken = [post(0), post(1)];
        await until(() => collector.received.length === 2, "two messages");
        expect(await post(2)).toBe(503);
        release();
        expect(await Promise.all(taken)).toEqual([204, 204]);
        expect(await Promise.all([post(4), post(3)])).toEqual([204, 204]);
        expect(await post(2)).toBe(409);
        const numbers = ["message 0", "message 1", "message 3", "message 4"];
        expect(collector.texts()).toEqual(numbers);
    });

    it("neither do a probe and a stream", async () => {
        const { collector, post } = await foreignClient({ maxRequests: 1 });
        let release = (): void => {};
        const held = new Promise<void>((resolve) => {
            release = resolve;
        });
        collector.onReceive = () => held;
        const taken = post(0);
        await until(() => collector.received.length === 1, "a message");
        expect(await post(null)).toBe(503);
        release();
        expect([await taken, await post(null), await post(1)]).toEqual([204, 204, 204]);
        expect(utf8("message 1")).toEqual(collector.received.at(-1)?.message);
    });
});
