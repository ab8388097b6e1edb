import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isMerged } from "../src/simulate/outcome.ts";
import { Draws } from "../src/simulate/random.ts";
import { UnreliableExchange } from "../src/simulate/unreliable.ts";
import { run } from "./command.ts";
import { useScratch } from "./fixture.ts";

const scratch = useScratch();

describe("meterseal simulate", () => {
    it("merges branches over poor links into one state, with meters of three classes", async () => {
        const data = join(scratch, "kept");
        const size = ["--branches", "3", "--real", "1", "--days", "2", "--seed", "11"];
        const { code, stderr, stdout } = await run("simulate", ...size, "--data", data, "--json");
        expect([code, stderr]).toEqual([0, expect.stringMatching(/All have the same state root/)]);
        const outcome = JSON.parse(stdout) as {
            readonly seed: number;
            readonly merged: boolean;
            readonly ledger: Readonly<Record<string, unknown>>;
            readonly standings: readonly { name: string; stateRoot: string; waiting: number }[];
        };
        expect(outcome).toMatchObject({ seed: 11, merged: true, open: 0, faults: 0 });
        expect(outcome.standings.map(({ name }) => name)).toEqual([
            "sequencer",
            "branch1",
            "simulated 1",
            "simulated 2",
            "simulated 3",
        ]);
        const roots = outcome.standings.map(({ stateRoot }) => stateRoot);
        expect(new Set([...roots, outcome.ledger.shuffledRoot]).size).toBe(1);
        expect(outcome.ledger.authors).toBe(4);
        expect(Object.keys(outcome.ledger.kinds as object).sort()).toEqual([
            "1 open",
            "2 open",
            "2 sealed",
            "3 sealed",
        ]);
        expect(existsSync(join(data, "branch1/server/store.db"))).toBe(true);
    }, 120_000);

    it("takes only sizes that the data has meters for", async () => {
        for (const words of [
            ["--branches", "0"],
            ["--branches", "64", "--real", "8", "--days", "x"],
            ["--branches", "1000"],
            ["--seed", "-1"],
        ]) {
            const { code, stderr } = await run("simulate", ...words);
            expect([code, stderr]).toEqual([2, expect.stringMatching(/^MS_USAGE/)]);
        }
    });
});

describe("the verdict of a simulation", () => {
    it("is one root everywhere, and nothing left over", () => {
        expect(isMerged({ roots: ["a", "a"], troubles: 0 })).toBe(true);
        expect(isMerged({ roots: ["a", "b"], troubles: 0 })).toBe(false);
        expect(isMerged({ roots: ["a", "a"], troubles: 1 })).toBe(false);
        expect(isMerged({ roots: [], troubles: 0 })).toBe(false);
    });
});

describe("an unreliable link", () => {
    it("loses requests and answers by its seed, and everything while it is cut", async () => {
        const count = async (seed: number): Promise<string> => {
            let asked = 0;
            const far = {
                heads: () => {
                    asked++;
                    return Promise.resolve({ logSize: asked, authors: [] });
                },
            };
            const link = new UnreliableExchange(() => far as never, new Draws(seed));
            let answered = 0;
            for (let i = 0; i < 200; i++) {
                await link.heads().then(
                    () => answered++,
                    () => undefined,
                );
            }
            link.up = false;
            await expect(link.heads()).rejects.toMatchObject({ code: "MS_LINK" });
            return `${asked} ${answered}`;
        };
        const [asked = 0, answered = 0] = (await count(5)).split(" ").map(Number);
        expect(asked).toBeLessThan(200);
        expect(answered).toBeLessThan(asked);
        expect(await count(5)).toBe(`${asked} ${answered}`);
    });
});
