import type { GrantedSum } from "@meterseal/provider";
import { GROUP, MEDIUM } from "@meterseal/record";
import type { Grant } from "@meterseal/seal";
import { describe, expect, it } from "vitest";
import type { WholeReading } from "../src/provider/read-grant.ts";
import { toCsv, toJson } from "../src/provider/show.ts";

/** A sum of an import register, in units of 10^scale. */
function readingOf(amount: bigint, medium: number | undefined): WholeReading {
    const sum = {
        ...{ fromUnix: 0, toUnix: 3_600, quality: "measured", marks: [], slots: 4, measured: 4 },
        ...{ estimated: 0, answered: { fromUnix: 0, toUnix: 3_600 }, parts: [], refusal: null },
        amounts: [{ group: GROUP.import, amounts: [amount] }],
    } as unknown as GrantedSum;
    const holds = { checked: 1, faults: [], holds: true };
    return {
        ...{ window: "hour", sums: [sum], checkpoint: null, lastUnix: null, medium },
        amountsBy: "household",
        verdicts: { signature: holds, continuity: holds, sums: null },
    };
}

const grantOf = (scale: number): Grant =>
    ({
        ...{ scale, zone: "UTC", groups: [GROUP.import] },
        ...{ message: { hash: new Uint8Array(32) } },
        ...{ subject: new Uint8Array(16), streamId: new Uint8Array(16) },
    }) as unknown as Grant;

describe("a granted sum", () => {
    it("is shown in the unit of its medium", () => {
        const gas = toJson(grantOf(-3), readingOf(12_785n, MEDIUM.gas));
        expect(gas).toMatchObject({ medium: "gas", totalImportLitres: 12_785 });
        expect(gas).not.toHaveProperty("totalImportWh");
        const power = toJson(grantOf(0), readingOf(1_500n, undefined));
        expect(power).toMatchObject({ totalImportWh: 1_500 });
        expect(power).not.toHaveProperty("medium");
        expect(toCsv(grantOf(-3), readingOf(12_785n, MEDIUM.gas))).toMatch(
            /^from,to,import_litres,quality.*\n[^,]+,[^,]+,12785,/,
        );
        expect(toCsv(grantOf(0), readingOf(5n, MEDIUM.heat))).toContain("import_wh");
    });

    it("keeps what is finer than its base unit as text", () => {
        const finer = toJson(grantOf(-6), readingOf(12_785n, MEDIUM.water));
        expect(finer).toMatchObject({ totalImportLitres: "12.785" });
    });
});
