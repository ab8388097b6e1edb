/** Process of the suite `state`: a ledger of many meters, how large it is and how it starts again. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { EmbeddedEngine } from "@meterseal/engines/embedded";
import { imageOfLedger, stateRoot } from "@meterseal/ledger";
import { encodeCbor } from "@meterseal/record";
import { ImageFile } from "@meterseal/stores";
import { openServerStore } from "@meterseal/stores/sqlite";
import { systemClock, systemRandom } from "../../packages/node/src/clocks.ts";
import { claimDirectory, PLACES } from "../../packages/node/src/files.ts";
import { loadIdentity } from "../../packages/node/src/server/identity.ts";
import { startServer } from "../../packages/node/src/server/server.ts";
import { answerCalls } from "../lib/child.ts";
import { ManyMeters } from "../lib/many-meters.ts";
import { cpuSeconds } from "../lib/measure.ts";

/** Where a ledger was made, for the process that starts from it. */
export type MadeLedger = {
    /** Data directory of a server that nobody has started yet. */
    readonly dir: string;
    readonly root: Uint8Array;
};

/** What the process answers. */
export type StateCalls = {
    /** Makes a ledger of so many meters in a directory, and writes an image of it. */
    make: {
        input: { readonly meters: number; readonly block: number; readonly dir: string };
        output: MadeLedger & {
            readonly rssBytes: number;
            readonly firstRootMs: number;
            readonly blockRootMs: number;
            readonly writeMs: number;
            readonly imageBytes: number;
        };
    };
    /** Starts an engine on it: image, then the end of the log. */
    start: {
        input: MadeLedger;
        output: {
            readonly startMs: number;
            readonly startCpuS: number;
            readonly rssBytes: number;
            readonly root: Uint8Array;
        };
    };
    /** Starts a server on it, and stops it, which writes its image. */
    serve: {
        input: MadeLedger;
        output: {
            readonly startMs: number;
            readonly startCpuS: number;
            readonly rssBytes: number;
        };
    };
};

function rssBytes(): number {
    globalThis.gc?.();
    return process.memoryUsage().rss;
}

async function timedMs<T>(work: () => Promise<T> | T): Promise<[number, T]> {
    const startMs = performance.now();
    const result = await work();
    return [performance.now() - startMs, result];
}

const imagePath = (dir: string): string => join(dir, "engine.image");
const imageIn = (dir: string): ImageFile => new ImageFile(imagePath(dir));
const keysIn = (dir: string) => loadIdentity(PLACES.serverKeys(dir), systemRandom);
const quiet = { info: () => undefined, warn: () => undefined };

answerCalls<StateCalls>({
    async make({ block, dir, meters }) {
        claimDirectory(dir);
        const store = await openServerStore(PLACES.server(dir));
        const many = new ManyMeters(store, keysIn(dir));
        await many.begin();
        await many.add(meters);
        const { ledger } = many;
        const [firstRootMs] = await timedMs(() => stateRoot(ledger.state));
        await many.add(block);
        const [blockRootMs] = await timedMs(() => stateRoot(ledger.state));
        const [writeMs] = await timedMs(() => {
            const pieces = imageOfLedger(ledger);
            return imageIn(dir).write([encodeCbor([pieces.length]), ...pieces]); // and no views
        });
        const rss = rssBytes();
        await many.add(block); // beyond the image
        const root = stateRoot(ledger.state);
        await store.close();
        const imageBytes = statSync(imagePath(dir)).size;
        return {
            dir,
            root,
            rssBytes: rss,
            firstRootMs,
            blockRootMs,
            writeMs,
            imageBytes,
        };
    },
    async start({ dir }) {
        const store = await openServerStore(PLACES.server(dir));
        const cpu = cpuSeconds();
        const [startMs, engine] = await timedMs(() =>
            EmbeddedEngine.open({
                store,
                clock: { nowMs: () => Date.now() },
                logSigner: keysIn(dir).log,
                observer: { entryFinal: () => undefined },
                images: {
                    store: imageIn(dir),
                    every: Number.POSITIVE_INFINITY,
                    onFailed(cause) {
                        throw cause;
                    },
                },
            }),
        );
        const startCpuS = cpuSeconds() - cpu;
        const rss = rssBytes();
        const root = stateRoot(engine.state);
        await store.close();
        return { startMs, startCpuS, rssBytes: rss, root };
    },
    async serve({ dir }) {
        const cpu = cpuSeconds();
        const [startMs, server] = await timedMs(() =>
            startServer({
                ...{ dataDir: dir, host: "127.0.0.1", httpPort: 0, mqttPort: null },
                ...{ clock: systemClock, clockLabel: null, mode: null, log: quiet },
                onFatal(cause) {
                    throw cause;
                },
            }),
        );
        const startCpuS = cpuSeconds() - cpu;
        const rss = rssBytes();
        await server.close();
        return { startMs, startCpuS, rssBytes: rss };
    },
});
