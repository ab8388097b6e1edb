import { unwrap } from "@meterseal/core";
import { decodeEvidence, type Evidence, encodeEvidence } from "@meterseal/ledger";
import type { Grant } from "@meterseal/seal";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FIXTURE_MS, useScratch } from "./fixture.ts";
import { type Liar, startLiar } from "./liar.ts";
import { must, ProviderBed } from "./provider-bed.ts";

/** What a lying server makes of an answer of an honest one. */
type Lie = {
    readonly sums?: (answer: Answer) => unknown;
    readonly evidence?: (evidence: Evidence) => Evidence;
};
type Answer = { windows: Record<string, unknown>[] };

const scratch = useScratch();
let bed: ProviderBed;
let liar: Liar;
let lie: Lie = {};
let made: Grant;

/** A server between the provider and the honest one; it changes what it is told to. */
async function answer(path: string, honest: Response): Promise<Response> {
    if (path.includes("/sums?") && lie.sums !== undefined) {
        return Response.json(lie.sums((await honest.json()) as Answer));
    }
    if (path.includes("/evidence?") && lie.evidence !== undefined) {
        const evidence = unwrap(decodeEvidence(await honest.bytes()));
        return new Response(new Uint8Array(encodeEvidence(lie.evidence(evidence))));
    }
    return honest;
}

beforeAll(async () => {
    bed = await ProviderBed.open(scratch);
    made = await bed.grant({});
    liar = await startLiar(bed.server.httpUrl, answer);
}, FIXTURE_MS);
afterAll(async () => {
    liar.close();
    await bed.server.close();
});

const read = () => bed.sumsAt(liar.url, "energy", made.message.hash, "--json");

/** One window of the store's answer with a field changed. */
const field =
    (name: string, change: (value: never) => unknown) =>
    (said: Answer): unknown => ({
        ...said,
        windows: said.windows.map((window, i) =>
            i === 2 ? { ...window, [name]: change(window[name] as never) } : window,
        ),
    });
const records = (change: (list: Evidence["records"]) => Evidence["records"]) => ({
    evidence: (honest: Evidence): Evidence => ({ ...honest, records: change(honest.records) }),
});

describe("a server that lies", () => {
    it("is believed as long as it does not", async () => {
        lie = {};
        await must(read());
    });

    it.each<[string, Lie, string]>([
        [
            "about a sum",
            {
                sums: field("parts", (p: { difference: string[] }[]) => [
                    { ...p[0], difference: ["7"] },
                ]),
            },
            "MS_SUM",
        ],
        ["about coverage", { sums: field("measured", () => 12) }, "MS_SUM"],
        ["about quality", { sums: field("quality", () => "estimated") }, "MS_SUM"],
        [
            "about the boundary of an answer",
            {
                sums: field("answered", (a: { fromUnix: number; toUnix: number }) => ({
                    ...a,
                    fromUnix: a.fromUnix - 1800,
                })),
            },
            "MS_SUM",
        ],
        [
            "with a window less",
            { sums: ({ windows, ...said }) => ({ ...said, windows: windows.slice(1) }) },
            "MS_SUM",
        ],
        ["with nothing", { sums: () => ({}) }, "MS_SUM"],
        [
            "and drops a record",
            records((list) => list.filter((_, i) => i !== 1)),
            "MS_CHAIN_MISMATCH",
        ],
        ["and drops the begin", records((list) => list.slice(1)), "MS_GAP"],
        [
            "and changes a record",
            records((list) =>
                list.map((leaf, i) =>
                    i === 1
                        ? {
                              ...leaf,
                              bytes: leaf.bytes.map((byte, at) => (at === 200 ? byte ^ 1 : byte)),
                          }
                        : leaf,
                ),
            ),
            "MS_",
        ],
        [
            "and shows another's path",
            records((list) =>
                list.map((leaf, i) => (i === 1 ? { ...leaf, path: list[0]?.path ?? [] } : leaf)),
            ),
            "MS_PROOF",
        ],
        [
            "and hides the notice",
            {
                evidence: (honest) => ({
                    ...honest,
                    statements: honest.statements?.slice(0, 1) ?? [],
                }),
            },
            "MS_GRANT_NOTICE",
        ],
        [
            "about how the log grew",
            { evidence: ({ growth: _, ...honest }) => honest },
            "MS_CHECKPOINT",
        ],
    ])("%s is found out, and no sum is shown", async (_, told, code) => {
        // The log must grow between two readings, or there is no growth to prove.
        await bed.grant({ to: "2013-01-03" });
        lie = told;
        const { code: exit, stderr, stdout } = await read();
        expect([exit, stdout]).toEqual([1, ""]);
        expect(stderr).toMatch(new RegExp(`^${code}`, "m"));
    });
});
