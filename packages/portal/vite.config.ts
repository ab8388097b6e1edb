import { defaultClientConditions, defineConfig } from "vite";

/**
 * The server sends a content security policy without inline scripts, styles or foreign hosts, so
 * nothing is inlined here. The `browser` condition selects the portable crypto of
 * `@meterseal/core` (`#crypto`), in the pages and in the worker.
 */
export default defineConfig({
    root: import.meta.dirname,
    base: "./",
    resolve: { conditions: ["browser", ...defaultClientConditions] },
    build: {
        target: "es2023",
        outDir: "dist",
        emptyOutDir: true,
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
        reportCompressedSize: true,
    },
    worker: { format: "es" },
    server: { proxy: { "/api": "http://127.0.0.1:8480" } },
});
