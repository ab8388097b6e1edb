import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bytesEqual, toHex } from "@meterseal/core";
import type { LedgerState, MerkleLog } from "@meterseal/ledger";
import {
    isMeteringPoint,
    parseReceipt,
    parseRecord,
    RECEIPT_LEVEL,
    type Receipt,
    ROLE,
    verifySign1,
} from "@meterseal/record";
import {
    METER_FILE,
    openMeterStore,
    type ServerStore,
    type SqliteMeterStore,
} from "@meterseal/stores/sqlite";
import { PLACES, PROFILE_FILE } from "../files.ts";
import type { ChainCheck } from "./chain-check.ts";
import type { Findings } from "./findings.ts";
import type { LogCheck } from "./log-check.ts";
import { checkProfile } from "./profile-check.ts";

/** What the meters remember, held against what the server says. */
export type OutboxContext = {
    readonly findings: Findings;
    readonly state: LedgerState;
    readonly log: LogCheck;
    readonly tree: MerkleLog;
    readonly chains: ChainCheck;
    /** Number of the last record row that was read. */
    readonly lastRow: number;
    /** Opens the server's store as it is now: beside a running server it has gone on meanwhile. */
    readonly reopen: () => Promise<ServerStore>;
};

/** A receipt that the server's store, as it was read, does not bear out; and what that would mean. */
type Doubt = {
    readonly receipt: Receipt;
    readonly where: string;
    readonly message: string;
};

type Checking = OutboxContext & {
    readonly doubts: Doubt[];
    /** Id of the collector whose store this is, hexadecimal; null where its key files are not here. */
    readonly serverCollector: string | null;
};

/**
 * Checks the outbox of every meter of a data directory: its records are signed and chained, and the
 * collector's receipts hold: what it called stored is stored, what it called final is in the log.
 */
export async function checkOutboxes(dataDir: string, context: OutboxContext): Promise<void> {
    const root = PLACES.meters(dataDir);
    const names = existsSync(root) ? readdirSync(root).sort() : [];
    noteAbsent(names, context);
    noteObserved(context);
    const idFile = join(PLACES.serverKeys(dataDir), "collector.id");
    const serverCollector = existsSync(idFile) ? readFileSync(idFile, "utf8").trim() : null;
    const checking: Checking = { ...context, doubts: [], serverCollector };
    for (const name of names) {
        const directory = join(root, name);
        const where = `outbox of meter ${name}`;
        if (!existsSync(join(directory, METER_FILE))) {
            const inService = existsSync(join(directory, PROFILE_FILE));
            if (inService) context.findings.fault("MS_OUTBOX", where, `${METER_FILE} is missing.`);
            continue;
        }
        try {
            await checkOutbox(directory, where, checking);
        } catch (cause) {
            context.findings.failed(cause, where);
        }
    }
    await settleDoubts(checking);
}

/**
 * Looks again at what receipts promise: outboxes are read after the store, and beside a running server
 * a meter may have been answered in between. What is not there now either is a fault.
 */
async function settleDoubts({ doubts, findings, lastRow, reopen }: Checking): Promise<void> {
    if (doubts.length === 0) return;
    const store = await reopen();
    let later = 0;
    try {
        for (const { message, receipt, where } of doubts) {
            const { chainEpoch, leafIndex, recordHash, seq, subject } = receipt;
            const rows = await store.reader.recordsAt(subject, chainEpoch, seq);
            const row = rows.find(({ bytes }) => {
                const record = parseRecord(bytes);
                return record.ok && bytesEqual(record.value.message.hash, recordHash);
            });
            const isStored = row !== undefined && row.n > lastRow;
            const isLogged = leafIndex !== undefined && (await hasLeaf(store, leafIndex));
            if (row !== undefined && (isLogged ? row.vertex !== null : isStored)) later++;
            else findings.fault("MS_OUTBOX", where, message);
        }
    } finally {
        await store.close();
    }
    if (later > 0) {
        const receipts = later === 1 ? "1 receipt is" : `${later} receipts are`;
        findings.notes.push(
            `${receipts} of records that came while this was checked; run it again to have them checked too.`,
        );
    }
}

async function hasLeaf({ reader }: ServerStore, leafIndex: number): Promise<boolean> {
    for await (const { index } of reader.log(leafIndex)) return index >= leafIndex;
    return false;
}

/** Says how many metering points a gateway signs for. */
function noteObserved({ findings, state }: OutboxContext): void {
    const observed = [...state.subjects.values()].filter(
        ({ role }) => role === ROLE.gateway,
    ).length;
    if (observed === 0) return;
    const points = observed === 1 ? "metering point is" : "metering points are";
    findings.notes.push(
        `${observed} ${points} observed: a gateway signs for a meter that cannot. What passed between the two is the gateway's word.`,
    );
}

/** Says how many meters' memories are not here: without them a shortened log goes unseen. */
function noteAbsent(names: readonly string[], { findings, state }: OutboxContext): void {
    const meters = [...state.subjects.values()].filter(isMeteringPoint);
    const absent = meters.filter(({ id }) => !names.includes(toHex(id))).length;
    if (absent === 0) return;
    findings.notes.push(
        `The outboxes of ${absent} of ${meters.length} enrolled meters are not here: what they hold receipts for was not compared, and a log that was cut at its end would not show.`,
    );
}

