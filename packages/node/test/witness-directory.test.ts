import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { formatVerifierKey } from "@meterseal/ledger";
import { lockDirectory } from "@meterseal/stores";
import { testSigner } from "@meterseal/testkit/keys";
import { describe, expect, it } from "vitest";
import { claimDirectory } from "../src/files.ts";
import { FileWitnessStore } from "../src/witness/store.ts";
import { run } from "./command.ts";
import { useScratch } from "./fixture.ts";

const scratch = useScratch();
const logSigner = testSigner("log", "edDsa");
const logKey = formatVerifierKey({ name: "log.example", publicKey: logSigner.publicKey });

describe("the directory of a witness", () => {
    it("is one process's: a second one makes no keys and cosigns nothing", async () => {
        const dir = join(scratch, "shared");
        const words = ["witness", "--data", dir, "--name", "w.example"];
        claimDirectory(dir);
        const first = lockDirectory(dir);
        expect((await run(...words, "--keys")).stderr).toContain("MS_STORE_LOCKED");
        first.release();
        const made = await run(...words, "--keys");
        expect(made).toMatchObject({ code: 0 });
        expect((await run(...words)).stderr).toContain("--log KEY");
        const again = lockDirectory(dir);
        const second = await run(...words, "--log", logKey, "--port", "0");
        expect(second.stderr).toContain(`process ${process.pid}`);
        // Who only asks which keys they are may do so while it runs.
        expect((await run(...words, "--keys")).stdout).toBe(made.stdout);
        again.release();
    });
    it("holds one split view of each log, the first: nobody can fill it with more", () => {
        const dir = join(scratch, "logs");
        const store = new FileWitnessStore(dir);
        const kept = (): unknown[] =>
            readdirSync(dir)
                .filter((name) => name.startsWith("split-view-"))
                .map((name) => JSON.parse(readFileSync(join(dir, name), "utf8")));
        for (let i = 0; i < 5; i++) store.keepSplitView("one", ["a", `b, and line ${i}`]);
        const first = { origin: "one", notes: ["a", "b, and line 0"] };
        expect(kept()).toEqual([first]);
        new FileWitnessStore(dir).keepSplitView("one", ["a", "c"]);
        store.keepSplitView("other", ["c", "d"]);
        const second = { origin: "other", notes: ["c", "d"] };
        expect(kept()).toHaveLength(2);
        expect(kept()).toEqual(expect.arrayContaining([first, second]));
    });
});
