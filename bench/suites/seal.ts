import { createLadder, unwrap } from "@meterseal/core";
import { newSealState, openRegisters, planBoundaries, sealBoundaries } from "@meterseal/seal";
import { secondsPerCall } from "../lib/measure.ts";
import { FIRST_SLOT, SLOT_SECONDS, ZONE } from "../lib/meters.ts";
import type { Row, Suite } from "../lib/report.ts";
import { freshKeys, makeYear, sealInSteps, YEAR_SLOTS } from "../lib/sealing.ts";

const RECORD_SLOTS = 96;
/** Published evaluation code of TimeCrypt, run on like hardware (design notes, privacy 8): text, not measured here. */
const TIMECRYPT_NS = 2200;

/** Cost of the cryptography alone: a reading is one slot with its import and its export register. */
export const sealSuite: Suite = {
    name: "seal",
    title: "sealing and opening, import and export of each slot, CPU time of one thread",
    run({ quick }) {
        const rounds = quick ? 1 : 7;
        const material = makeYear(2);
        const { addresses, registers, sealed } = material;
        const perReading = (readings: number, work: () => void): number =>
            (secondsPerCall(rounds, work) / readings) * 1e9;
        const ladder = unwrap(createLadder(ZONE, SLOT_SECONDS));

        const bulkNs = perReading(YEAR_SLOTS, () => {
            unwrap(sealBoundaries(freshKeys(material), { addresses, registers }));
        });
        const planNs = perReading(YEAR_SLOTS, () => {
            unwrap(planBoundaries(newSealState(0), ladder, FIRST_SLOT, YEAR_SLOTS));
        });
        const recordNs = perReading(RECORD_SLOTS, sealInSteps(material, RECORD_SLOTS));
        const singleNs = perReading(1, sealInSteps(material, 1));
        const openNs = perReading(YEAR_SLOTS, () => {
            const keys = freshKeys(material);
            for (const group of [0, 1]) unwrap(openRegisters(keys, group, { addresses, sealed }));
        });
        return Promise.resolve({
            rows: [
                row("bulk seal, a year in one call, new keys each time", bulkNs, 100),
                row("consecutive 96-slot records, keys kept", recordNs, null),
                row("single append, keys kept", singleNs, null),
                {
                    what: "bulk open to registers, new keys each time",
                    ours: { value: openNs, unit: "ns a reading" },
                    against: null,
                    ratio: null,
                    target: { on: "ours", atMost: 100 },
                },
            ],
            facts: [
                `a reading is one slot with both registers, each from a tree of its own; per register value: bulk seal ${(bulkNs / 2).toFixed(0)} ns, bulk open ${(openNs / 2).toFixed(0)} ns`,
                `planning the addresses of the boundaries costs ${planNs.toFixed(0)} ns a reading besides`,
                `TimeCrypt: ${TIMECRYPT_NS} ns per digest of four values, its published Java code on like hardware, as text`,
            ],
        });
    },
};

function row(what: string, value: number, atMost: number | null): Row {
    return {
        what,
        ours: { value, unit: "ns a reading" },
        against: { value: TIMECRYPT_NS, unit: "ns a digest", of: "TimeCrypt, text" },
        ratio: TIMECRYPT_NS / value,
        target: atMost === null ? null : { on: "ours", atMost },
    };
}
