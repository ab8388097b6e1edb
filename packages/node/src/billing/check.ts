import { error, toHex, unwrap } from "@meterseal/core";
import { checkEvidence, type EvidenceReport } from "@meterseal/ledger";
import { type Bill, checkBill, periodOf, readStream } from "@meterseal/tariff";
import { type BillEvidence, recordsOf } from "./bill-evidence.ts";
import type { BillReport } from "./bill-words.ts";
import { ledgerTariff, readProofs, trustIn } from "./ledger-tariff.ts";

/**
 * Checks a bill from its network's id up: every signature, chain link and proof of the meter's records,
 * the tariff and its publisher in the ledger, and the amount against the commitments.
 * @throws MetersealError the first thing that does not hold: MS_GENESIS, MS_SIGNATURE_BAD,
 * MS_CHAIN_MISMATCH, MS_PROOF …, MS_TARIFF, MS_COMMITMENT, MS_BILL, MS_PRUNED.
 */
export function checkWithEvidence(bill: Bill, evidence: BillEvidence): BillReport {
    const bundle = recordsOf(evidence);
    const trust = trustIn(bundle.genesis, bill.network);
    const report = checkEvidence(bundle, { networkId: bill.network, subject: bill.meter });
    const [fault] = [...report.signatures.faults, ...report.continuity.faults];
    if (fault !== undefined) throw fault.error;
    return checkOverRecords(bill, report, evidence, trust);
}

/** The same over records that were checked before. */
export function checkOverRecords(
    bill: Bill,
    { prunedBeforeUnix, records }: Pick<EvidenceReport, "prunedBeforeUnix" | "records">,
    { proofs }: BillEvidence,
    trust: ReturnType<typeof trustIn>,
): BillReport {
    const tariff = ledgerTariff(bill.tariff, readProofs(proofs, trust), trust);
    const own = records.map(({ record }) => record);
    const recorded = unwrap(readStream(own, bill.stream));
    const { slotSeconds } = recorded;
    const period = unwrap(periodOf(bill.fromUnix, bill.toUnix, slotSeconds));
    const isPruned = prunedBeforeUnix !== null;
    const checked = unwrap(checkBill(bill, { recorded, isPruned, tariff, period }));
    const { body, provider } = tariff;
    return { bill, checked, tariff: body, provider, slotSeconds };
}

/** Refuses a bill of another network than the one asked for, in hex. */
export function requireNetwork(bill: Bill, network: string | undefined): void {
    const got = toHex(bill.network);
    if (network === undefined || network === got) return;
    throw error("MS_GENESIS", { where: "bill", expected: `network ${network}`, got });
}
