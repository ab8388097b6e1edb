import { type Result, unwrap, utf8 } from "@meterseal/core";
import { parseRecord } from "@meterseal/record";
import { beforeAll, describe, expect, it } from "vitest";
import { formatTlogProof, parseTlogProof } from "../src/checkpoint/tlog-proof.ts";
import { checkEvidence, type EvidenceTrust } from "../src/evidence/check.ts";
import type { Evidence } from "../src/evidence/evidence.ts";
import { formatReceipt, parseReceipt } from "../src/evidence/receipt.ts";
import { faults, openScene } from "./evidence-book.ts";

let trust: EvidenceTrust;
let valid: Evidence;
beforeAll(async () => {
    ({ trust, valid } = await openScene());
});
const codeOf = (result: Result<unknown>): string => (result.ok ? "ok" : result.error.code);

describe("a receipt", () => {
    it("proves each record of evidence by itself, also in the middle of a chain", () => {
        for (const [at, { bytes }] of valid.records.entries()) {
            const text = unwrap(formatReceipt(valid, at));
            const read = unwrap(parseReceipt(utf8(text)));
            const report = checkEvidence(read, { ...trust, extent: "single" });
            expect(faults(report)).toEqual([[], []]);
            const hash = unwrap(parseRecord(bytes)).message.hash;
            expect(report.records.map(({ record }) => record.message.hash)).toEqual([hash]);
        }
    });
    it("does not pass for the whole of a chain", () => {
        const read = unwrap(parseReceipt(unwrap(formatReceipt(valid, 2))));
        const [, continuity] = faults(checkEvidence(read, trust));
        expect(continuity.join()).toContain("MS_CHAIN_MISMATCH");
    });
    it("is refused where its extra data is no receipt of ours", () => {
        const text = unwrap(formatReceipt(valid, 0));
        const { extra, ...bare } = unwrap(parseTlogProof(text));
        expect(codeOf(parseReceipt(formatTlogProof(bare)))).toBe("MS_MALFORMED");
        const cut = formatTlogProof({ ...bare, extra: (extra as Uint8Array).slice(0, -1) });
        expect(codeOf(parseReceipt(cut))).toBe("MS_MALFORMED");
        expect(codeOf(parseReceipt("no proof"))).toBe("MS_PROOF");
    });
    it("is not written for a record that the evidence does not hold, or that is too large", () => {
        expect(codeOf(formatReceipt(valid, valid.records.length))).toBe("MS_NOT_FOUND");
        const [first] = valid.records;
        if (first === undefined) throw new Error("no record");
        const large = { ...valid, records: [{ ...first, bytes: new Uint8Array(65_536) }] };
        expect(codeOf(formatReceipt(large, 0))).toBe("MS_TOO_LARGE");
    });
});
