import { unwrap } from "@meterseal/core";
import { encodeUsage, MEDIUM, type MeterRecord, usageOf } from "@meterseal/record";
import { readStream } from "@meterseal/tariff";
import { describe, expect, it } from "vitest";
import { formatKeyFile, openSeries, parseKeyFile } from "../src/index.ts";
import { Home } from "./home.ts";

const SLOT = 500_000;

/** Records of a home whose bodies name a medium; undefined for none. */
async function recordsOf(home: Home, ...media: (number | undefined)[]): Promise<MeterRecord[]> {
    const records: MeterRecord[] = [];
    for (const [i, medium] of media.entries()) {
        const record = await home.record([{ slot: SLOT + i, registers: [BigInt(1_000 + i)] }]);
        const { medium: _, ...usage } = unwrap(usageOf(record));
        const body = encodeUsage({ ...usage, ...(medium === undefined ? {} : { medium }) });
        records.push({ ...record, body });
    }
    return records;
}

const codeOf = (result: { ok: boolean; error?: { code: string } }): string =>
    result.ok ? "ok" : (result.error?.code ?? "");

describe("a stream of another medium", () => {
    it("opens with a key file of that medium alone, in litres", async () => {
        const home = await Home.create({ scale: -3 });
        const records = await recordsOf(home, MEDIUM.gas, MEDIUM.gas);
        const gas = { ...home.key, medium: MEDIUM.gas };
        const series = unwrap(openSeries(gas, records));
        expect(series.map(({ importWh }) => importWh)).toEqual([1_000n, 1_001n]);
        expect(codeOf(openSeries(home.key, records))).toBe("MS_KEY_FOREIGN");
        expect(codeOf(openSeries({ ...gas, medium: MEDIUM.water }, records))).toBe(
            "MS_KEY_FOREIGN",
        );
        const mixed = await recordsOf(await Home.create({ scale: -3 }), MEDIUM.gas, undefined);
        expect(codeOf(openSeries(gas, mixed))).toBe("MS_KEY_FOREIGN");
    });

    it("is counted in base units whatever its scale", async () => {
        for (const [scale, first] of [
            [-3, 1_000n],
            [0, 1_000_000n],
            [-6, 1n],
        ] as const) {
            const home = await Home.create({ scale });
            const records = await recordsOf(home, MEDIUM.water);
            const key = { ...home.key, medium: MEDIUM.water };
            expect(unwrap(openSeries(key, records))[0]?.importWh).toBe(first);
        }
    });

    it("has a key file of its own version, which comes back as it was", async () => {
        const { key } = await Home.create({ scale: -3 });
        for (const medium of [MEDIUM.gas, MEDIUM.water, MEDIUM.heat]) {
            const text = formatKeyFile({ ...key, medium });
            expect(JSON.parse(text).format).toBe("meterseal-key/v2");
            expect(unwrap(parseKeyFile(text))).toEqual({ ...key, medium });
        }
        expect(JSON.parse(formatKeyFile(key)).format).toBe("meterseal-key/v1");
    });

    it("has no price by the kWh where it is no energy", async () => {
        const home = await Home.create();
        const { streamId } = home.key.stream;
        for (const [medium, code] of [
            [MEDIUM.gas, "MS_TARIFF"],
            [MEDIUM.water, "MS_TARIFF"],
            [MEDIUM.heat, "ok"],
            [undefined, "ok"],
        ] as const) {
            const records = await recordsOf(await Home.create(), medium, medium);
            expect(codeOf(readStream(records, streamId))).toBe(code);
        }
        const mixed = await recordsOf(home, MEDIUM.heat, undefined);
        expect(codeOf(readStream(mixed, streamId))).toBe("MS_STREAM_RULE");
    });
});
