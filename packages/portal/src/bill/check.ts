import { bytesEqual, error, toHex, unwrap } from "@meterseal/core";
import { checkEvidence, decodeEvidence, decodeGenesis, networkIdOf } from "@meterseal/ledger";
import {
    type Bill,
    type CheckedBill,
    checkBill,
    energyMoney,
    exactMoney,
    parseBill,
    periodOf,
    readStream,
    roundedMoney,
    totalMoney,
} from "@meterseal/tariff";
import { evidencePath, fetchBytes, fetchNetwork } from "../api/client.ts";
import type { LedgerTrust } from "../api/ledger.ts";
import { fetchTariff } from "../api/tariff.ts";
import type { BillLine, BillView } from "./messages.ts";

/**
 * Checks a bill against the commitments that its meter signed and the tariff that its provider
 * published. No key is needed, and no reading is seen.
 * @throws MetersealError, ApiError: why it does not hold, or cannot be checked here.
 */
export async function checkBillText(text: string): Promise<BillView> {
    const bill = unwrap(parseBill(text));
    const { networkId } = await fetchNetwork();
    if (networkId !== toHex(bill.network)) {
        throw error("MS_BILL", { expected: "a bill of this server's network" });
    }
    const bytes = await fetchBytes(evidencePath(toHex(bill.meter)));
    const startMs = performance.now();
    const { prunedBeforeUnix, records, signatures, trust } = checkedRecords(bill, bytes);
    const recordsMs = performance.now() - startMs;
    const { leafIndex, providerName, tariff } = await fetchTariff(trust, toHex(bill.tariff));
    const billMs = performance.now();
    const recorded = unwrap(readStream(records, bill.stream));
    const period = unwrap(periodOf(bill.fromUnix, bill.toUnix, recorded.slotSeconds));
    const isPruned = prunedBeforeUnix !== null;
    const checked = unwrap(checkBill(bill, { recorded, isPruned, tariff, period }));
    const { currency, decimals, name, zone } = tariff.body;
    return {
        meterHex: toHex(bill.meter),
        networkHex: networkId,
        tariffHex: toHex(bill.tariff),
        fromUnix: bill.fromUnix,
        toUnix: bill.toUnix,
        zone,
        currency,
        total: roundedMoney(totalMoney(checked), decimals),
        lines: linesOf(checked, decimals),
        tariffName: name,
        providerName,
        tariffLeaf: leafIndex,
        slots: checked.coverage.slots,
        measured: checked.coverage.measured,
        records: records.length,
        signatures,
        prunedBeforeUnix,
        checkMs: recordsMs + performance.now() - billMs,
    };
}

/** The records of the bill's meter, all of them verified under the bill's network. */
function checkedRecords(bill: Bill, bytes: Uint8Array) {
    const evidence = unwrap(decodeEvidence(bytes));
    if (!bytesEqual(networkIdOf(evidence.genesis), bill.network)) {
        throw error("MS_GENESIS", { where: "what the server sent" });
    }
    const trust: LedgerTrust = {
        networkId: bill.network,
        genesis: unwrap(decodeGenesis(evidence.genesis)),
    };
    const report = checkEvidence(evidence, { networkId: bill.network, subject: bill.meter });
    const fault = [...report.signatures.faults, ...report.continuity.faults][0];
    if (fault !== undefined) throw fault.error;
    const records = report.records.map(({ record }) => record);
    const { prunedBeforeUnix, signatures } = report;
    return { prunedBeforeUnix, records, signatures: signatures.checked, trust };
}

function linesOf(checked: CheckedBill, decimals: number): readonly BillLine[] {
    return [
        { name: "Energy", amount: exactMoney(energyMoney(checked), decimals) },
        ...checked.charges.map(({ amountMicro, count, name }) => ({
            name: `${name}, ${count} times`,
            amount: exactMoney({ value: amountMicro, digits: 6 }, decimals),
        })),
        { name: "Together, exact", amount: exactMoney(totalMoney(checked), decimals) },
    ];
}
