import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { unixOfSlot, unwrap } from "@meterseal/core";
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
            const person = await must(run(...sums));
            expect(person.stdout).toContain(got.prices[0].price);
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
