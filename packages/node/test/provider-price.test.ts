import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { toHex, unixOfSlot, unwrap } from "@meterseal/core";
import { exactMoney, periodOf, pricesOf } from "@meterseal/tariff";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readTariffFile } from "../src/billing/tariff-file.ts";
import { run } from "./command.ts";
import { FIXTURE_MS, useScratch } from "./fixture.ts";
import { must, ProviderBed } from "./provider-bed.ts";

const TARIFF = fileURLToPath(
    new URL("../../../examples/tariffs/day-and-night.yaml", import.meta.url),
);
const RANGE = { from: "2013-01-01", to: "2013-01-07" };
const scratch = useScratch();
let bed: ProviderBed;

beforeAll(async () => {
    bed = await ProviderBed.open(scratch);
}, FIXTURE_MS);
afterAll(() => bed.server.close());

/** What the household's own half-hours cost, one by one. */
async function ownPrice(): Promise<string> {
    const words = ["--level", "slot", "--from", RANGE.from, "--to", RANGE.to, "--json"];
    const usage = await must(
        run("usage", "--key", bed.keyPath, "--url", bed.server.httpUrl, ...words),
    );
    const { intervals } = JSON.parse(usage.stdout) as {
        intervals: { from: string; importWh: number | null }[];
    };
    const tariff = readTariffFile(TARIFF);
    const period = unwrap(periodOf(bed.at(RANGE.from), bed.at(RANGE.to), 1800));
    const prices = unwrap(pricesOf(tariff, tariff.imports, period, null));
    let total = 0n;
    for (const { from, importWh } of intervals) {
        const place = prices.findIndex(
            (_, i) => unixOfSlot(period.fromSlot + i, 1800) * 1000 === Date.parse(from),
        );
        total += BigInt(prices[place] ?? 0) * BigInt(importWh ?? 0);
    }
    return exactMoney({ value: total, digits: 9 }, tariff.decimals);
}

type Weighted = {
    sum: { measured: number; groups: { sums: string[] }[]; records: unknown[] };
    proofs: Record<string, string>;
};

async function askWeighted(hash: string): Promise<Weighted> {
    const stream = toHex(bed.key.stream.streamId);
    const range = `from=${bed.at(RANGE.from)}&to=${bed.at(RANGE.to)}`;
    const path = `/api/v1/streams/${stream}/weighted?tariff=${hash}&${range}`;
    return (await (await fetch(new URL(path, bed.server.httpUrl))).json()) as Weighted;
}

/** What a store may say in place of the truth. */
const LIES: ((said: Weighted) => unknown)[] = [
    ({ sum, ...said }) => ({ ...said, sum: { ...sum, groups: [{ group: 0, sums: ["7"] }] } }),
    ({ sum, ...said }) => ({ ...said, sum: { ...sum, measured: sum.measured - 1 } }),
    ({ sum, ...said }) => ({ ...said, sum: { ...sum, records: sum.records.slice(1) } }),
    () => ({}),
];

/** A server before the honest one, which changes its weighted sums. */
async function withLies(
    change: (said: Weighted) => unknown,
    use: (url: string) => Promise<void>,
): Promise<void> {
    const liar = createServer((request, response) => {
        const { authorization } = request.headers;
        const headers = authorization === undefined ? {} : { authorization };
        const path = request.url ?? "/";
        void fetch(new URL(path, bed.server.httpUrl), { headers }).then(async (honest) => {
            const isWeighted = path.includes("/weighted?");
            const body = isWeighted
                ? Buffer.from(JSON.stringify(change((await honest.json()) as Weighted)))
                : Buffer.from(await honest.arrayBuffer());
            const type = honest.headers.get("content-type") ?? "";
            response.writeHead(honest.status, { "content-type": type }).end(body);
        });
    });
    await new Promise<void>((resolve) => liar.listen(0, "127.0.0.1", resolve));
    try {
        const { port } = liar.address() as AddressInfo;
        await use(`http://127.0.0.1:${port}`);
    } finally {
        liar.close();
    }
}

