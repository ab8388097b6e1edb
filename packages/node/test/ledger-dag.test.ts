import { join } from "node:path";
import { fromHex, LIMITS, unwrap } from "@meterseal/core";
import { stateOfGenesis, verifyEntryProof } from "@meterseal/ledger";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { drawDag, laneNames } from "../src/dag/draw.ts";
import { Heads } from "../src/dag/heads.ts";
import type { DagHeads, DagPage } from "../src/dag/pages.ts";
import { latestVertices } from "../src/dag/source.ts";
import type { VertexFacts } from "../src/dag/vertex-facts.ts";
import type { Server } from "../src/server/server.ts";
import { run } from "./command.ts";
import { writeDagLedger } from "./dag-bed.ts";
import { useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

const scratch = useScratch();
const dataDir = join(scratch, "dag");
const PLAN = { authors: 3, vertices: 60 } as const;
let server: Server;

beforeAll(async () => {
    await writeDagLedger(dataDir, PLAN);
    server = await startQuietServer(dataDir);
}, 60_000);
afterAll(() => server.close());

const get = (path: string): Promise<Response> => fetch(`${server.httpUrl}/api/v1/dag${path}`);
const page = async (path: string): Promise<DagPage> => (await (await get(path)).json()) as DagPage;
const leaves = ({ vertices }: DagPage): number[] => vertices.map(({ leafIndex }) => leafIndex);

/** A vertex of an author that follows others. */
const vertex = (leafIndex: number, author: string, parents: number[]): VertexFacts => ({
    ...{ leafIndex, author, timeMs: leafIndex * 1_000, id: `id ${leafIndex}`, keyEpoch: 0 },
    ...{ round: leafIndex, records: 1, bodyBytes: 9, firstUnix: 1, lastUnix: 2, seenSize: 0 },
    parents: parents.map((leaf) => ({ id: `id ${leaf}`, leafIndex: leaf < 0 ? null : leaf })),
    checkpoint: null,
});

describe("the DAG over the API", () => {
    it("comes whole in pages, in the order of the log and from its end", async () => {
        const whole = await page("");
        expect(whole.vertices).toHaveLength(PLAN.vertices);
        expect(leaves(whole)).toEqual([...leaves(whole)].sort((a, b) => a - b));
        const pages: number[] = [];
        for (let after = -1; ; after = pages.at(-1) ?? 0) {
            const next = leaves(await page(after < 0 ? "?limit=7" : `?after=${after}&limit=7`));
            if (next.length === 0) break;
            expect(next.length).toBeLessThanOrEqual(7);
            pages.push(...next);
        }
        expect(pages).toEqual(leaves(whole));
        const last = leaves(await page(`?before=${whole.size}&limit=5`));
        expect(last).toEqual(leaves(whole).slice(-5).reverse());
    });

    it("names every parent by its place, and those of the genesis by none", async () => {
        const { size, vertices } = await page("");
        const places = new Map(vertices.map(({ id, leafIndex }) => [id, leafIndex]));
        let merges = 0;
        for (const each of vertices) {
            expect(each.parents.length).toBeGreaterThanOrEqual(2);
            for (const { id, leafIndex } of each.parents) {
                expect(leafIndex).toBe(places.get(id) ?? null);
                expect(leafIndex ?? -1).toBeLessThan(each.leafIndex);
            }
            const authors = each.parents.map(({ id }) => vertices.find((v) => v.id === id)?.author);
            if (authors.some((author) => author !== undefined && author !== each.author)) merges++;
            expect(each.checkpoint).toBe(each.leafIndex + 1);
        }
        expect(merges).toBeGreaterThan(5);
        expect(vertices[0]?.parents.map(({ leafIndex }) => leafIndex)).toEqual([null, null]);
        expect(size).toBeGreaterThan(PLAN.vertices);
    });

    it("tells the latest vertex of each author, and which nobody follows", async () => {
        const { vertices } = await page("");
        const { heads } = (await (await get("/heads")).json()) as DagHeads;
        expect(heads).toHaveLength(PLAN.authors);
        for (const head of heads) {
            const own = vertices.filter(({ author }) => author === head.author);
            expect(head.vertices).toBe(own.length);
            expect(head).toMatchObject(own.at(-1) ?? {});
            const followed = vertices.some(({ parents }) => parents.some((p) => p.id === head.id));
            expect(head.isTip).toBe(!followed);
        }
        expect(heads[0]?.isTip).toBe(true);
    });

    it("proves that a vertex is in the log, to whoever has the genesis", async () => {
        const network = (await (await fetch(`${server.httpUrl}/api/v1/network`)).json()) as {
            genesis: string;
        };
        const { networkId, genesis } = unwrap(stateOfGenesis(fromHex(network.genesis)));
        const [first] = (await page("?limit=1")).vertices;
        const proof = await (await get(`/${first?.leafIndex}/proof`)).text();
        const trust = { networkId, logKey: genesis.logKey };
        expect(unwrap(verifyEntryProof(proof, trust)).index).toBe(first?.leafIndex);
    });

    it("refuses places and numbers that are none, and leaves without a vertex", async () => {
        for (const path of [
            "?after=-1",
            "?after=x",
            "?before=1.5",
            "?limit=0",
            `?limit=${LIMITS.listItems + 1}`,
            "?after=1&before=2",
            "/x/proof",
        ]) {
            const answer = await get(path);
            expect([path, answer.status]).toEqual([path, 400]);
            expect(await answer.json()).toMatchObject({ code: "MS_USAGE" });
        }
        expect((await get(`?limit=${LIMITS.listItems}`)).status).toBe(200);
        for (const leaf of [0, 10_000]) {
            const answer = await get(`/${leaf}/proof`);
            expect(answer.status).toBe(404);
            expect(await answer.json()).toMatchObject({ code: "MS_NOT_FOUND" });
        }
    });
});

describe("meterseal ledger", () => {
    it("shows the same of a server as of its data directory", async () => {
        for (const words of [["heads"], ["heads", "--json"], ["dag"], ["dag", "--dot"]]) {
            const [online, offline] = [
                await run("ledger", ...words, "--url", server.httpUrl),
                await run("ledger", ...words, "--data", dataDir),
            ];
            expect(online.code).toBe(0);
            expect(online.stdout.length).toBeGreaterThan(200);
            expect(offline).toEqual(online);
        }
    });

    it("draws as many of the latest vertices as are asked for", async () => {
        const json = async (...words: string[]): Promise<DagPage> =>
            JSON.parse((await run("ledger", "dag", "--data", dataDir, "--json", ...words)).stdout);
        const whole = await page("");
        expect((await json("--last", "100000")).vertices).toEqual(whole.vertices);
        expect(leaves(await json("--last", "3"))).toEqual(leaves(whole).slice(-3));
        const text = (await run("ledger", "dag", "--data", dataDir, "--last", "3")).stdout;
        expect(text.match(/●/g)).toHaveLength(3);
    });

    it("refuses no ledger, two, what is none, and two forms at once", async () => {
        for (const [code, ...words] of [
            [2, "heads"],
            [2, "dag", "--url", server.httpUrl, "--data", dataDir],
            [2, "dag", "--url", "ftp://x"],
            [2, "dag", "--data", dataDir, "--last", "0"],
            [2, "dag", "--data", dataDir, "--json", "--dot"],
            [2, "heads", "--data", join(scratch, "nowhere")],
            [3, "heads", "--url", "http://127.0.0.1:1"],
        ] as const) {
            const { code: got, stdout } = await run("ledger", ...words);
            expect([words, got, stdout]).toEqual([words, code, ""]);
        }
    });
});

describe("a drawing", () => {
    it("leads from a vertex to the columns that it follows, and over those that it does not", () => {
        const text = drawDag([
            vertex(1, "aa", [-1, -2]),
            vertex(2, "bb", [-1, -2]),
            vertex(3, "cc", [1, -1]),
            vertex(4, "aa", [1, 2, 3]),
        ]);
        const lines = text.split("\n").slice(3);
        expect(lines.map((line) => line.slice(0, 5))).toEqual(["●    ", "│ ●  ", "├───●", "●─┼─┤"]);
        expect(lines[0]).toContain("follows the genesis");
        expect(lines[3]).toContain("follows a#1, b#2, c#3");
    });

    it("has a name for each of many authors", () => {
        const names = laneNames(Array.from({ length: 53 }, (_, i) => ({ author: `${i}` })));
        expect(new Set(names.values()).size).toBe(53);
        expect(names.get("52")).toBe("a2");
    });

    it("is not asked for ever by a server that repeats itself", async () => {
        const source = {
            before: () => Promise.resolve({ size: 9, vertices: [vertex(4, "aa", [])] }),
        };
        await expect(latestVertices(source, 5)).rejects.toMatchObject({ code: "MS_MALFORMED" });
    });

    it("counts a vertex as a tip until another follows it", () => {
        const heads = new Heads();
        const link = (leafIndex: number, author: string, ...parents: string[]) =>
            heads.add({ leafIndex, author, id: `id ${leafIndex}`, parents });
        link(1, "aa", "genesis 0", "genesis 1");
        link(2, "bb", "genesis 0", "genesis 1");
        expect(heads.list().map(({ isTip }) => isTip)).toEqual([true, true]);
        link(3, "bb", "id 1", "id 2");
        expect(heads.list()).toEqual([
            { author: "bb", leafIndex: 3, vertices: 2, isTip: true },
            { author: "aa", leafIndex: 1, vertices: 1, isTip: false },
        ]);
    });
});
