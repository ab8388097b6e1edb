import { connect } from "node:net";
import { sparingLog } from "@meterseal/core";
import { ScriptedCollector, until } from "@meterseal/testkit/link-compliance";
import { describe, expect, it } from "vitest";
import { createMqttCollectorLink } from "../src/mqtt/index.ts";
import { createTcpCollectorLink } from "../src/tcp/index.ts";
import { COLLECTOR, findMeter } from "./stream-people.ts";

const PLACE = { host: "127.0.0.1", port: 0 };
const STRANGERS = 60;

/** A log that counts. */
function counting() {
    const lines: string[] = [];
    const take = (message: string): void => void lines.push(message);
    return { lines, log: { info: take, warn: take } };
}

describe("a sparing log", () => {
    it("takes ten lines a second, of both kinds together, and as many in the next", () => {
        const { lines, log } = counting();
        let nowMs = 5_000;
        const sparing = sparingLog(log, () => nowMs);
        for (let i = 0; i < 8; i++) sparing.info(`info ${i}`);
        for (let i = 0; i < 8; i++) sparing.warn(`warn ${i}`);
        expect([lines.length, lines.at(-1)]).toEqual([10, "warn 1"]);
        nowMs = 6_000;
        sparing.warn("next");
        expect(lines.at(-1)).toBe("next");
    });
});

describe.each([
    [
        "mqtt",
        (log: ReturnType<typeof counting>["log"]) =>
            createMqttCollectorLink({ ...PLACE, tenant: "t", log }),
    ],
    [
        "tcp",
        (log: ReturnType<typeof counting>["log"]) =>
            createTcpCollectorLink({ ...PLACE, own: COLLECTOR, find: findMeter, log }),
    ],
] as const)("%s: the log", (_name, make) => {
    it("does not grow with every stranger who says something wrong", async () => {
        const { lines, log } = counting();
        const link = make(log);
        const { port } = new URL(await link.listen(new ScriptedCollector()));
        const startMs = performance.now();
        const sockets = Array.from({ length: STRANGERS }, () => {
            const socket = connect({ host: "127.0.0.1", port: Number(port) });
            socket.on("error", () => {}).resume();
            socket.write(Buffer.from("ffffffffffffffffffff", "hex"));
            return socket;
        });
        await until(() => sockets.every(({ destroyed }) => destroyed), "their ends");
        const seconds = Math.ceil((performance.now() - startMs) / 1_000) + 1;
        await link.close();
        expect(lines.length).toBeGreaterThan(0);
        expect(lines.length).toBeLessThanOrEqual(10 * seconds);
        expect(lines.length).toBeLessThan(STRANGERS);
    });
});