describe("the weighted sum of a store", () => {
    const ask = async (query: string): Promise<[number, string]> => {
        const stream = toHex(bed.key.stream.streamId);
        const url = new URL(`/api/v1/streams/${stream}/weighted?${query}`, bed.server.httpUrl);
        const answer = await fetch(url);
        return [answer.status, ((await answer.json()) as { code: string }).code];
    };

    it.each([
        ["without a tariff", "", 400, "MS_USAGE"],
        ["under none of the ledger", `tariff=${"ab".repeat(32)}`, 404, "MS_NOT_FOUND"],
        ["of a group that the stream lacks", `tariff=${"ab".repeat(32)}&groups=7`, 400, "MS_USAGE"],
        [
            "over more slots than a bill has",
            `tariff=${"ab".repeat(32)}&from=2013-01-01&to=2017-01-01`,
            413,
            "MS_TOO_LARGE",
        ],
        [
            "over no time",
            `tariff=${"ab".repeat(32)}&from=2013-01-02&to=2013-01-02`,
            400,
            "MS_USAGE",
        ],
    ])("is refused %s", async (_, query, status, code) => {
        expect(await ask(query)).toEqual([status, code]);
    });
});

describe("a provider with a grant of one sum at its tariff's prices", () => {
    it(
        "reads what the household's half-hours cost, and no half-hour",
        async () => {
            const url = ["--url", bed.server.httpUrl];
            const dir = ["--dir", bed.place("energy")];
            const published = await must(
                run(
                    "tariff",
                    "publish",
                    TARIFF,
                    "--provider",
                    bed.place("energy"),
                    ...url,
                    "--json",
                ),
            );
            const { hash } = JSON.parse(published.stdout) as { hash: string };
            const home = ["--home", bed.place("wallet"), "--key", bed.keyPath];
            const range = ["--from", RANGE.from, "--to-date", RANGE.to];
            const made = await must(
                run(
                    "grant",
                    "create",
                    ...home,
                    "--to",
                    "energy",
                    "--tariff",
                    hash,
                    ...range,
                    ...url,
                ),
            );
            const [grant = ""] = made.stdout.trim().split(/\s/);
            const kept = bed.place("kept-price");
            const sums = ["provider", "sums", ...dir, ...url, "--grant", grant];
            const got = JSON.parse((await must(run(...sums, "--json", "--save", kept))).stdout);
            expect(got.prices).toEqual([{ group: 0, price: await ownPrice() }]);
            expect(got.tariff).toBe(hash);
            expect(got.proof.holds).toBe(true);
            expect(got.proof).toMatchObject({ storeSums: 1, amountsBy: "household" });
            const said = await askWeighted(hash);
            expect(said.sum).toMatchObject({
                tariff: hash,
                groups: [{ group: 0, sums: [expect.stringMatching(/^\d+$/)] }],
                slots: 288,
            });
            expect(said.sum.records.length).toBeGreaterThan(1);
            for (const path of Object.values(said.proofs)) {
                expect((await fetch(new URL(path, bed.server.httpUrl))).status, path).toBe(200);
            }
            for (const change of LIES) {
                await withLies(change, async (liarUrl) => {
                    const lied = await run(
                        ...["provider", "sums", ...dir, "--url", liarUrl, "--grant", grant],
                    );
                    expect([lied.code, lied.stdout]).toEqual([1, ""]);
                    expect(lied.stderr).toMatch(/^MS_SUM: /);
                });
            }
            const person = await must(run(...sums));
            expect(person.stdout).toContain(got.prices[0].price);
            expect(person.stderr).toContain("The amounts themselves are the household's word");
            const windows = await run(...sums, "--window", "day");
            expect([windows.code, windows.stdout]).toEqual([2, ""]);
            const files = [
                ...["--grant-file", join(kept, "grant.cose")],
                ...["--evidence-file", join(kept, "evidence.cbor")],
            ];
            const proofs = ["--tariff-file", join(kept, "tariff-proofs.json")];
            const offline = await must(
                run("provider", "sums", ...dir, ...files, ...proofs, "--json"),
            );
            expect(JSON.parse(offline.stdout).prices).toEqual(got.prices);
            const without = await run("provider", "sums", ...dir, ...files);
            expect([without.code, without.stdout]).toEqual([2, ""]);
        },
        FIXTURE_MS,
    );
});
