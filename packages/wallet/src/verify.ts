import { bytesEqual, error, fail, LIMITS, ok, type Result } from "@meterseal/core";
import {
    type CheckedRecord,
    checkEvidence,
    decodeGenesis,
    type Evidence,
    type Fault,
    networkIdOf,
    originOf,
    recordName,
    type TreeHead,
    type Verdict,
    verdictOf,
    verifyCheckpoint,
} from "@meterseal/ledger";
import { lastRegistersUnix, type MediumName, unitOfMedium } from "@meterseal/record";
import type { OwnCorrection } from "./corrections.ts";
import type { Join } from "./join.ts";
import type { KeyFile } from "./key-file.ts";
import { type OpenBoundary, openServicePoint } from "./series.ts";

/** The four verdicts of a household's check. */
export type Verdicts = {
    /** Every record, vertex and enrolment is signed by the key that may sign it. */
    readonly signature: Verdict;
    /** No record is missing, moved or added: chain, inclusion, checkpoint. */
    readonly continuity: Verdict;
    /** Records are dated neither before their last reading nor after the ledger took them. */
    readonly clock: Verdict;
    /**
     * Registers never run backwards nor faster than a connection can carry, and a note explains each
     * correction.
     */
    readonly plausibility: Verdict;
    readonly checkpoint: TreeHead | null;
};

/**
 * Most that a connection carries in an hour, in base units of its medium: electricity over three phases of
 * 100 A at 230 V, gas and water through the largest meters of houses, heat of a block of flats.
 */
const PLAUSIBLE_AN_HOUR: Readonly<Record<MediumName, number>> = {
    electricity: 69_000,
    gas: 160_000,
    water: 100_000,
    heat: 2_000_000,
};

/** A household's checked records, its opened registers and the four verdicts. */
export type HouseholdReport = {
    readonly verdicts: Verdicts;
    readonly records: readonly CheckedRecord[];
    readonly series: readonly OpenBoundary[];
    /** Where one seal epoch follows another: exchanges, resets, new keys. */
    readonly joins: readonly Join[];
    readonly corrections: readonly OwnCorrection[];
    /** As {@link EvidenceReport.prunedBeforeUnix}: what is older is missing here, and was not zero. */
    readonly prunedBeforeUnix: number | null;
};

/**
 * Verifies and opens what a server says about one household, trusting the key file alone.
 * @returns MS_KEY_FOREIGN where the evidence is of another network or meter than the key.
 */
export function openHousehold(evidence: Evidence, key: KeyFile): Result<HouseholdReport> {
    if (isOfAnotherNetwork(evidence, key)) {
        return fail(error("MS_KEY_FOREIGN", { where: "genesis", expected: "the key's network" }));
    }
    const report = checkEvidence(evidence, { networkId: key.network, subject: key.meter });
    const records = report.records;
    const foreign = records.find(({ record }) => !bytesEqual(record.subject, key.meter));
    if (foreign !== undefined) {
        return fail(error("MS_KEY_FOREIGN", { where: recordName(foreign.record) }));
    }
    const opened = openServicePoint(
        key,
        records.map(({ record }) => record),
    );
    const point = opened.ok
        ? opened.value
        : {
              ...{ joins: [], series: [], corrections: [] },
              faults: [{ error: opened.error, where: "opening" }],
          };
    const { corrections, faults, joins, series } = point;
    return ok({
        verdicts: {
            signature: verdictOf(report.signatures.checked, report.signatures.faults),
            // Proofs over no record say nothing about a household's records.
            continuity: verdictOf(
                records.length === 0 ? 0 : report.continuity.checked,
                report.continuity.faults,
            ),
            clock: checkClock(records),
            plausibility: checkPlausibility(series, key, faults),
            checkpoint: report.checkpoint,
        },
        records,
        series,
        joins,
        corrections,
        prunedBeforeUnix: report.prunedBeforeUnix,
    });
}

/** True for the genuine evidence of another network; an altered genesis is a fault instead. */
function isOfAnotherNetwork(evidence: Evidence, key: KeyFile): boolean {
    const networkId = networkIdOf(evidence.genesis);
    if (bytesEqual(networkId, key.network)) return false;
    const genesis = decodeGenesis(evidence.genesis);
    if (!genesis.ok) return false;
    const trust = { origin: originOf(networkId), publicKey: genesis.value.logKey };
    return verifyCheckpoint(evidence.checkpoint, trust).ok;
}

function checkClock(records: readonly CheckedRecord[]): Verdict {
    const faults: Fault[] = [];
    for (const { record, entryTimeMs } of records) {
        const tooEarly = record.timeUnix < lastRegistersUnix(record);
        const tooLate = record.timeUnix * 1000 > entryTimeMs + LIMITS.clockAheadSeconds * 1000;
        if (!tooEarly && !tooLate) continue;
        const where = recordName(record);
        const expected = tooEarly
            ? "a date after its last reading"
            : "a date before its ledger entry";
        faults.push({ error: error("MS_CLOCK", { where, expected }), where });
    }
    return verdictOf(records.length, faults);
}

/** Bounds on registers that the key opened; grants and the ledger see none of this. */
export function checkPlausibility(
    series: readonly OpenBoundary[],
    { medium, stream }: Pick<KeyFile, "medium" | "stream">,
    found: readonly Fault[] = [],
): Verdict {
    const faults = [...found];
    const { base, name: mediumName } = unitOfMedium(medium);
    const mostAnHour = PLAUSIBLE_AN_HOUR[mediumName];
    for (let i = 1; i < series.length; i++) {
        const before = series[i - 1] as OpenBoundary;
        const boundary = series[i] as OpenBoundary;
        const seconds = (boundary.slot - before.slot) * stream.slotSeconds;
        const mostWh = BigInt(Math.ceil((mostAnHour * seconds) / 3600));
        const pairs: [string, bigint | null, bigint | null][] = [
            ["import", before.importWh, boundary.importWh],
            ["export", before.exportWh, boundary.exportWh],
        ];
        for (const [name, earlier, later] of pairs) {
            if (earlier === null || later === null) continue;
            const grownWh = later - earlier;
            if (grownWh >= 0n && grownWh <= mostWh) continue;
            const code = grownWh < 0n ? "MS_REGISTER_DECREASED" : "MS_REGISTER_CAP";
            const where = `${name} at ${new Date(boundary.unix * 1000).toISOString()}`;
            const expected = `growth of 0 … ${mostWh} ${base} in ${seconds} s`;
            faults.push({ error: error(code, { where, expected }), where });
        }
    }
    return verdictOf(series.length, faults);
}
