import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { utf8 } from "@meterseal/core";
import {
    describeLinkCompliance,
    ScriptedCollector,
    TestMeter,
    until,
} from "@meterseal/testkit/link-compliance";
import { findProgram } from "@meterseal/testkit/peer-server";
import { type LineEnd, Radio } from "@meterseal/testkit/radio-line";
import { seededRandom } from "@meterseal/testkit/random";
import { afterAll, describe, expect, it } from "vitest";
import {
    createSerialCollectorLink,
    createSerialMeterLink,
    type SerialPlace,
    serialUrlOf,
} from "../../src/serial/index.ts";
import { COLLECTOR, findCollector, findMeter, meterOf, SUBJECT_A } from "../stream-people.ts";

const log = { info: () => {}, warn: () => {} };
const ENDS: readonly LineEnd[] = ["meter", "collector"];
const PTY = "pty,rawer,link=";
const socat = findProgram("socat");
const dir = mkdtempSync(join(tmpdir(), "meterseal-serial-"));
/** Names of devices, which are used once. */
let devices = 0;

/** A line between two pseudo-terminals: joined by one socat, or by two with a radio between them. */
class PtyLine {
    readonly #paths: Record<LineEnd, string>;
    readonly #radio: Radio | null;
    #programs: ChildProcess[] = [];
    #server: Server | null = null;

    constructor(radio: Radio | null) {
        const name = join(dir, `${devices++}`);
        this.#paths = { meter: `${name}-meter`, collector: `${name}-collector` };
        this.#radio = radio;
    }

    place(end: LineEnd, mtu: number): SerialPlace {
        return { path: this.#paths[end], baud: 115_200, mtu };
    }

    async plug(): Promise<void> {
        const { collector, meter } = this.#paths;
        if (this.#radio === null) this.#start(`${PTY}${meter}`, `${PTY}${collector}`);
        else
            for (const end of ENDS) {
                const port = await this.#listen(end, this.#radio);
                this.#start(`${PTY}${this.#paths[end]}`, `tcp:127.0.0.1:${port}`);
            }
        await until(() => existsSync(meter) && existsSync(collector), "the devices");
    }

    async unplug(): Promise<void> {
        const gone = this.#programs.map((program) => once(program, "exit"));
        for (const program of this.#programs.splice(0)) program.kill("SIGKILL");
        await Promise.all(gone);
        for (const path of Object.values(this.#paths)) rmSync(path, { force: true });
    }

    /** Stops what joins the devices, or lets it go on with what it was given. */
    freeze(silent: boolean): void {
        for (const program of this.#programs) program.kill(silent ? "SIGSTOP" : "SIGCONT");
    }

    #start(...words: string[]): void {
        this.#programs.push(spawn(socat ?? "", words, { stdio: "ignore" }));
    }

    async #listen(end: LineEnd, radio: Radio): Promise<number> {
        const server = createServer((socket: Socket) => {
            server.close();
            socket.setNoDelay(true);
            socket.on("error", () => {});
            socket.on("data", (bytes) => radio.send(end, new Uint8Array(bytes as Buffer)));
            radio.outlets[end] = (bytes) => socket.write(bytes);
        });
        server.listen({ host: "127.0.0.1", port: 0 });
        await once(server, "listening");
        this.#server = server;
        return (this.#server.address() as AddressInfo).port;
    }
}

function suite(name: string, mtu: number, radioOf: () => Radio | null): void {
    describeLinkCompliance(name, async (receiveTimeoutMs) => {
        const lines = [new PtyLine(radioOf()), new PtyLine(radioOf())];
        await Promise.all(lines.map((line) => line.plug()));
        let meters = 0;
        let work = Promise.resolve();
        return {
            listen: async (handler) => {
                const places = lines.map((line) => line.place("collector", mtu));
                const link = createSerialCollectorLink({
                    ...{ lines: places, own: COLLECTOR, find: findMeter, log, receiveTimeoutMs },
                });
                await link.listen(handler);
                return link;
            },
            meter: (subjectHex, token) => {
                const line = lines[meters++ % lines.length] as PtyLine;
                const url = serialUrlOf(line.place("meter", mtu));
                const own = meterOf(subjectHex);
                const find = findCollector;
                return createSerialMeterLink({
                    ...{ url, subjectHex, token, own, find, keepaliveSeconds: 2 },
                });
            },
            cut: () => {
                work = work.then(async () => {
                    await Promise.all(lines.map((line) => line.unplug()));
                    await Promise.all(lines.map((line) => line.plug()));
                });
            },
            freeze: (silent) => {
                for (const line of lines) line.freeze(silent);
            },
            close: async () => {
                await work;
                await Promise.all(lines.map((line) => line.unplug()));
            },
        };
    });
}

describe.skipIf(socat === null)(
    "serial devices by socat (not run where it is not installed)",
    () => {
        afterAll(() => rmSync(dir, { recursive: true }));

        suite("serial, over a pseudo-terminal", 256, () => null);

        const random = seededRandom(433);
        const faults = { lossRate: 0.02, duplicateRate: 0.05, garbleRate: 0.01, packetBytes: 51 };
        suite("serial, over a radio behind pseudo-terminals, in frames of 51 bytes", 51, () => {
            return new Radio({ ...faults, random, delayMs: 1 });
        });

        it("bytes are as they are, whatever a terminal would make of them", async () => {
            const line = new PtyLine(null);
            await line.plug();
            const collector = new ScriptedCollector();
            const own = { own: COLLECTOR, find: findMeter, log };
            const link = createSerialCollectorLink({
                ...own,
                lines: [line.place("collector", 1_024)],
            });
            await link.listen(collector);
            const url = serialUrlOf(line.place("meter", 1_024));
            const meter = new TestMeter((token) => {
                const find = findCollector;
                const who = { own: meterOf(SUBJECT_A), subjectHex: SUBJECT_A };
                return createSerialMeterLink({ ...who, find, token, url });
            }, SUBJECT_A);
            try {
                await meter.link.open(meter);
                await meter.untilUp();
                // XON, XOFF, interrupt, end of file, line ends, erase
                const message = utf8("\u0011\u0013\u0003\u0004\r\n\n\r\u007f\u001a\0".repeat(40));
                await meter.link.send(message);
                expect(collector.received[0]?.message).toEqual(message);
            } finally {
                await meter.link.close();
                await link.close();
                await line.unplug();
            }
        });
    },
);
