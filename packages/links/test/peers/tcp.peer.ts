import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { describeLinkCompliance, until } from "@meterseal/testkit/link-compliance";
import { findProgram, freePort } from "@meterseal/testkit/peer-server";
import { describe } from "vitest";
import { createTcpCollectorLink, createTcpMeterLink } from "../../src/tcp/index.ts";
import { COLLECTOR, findCollector, findMeter, meterOf } from "../stream-people.ts";

const log = { info: () => {}, warn: () => {} };
const socat = findProgram("socat");

/** A relay of TCP by socat, a process for each connection. */
class Relay {
    readonly #words: readonly string[];
    #child: ChildProcess | null = null;

    constructor(from: number, to: number) {
        const listen = `tcp-listen:${from},bind=127.0.0.1,reuseaddr,fork`;
        this.#words = [listen, `tcp:127.0.0.1:${to}`];
    }

    /** Resolves when it listens: else the first attempt of a meter would fail. */
    async start(): Promise<void> {
        const child = spawn(socat ?? "", ["-d", "-d", ...this.#words], {
            stdio: ["ignore", "ignore", "pipe"],
            detached: true,
        });
        this.#child = child;
        let said = "";
        child.stderr.on("data", (part: Buffer) => {
            said = (said + part.toString()).slice(-10_000);
        });
        await until(() => / listening on /.test(said), "a relay that listens");
    }

    /** Ends its connections, and goes on listening. */
    cut(): void {
        const pid = this.#child?.pid ?? 0;
        const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
        for (const each of children.split(" ").filter((text) => text !== ""))
            process.kill(Number(each), "SIGKILL");
    }

    /** Sends a signal to the relay and to those of its connections. */
    signal(signal: NodeJS.Signals): void {
        const pid = this.#child?.pid;
        if (pid !== undefined) process.kill(-pid, signal);
    }

    async stop(): Promise<void> {
        const child = this.#child;
        if (child === null) return;
        this.#child = null;
        const gone = once(child, "exit");
        process.kill(-(child.pid ?? 0), "SIGKILL");
        await gone;
    }
}

describe.skipIf(socat === null)(
    "socat between the ends (not run where it is not installed)",
    () => {
        describeLinkCompliance("tcp, through socat", async (receiveTimeoutMs) => {
            const [near, port] = [await freePort(), await freePort()];
            const relay = new Relay(near, port);
            await relay.start();
            return {
                listen: async (handler) => {
                    const link = createTcpCollectorLink({
                        ...{ host: "127.0.0.1", port, own: COLLECTOR, find: findMeter, log },
                        receiveTimeoutMs,
                    });
                    await link.listen(handler);
                    return link;
                },
                meter: (subjectHex, token) =>
                    createTcpMeterLink({
                        ...{
                            url: `tcp://127.0.0.1:${near}`,
                            subjectHex,
                            token,
                            keepaliveSeconds: 2,
                        },
                        ...{ own: meterOf(subjectHex), find: findCollector },
                    }),
                cut: () => relay.cut(),
                freeze: (silent) => relay.signal(silent ? "SIGSTOP" : "SIGCONT"),
                close: () => relay.stop(),
            };
        });
    },
);