async function checkOutbox(directory: string, where: string, context: Checking): Promise<void> {
    const { chains, findings } = context;
    const profile = checkProfile(directory, where, context);
    if (profile === null) return;
    const { chainEpoch, subject } = profile;
    const collector = context.serverCollector ?? profile.collector;
    const store = await openMeterStore(directory, { readOnly: true });
    try {
        findings.counts.outboxes++;
        const seqs = await checkRecords(store, where, context);
        const { final, stored } = await store.receipts();
        const check = (bytes: Uint8Array | null, level: string): number =>
            bytes === null
                ? 0
                : checkReceipt(bytes, collector, `${where}, ${level} receipt`, context);
        const finalSeq = check(final, "final");
        const lastSeq = Math.max(check(stored, "stored"), chains.lastSeq(subject, chainEpoch));
        for (let seq = finalSeq + 1; seq <= lastSeq; seq++) {
            if (seqs.has(seq)) continue;
            const message = "It is not final and the meter does not have it any more.";
            findings.fault("MS_OUTBOX", `${where}, record ${seq}`, message);
        }
    } finally {
        await store.close();
    }
}

async function checkRecords(
    store: SqliteMeterStore,
    where: string,
    context: Checking,
): Promise<Set<number>> {
    const seqs = new Set<number>();
    for (const { bytes, chainEpoch, hash, seq } of await store.outbox()) {
        const place = `${where}, record ${seq}`;
        seqs.add(seq);
        const record = parseRecord(bytes);
        if (!record.ok) {
            context.findings.failed(record.error, place);
            continue;
        }
        const { message } = record.value;
        const same =
            record.value.seq === seq &&
            record.value.chainEpoch === chainEpoch &&
            bytesEqual(message.hash, hash);
        if (!same)
            context.findings.fault(
                "MS_STORE_COLUMN",
                place,
                "A column contradicts the signed bytes.",
            );
        await context.log.checkSignature(record.value, place);
        const held = context.chains.hashesAt(record.value.subject, chainEpoch, seq);
        if (held.length > 0 && !held.some((each) => bytesEqual(each, message.hash))) {
            context.findings.fault(
                "MS_OUTBOX",
                place,
                "The server holds another record in its place.",
            );
        }
    }
    return seqs;
}

/**
 * Checks a receipt, of whichever collector the meter went to when it got it.
 * @param collector - id of the one whose store this is, hexadecimal; null for unknown.
 * @returns the sequence number that it covers, 0 when it does not hold.
 */
function checkReceipt(
    bytes: Uint8Array,
    collector: string | null,
    where: string,
    context: Checking,
): number {
    const { findings, state } = context;
    const receipt = parseReceipt(bytes);
    if (!receipt.ok) {
        findings.failed(receipt.error, where);
        return 0;
    }
    findings.counts.signatures++;
    const { message: signed } = receipt.value;
    const signer = state.keys.get(toHex(signed.kid));
    if (signer?.role !== ROLE.collector || !verifySign1(signed, signer.key)) {
        findings.fault("MS_RECEIPT", where, "No collector of the log signed it.");
        return 0;
    }
    const { chainEpoch, recordHash, seq, subject } = receipt.value;
    const held = context.chains.hashesAt(subject, chainEpoch, seq);
    const name = `record ${toHex(subject)}/${chainEpoch}/${seq}`;
    const message = `The collector signed that it holds ${name}; the server does not have it.`;
    const isHeld = held.some((each) => bytesEqual(each, recordHash));
    const isElsewhere = collector !== null && toHex(signer.id) !== collector;
    if (!isHeld && isElsewhere && receipt.value.level === RECEIPT_LEVEL.stored) {
        findings.notes.push(`${where}: of another collector, whose store is not here.`);
        return seq;
    }
    if (held.length === 0) {
        context.doubts.push({ receipt: receipt.value, where, message });
        return seq;
    }
    if (!isHeld) {
        findings.fault("MS_OUTBOX", where, message);
        return seq;
    }
    checkFinality(receipt.value, where, name, context);
    return seq;
}

function checkFinality(receipt: Receipt, where: string, name: string, context: Checking): void {
    const { checkpoint, leafIndex } = receipt;
    if (leafIndex === undefined || checkpoint === undefined) return;
    const { findings, log, tree } = context;
    if (leafIndex >= tree.size && checkpoint.size > leafIndex) {
        const message = `The collector signed that ${name} is under leaf ${leafIndex}; the log ends before it.`;
        context.doubts.push({ receipt, where, message });
        return;
    }
    if (!log.isUnderLeaf(receipt.recordHash, leafIndex)) {
        findings.fault(
            "MS_OUTBOX",
            where,
            `The collector signed that ${name} is under leaf ${leafIndex}; it is not.`,
        );
    }
    if (checkpoint.size > tree.size || !bytesEqual(tree.root(checkpoint.size), checkpoint.root)) {
        findings.fault(
            "MS_CHECKPOINT",
            where,
            `The collector signed a checkpoint of size ${checkpoint.size} that is not in the log's history.`,
        );
    }
}
