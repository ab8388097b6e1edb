import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bytesEqual, fromHex, type PublicKey, toHex } from "@meterseal/core";
import type { MerkleLog } from "@meterseal/ledger";
import {
    decodeCoseKey,
    parseReceipt,
    parseRecord,
    type Receipt,
    verifySign1,
} from "@meterseal/record";
import { METER_FILE, openMeterStore, type SqliteMeterStore } from "@meterseal/stores/sqlite";
import { PLACES } from "../files.ts";
import type { ChainCheck } from "./chain-check.ts";
import type { Findings } from "./findings.ts";
import type { LogCheck } from "./log-check.ts";

/** What the meters remember, held against what the server says. */
export type OutboxContext = {
    readonly findings: Findings;
    readonly networkId: Uint8Array;
    readonly log: LogCheck;
    readonly tree: MerkleLog;
    readonly chains: ChainCheck;
};

/**
 * Checks the outbox of every meter of a data directory: its records are signed and chained, and the
 * collector's receipts hold: what it called stored is stored, what it called final is in the log.
 */
export async function checkOutboxes(dataDir: string, context: OutboxContext): Promise<void> {
    const root = PLACES.meters(dataDir);
    if (!existsSync(root)) return;
    for (const name of readdirSync(root).sort()) {
        const directory = join(root, name);
        if (!existsSync(join(directory, METER_FILE))) continue;
        const where = `outbox of meter ${name}`;
        try {
            await checkOutbox(directory, where, context);
        } catch (cause) {
            context.findings.failed(cause, where);
        }
    }
}

async function checkOutbox(
    directory: string,
    where: string,
    context: OutboxContext,
): Promise<void> {
    const profile = JSON.parse(readFileSync(join(directory, "profile.json"), "utf8")) as Record<
        string,
        unknown
    >;
    const { findings } = context;
    if (profile.network !== toHex(context.networkId)) {
        findings.fault(
            "MS_GENESIS",
            where,
            "The meter belongs to another network than the server.",
        );
        return;
    }
    const collectorKey = decodeCoseKey(fromHex(String(profile.collectorKey)));
    const store = await openMeterStore(directory, { readOnly: true });
    try {
        findings.counts.outboxes++;
        await checkRecords(store, where, context);
        const receipts = await store.receipts();
        for (const [level, bytes] of Object.entries(receipts)) {
            if (bytes === null) continue;
            checkReceipt(bytes, collectorKey, `${where}, ${level} receipt`, context);
        }
    } finally {
        await store.close();
    }
}

async function checkRecords(
    store: SqliteMeterStore,
    where: string,
    context: OutboxContext,
): Promise<void> {
    for (const { bytes, chainEpoch, hash, seq } of await store.outbox()) {
        const place = `${where}, record ${seq}`;
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
        const known = context.chains.hashAt(record.value.subject, chainEpoch, seq);
        if (known !== undefined && !bytesEqual(known, message.hash)) {
            context.findings.fault(
                "MS_OUTBOX",
                place,
                "The server holds another record in its place.",
            );
        }
    }
}

function checkReceipt(
    bytes: Uint8Array,
    key: PublicKey,
    where: string,
    context: OutboxContext,
): void {
    const { findings } = context;
    const receipt = parseReceipt(bytes);
    if (!receipt.ok) {
        findings.failed(receipt.error, where);
        return;
    }
    findings.counts.signatures++;
    if (!verifySign1(receipt.value.message, key)) {
        findings.fault("MS_RECEIPT", where, "The collector's signature does not hold.");
        return;
    }
    const { chainEpoch, recordHash, seq, subject } = receipt.value;
    const held = context.chains.hashAt(subject, chainEpoch, seq);
    const name = `record ${toHex(subject)}/${chainEpoch}/${seq}`;
    if (held === undefined || !bytesEqual(held, recordHash)) {
        findings.fault(
            "MS_OUTBOX",
            where,
            `The collector signed that it holds ${name}; the server does not have it.`,
        );
        return;
    }
    checkFinality(receipt.value, where, name, context);
}

function checkFinality(
    receipt: Receipt,
    where: string,
    name: string,
    context: OutboxContext,
): void {
    const { checkpoint, leafIndex } = receipt;
    if (leafIndex === undefined || checkpoint === undefined) return;
    const { findings, log, tree } = context;
    if (log.leafOfRecord.get(toHex(receipt.recordHash)) !== leafIndex) {
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
