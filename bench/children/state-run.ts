/** Process of the suite `state`: a ledger of many meters, how large it is and how it starts again. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { signerFromPem } from "@meterseal/core/node";
import { EmbeddedEngine } from "@meterseal/engines/embedded";
import { imageOfLedger, stateRoot } from "@meterseal/ledger";
import { ImageFile } from "@meterseal/stores";
import { openServerStore } from "@meterseal/stores/sqlite";
import { answerCalls } from "../lib/child.ts";
import { ManyMeters } from "../lib/many-meters.ts";
import { cpuSeconds } from "../lib/measure.ts";

/** Where a ledger was made, for the process that starts from it. */
export type MadeLedger = {
    readonly dir: string;
    readonly logKeyPem: string;
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

const imageIn = (dir: string): ImageFile => new ImageFile(join(dir, "state.image"));

answerCalls<StateCalls>({
    async make({ block, dir, meters }) {
        const store = await openServerStore(dir);
        const many = new ManyMeters(store);
        await many.begin();
        await many.add(meters);
        const { ledger } = many;
        const [firstRootMs] = await timedMs(() => stateRoot(ledger.state));
        await many.add(block);
        const [blockRootMs] = await timedMs(() => stateRoot(ledger.state));
        const [writeMs] = await timedMs(() => imageIn(dir).write(imageOfLedger(ledger)));
        const rss = rssBytes();
        await many.add(block); // beyond the image
        const root = stateRoot(ledger.state);
        await store.close();
        const imageBytes = statSync(join(dir, "state.image")).size;
        const { logKeyPem } = many;
        return {
            dir,
            logKeyPem,
            root,
            rssBytes: rss,
            firstRootMs,
            blockRootMs,
            writeMs,
            imageBytes,
        };
    },
    async start({ dir, logKeyPem }) {
        const store = await openServerStore(dir);
        const cpu = cpuSeconds();
        const [startMs, engine] = await timedMs(() =>
            EmbeddedEngine.open({
                store,
                clock: { nowMs: () => Date.now() },
                logSigner: signerFromPem(logKeyPem),
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
});
