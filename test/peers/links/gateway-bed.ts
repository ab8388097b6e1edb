import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../../packages/node/src/clocks.ts";
import { DEVICE_FILES } from "../../../packages/node/src/device/device.ts";
import { type Server, startServer } from "../../../packages/node/src/server/server.ts";
import { type Running, run, start } from "../../../packages/node/test/command.ts";

/** A server of ours on free ports. */
export function startUtility(dataDir: string): Promise<Server> {
    const log = { info: () => {}, warn: () => {} };
    return startServer({
        ...{ dataDir, host: "127.0.0.1", httpPort: 0, mqttPort: 0, clock: systemClock },
        ...{ clockLabel: null, mode: null, log, onFatal: () => {} },
    });
}

/** A boundary as a gateway keeps it. */
export type Kept = { readonly slot: number; readonly registers: readonly string[] };

/** A gateway enrolled at a server. */
export class Gateway {
    readonly directory: string;
    readonly #server: Server;

    private constructor(directory: string, server: Server) {
        this.directory = directory;
        this.#server = server;
    }

    /** Makes and enrols one. */
    static async make(
        directory: string,
        server: Server,
        dataDir: string,
        ...words: string[]
    ): Promise<Gateway> {
        const made = await run("meter", "init", "--observed", "--dir", directory, ...words);
        assert.equal(made.code, 0, made.stderr);
        const request = join(directory, DEVICE_FILES.request);
        const enrolled = await run("enrol", "--data", dataDir, request);
        assert.equal(enrolled.code, 0, enrolled.stderr);
        return new Gateway(directory, server);
    }

    /** Starts the bridge. */
    bridge(...words: string[]): Running {
        const to = ["--to", this.#server.mqttUrl, "--json"];
        return start(["bridge", "--dir", this.directory, ...to, ...words]);
    }

    /** Boundaries that are in no record yet, and the last one. */
    kept(): Kept[] {
        const path = join(this.directory, "boundaries.jsonl");
        const text = existsSync(path) ? readFileSync(path, "utf8") : "";
        return text
            .split("\n")
            .slice(0, -1)
            .map((line) => JSON.parse(line));
    }

    /** Waits for a boundary of these registers, for so many milliseconds at most. */
    async until(bridge: Running, registers: string, limitMs = 50_000): Promise<void> {
        const endMs = performance.now() + limitMs;
        for (let last = ""; last !== registers; await sleep(50)) {
            last = this.kept().at(-1)?.registers.join() ?? "none";
            assert.equal(bridge.child.exitCode, null, bridge.said());
            assert.ok(performance.now() < endMs, `registers ${last} instead of ${registers}`);
        }
    }

    /** What the household opens. */
    async usage(level = "slot"): Promise<UsageJson> {
        const key = ["--key", join(this.directory, DEVICE_FILES.keyFile), "--level", level];
        const outcome = await run("usage", ...key, "--url", this.#server.httpUrl, "--json");
        assert.equal(outcome.code, 0, outcome.stderr);
        return JSON.parse(outcome.stdout);
    }
}

/** What `usage --json` prints, as far as tests ask. */
export type UsageJson = {
    readonly intervals: readonly {
        readonly from: string;
        readonly importWh: number | null;
        readonly exportWh?: number;
        readonly quality: string;
    }[];
    readonly totalImportWh: number;
    readonly totalExportWh?: number;
};
