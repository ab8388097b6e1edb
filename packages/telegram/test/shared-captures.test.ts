import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { decodeWmbus } from "../src/index.ts";

/** Captures that lie beside the checkout, where they do: these tests run there alone. */
const SHARED = fileURLToPath(new URL("../../../../shared/data/captures/", import.meta.url));
const OURS = fileURLToPath(new URL("../../../vectors/telegram/", import.meta.url));

function filesBelow(directory: string): string[] {
    if (!existsSync(directory)) return [];
    return readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !/^(?:README|LICENSE)/.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name))
        .sort();
}

function contentOf(path: string): string {
    const bytes = readFileSync(path);
    return (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("latin1");
}

describe.skipIf(!existsSync(SHARED))("the captures beside the checkout", () => {
    /** Folders whose files stand here too: the suites of each format read every one of them. */
    it.each(["dsmr-p1", "iec62056-21", "mbus", "sml"])(
        "%s: each stands among our vectors",
        (folder) => {
            const ours = new Set(filesBelow(OURS).map(contentOf));
            const files = filesBelow(join(SHARED, folder));
            expect(files.length).toBeGreaterThan(3);
            const missing = files.filter((path) => !ours.has(contentOf(path)));
            expect(missing.map((path) => path.slice(SHARED.length))).toEqual([]);
        },
    );

    /** What becomes of the frames of each file; those of manufacturers' own forms are `own form`. */
    const WIRELESS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
        "serial_rtlwmbus_ok.msg": { ok: 2 },
        // Frames whose encryption was taken out by hand: one ends early then, one keeps its layer.
        "simulation_aes_removed.msg": { ok: 1, "own form": 1, truncated: 1, unsupported: 1 },
        "simulation_apas.txt": { "own form": 12 },
        "simulation_bad_keys.txt": { "key-needed": 4 },
        "simulation_t1.txt": {
            ok: 34,
            "own form": 4,
            "key-needed": 5,
            unsupported: 14,
            truncated: 2,
        },
    };

    it("wmbus: every frame is read, or refused with its fault", () => {
        const tallies: Record<string, Record<string, number>> = {};
        for (const path of filesBelow(join(SHARED, "wmbus"))) {
            const tally: Record<string, number> = {};
            const frames = contentOf(path).matchAll(/^telegram=([|0-9A-Fa-f_]+)|;0x([0-9a-f]+)/gm);
            for (const [, simulated, received] of frames) {
                const digits = (simulated ?? received ?? "").replaceAll(/[|_]/g, "");
                const result = decodeWmbus(new Uint8Array(Buffer.from(digits, "hex")));
                const isOwn = result.ok && result.value.manufacturerData !== null;
                const name = !result.ok ? result.fault.code : isOwn ? "own form" : "ok";
                tally[name] = (tally[name] ?? 0) + 1;
            }
            tallies[path.slice(path.lastIndexOf("/") + 1)] = tally;
        }
        expect(tallies).toEqual(WIRELESS);
    });
});
