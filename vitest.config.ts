import { defineConfig } from "vitest/config";

export default defineConfig({
    test: {
        include: ["packages/*/test/**/*.test.ts", "test/*.test.ts"],
        isolate: false,
        maxWorkers: 2,
        testTimeout: 20_000,
    },
});
