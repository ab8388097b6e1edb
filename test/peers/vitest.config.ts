import { defineConfig } from "vitest/config";

/** Suites that need programs of others; a program that is not there is counted as skipped. */
export default defineConfig({
    test: {
        root: new URL("../..", import.meta.url).pathname,
        include: ["packages/*/test/peers/*.peer.ts"],
        fileParallelism: false,
        maxConcurrency: 3,
        testTimeout: 30_000,
        hookTimeout: 90_000,
    },
});
