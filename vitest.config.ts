import { defineConfig } from "vitest/config";

export default defineConfig({
    test: {
        globalSetup: "test/temporary-directory.ts",
        include: ["packages/*/test/**/*.test.ts", "test/*.test.ts"],
        isolate: false,
        maxWorkers: 2,
        testTimeout: 20_000,
        coverage: {
            provider: "v8",
            reporter: ["text"],
            include: ["packages/{core,record,seal,ledger}/src/**/*.ts"],
            thresholds: Object.fromEntries(
                ["core", "record", "seal", "ledger"].map((name) => [
                    `packages/${name}/src/**`,
                    { lines: 90 },
                ]),
            ),
        },
    },
});
