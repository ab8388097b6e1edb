import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bytesEqual, error, fail, ok, type PublicKey, type Result, toHex } from "@meterseal/core";
import { signerFromPem } from "@meterseal/core/node";
import { type LedgerState, recordName, stateOfGenesis, type TreeHead } from "@meterseal/ledger";
import { kidOf, type MeterRecord, parseRecord } from "@meterseal/record";
import { openServerStore, type StoreReader } from "@meterseal/stores/sqlite";
import { checkPlausibility, type KeyFile, openSeries, parseKeyFile } from "@meterseal/wallet";
import { PLACES, reasonOf, requireDirectory } from "../files.ts";
import { ChainCheck } from "./chain-check.ts";
import { Findings } from "./findings.ts";
import { LogCheck, rowName } from "./log-check.ts";
import { checkOutboxes } from "./outbox-check.ts";
import { reportOf, type VerifyReport } from "./report.ts";

/** Reads key files; the first that is none fails the whole. */
export function loadKeyFiles(paths: readonly string[]): Result<KeyFile[]> {
    const keys: KeyFile[] = [];
    for (const path of paths) {
        try {
            const key = parseKeyFile(readFileSync(path, "utf8"));
            if (!key.ok) return key;
            keys.push(key.value);
        } catch (cause) {
            return fail(error("MS_NOT_FOUND", { where: path, got: reasonOf(cause), cause }));
        }
    }
    return ok(keys);
}

/**
 * Checks a data directory as an auditor would, without a server and without writing: the store
 * against itself, every signature, chain link, vertex, leaf and checkpoint, what the meters
 * remember, and with key files the sealed registers.
 * @throws MetersealError MS_NOT_FOUND or MS_STORE_FORMAT where there is nothing to check.
 */
export async function verifyDirectory(
    dataDir: string,
    keys: readonly KeyFile[],
    onProgress: (done: number, text: string) => void,
): Promise<VerifyReport> {
    requireDirectory(dataDir);
    const store = await openServerStore(PLACES.server(dataDir), { readOnly: true });
    const findings = new Findings();
    try {
        for (const text of await store.reader.fileFaults())
            findings.fault("MS_STORE_FORMAT", "store.db", text);
        const state = await checkGenesis(dataDir, store.reader, findings);
        if (state === null) return reportOf(findings, null);
        const head = await checkLedger(dataDir, state, store.reader, findings, onProgress);
        for (const key of keys) await checkKey(key, state, store.reader, findings);
        return reportOf(findings, head);
    } finally {
        await store.close();
    }
}

async function checkGenesis(
    dataDir: string,
    reader: StoreReader,
    findings: Findings,
): Promise<LedgerState | null> {
    const rows = await reader.meta();
    const genesis = rows.find((row) => row.key === "genesis")?.value;
    if (rows.length !== 1 || genesis === undefined) {
        findings.fault("MS_STORE_COLUMN", "meta", "It holds something else than the genesis.");
    }
    const state = stateOfGenesis(genesis ?? new Uint8Array());
    if (!state.ok) {
        findings.failed(state.error, "genesis");
        return null;
    }
    checkServerKey(dataDir, "operator.pem", state.value.genesis.operator, findings);
    checkServerKey(dataDir, "log.pem", state.value.genesis.logKey, findings);
    return state.value;
}

/** A server's own key file must be the one that the genesis names; an auditor's copy has none. */
function checkServerKey(dataDir: string, name: string, key: PublicKey, findings: Findings): void {
    const path = join(PLACES.serverKeys(dataDir), name);
    if (!existsSync(path)) return;
    try {
        const { publicKey } = signerFromPem(readFileSync(path, "utf8"));
        if (bytesEqual(kidOf(publicKey), kidOf(key))) return;
        findings.fault(
            "MS_GENESIS",
            `server/keys/${name}`,
            "It is not the key that the genesis names.",
        );
    } catch (cause) {
        findings.fault("MS_GENESIS", `server/keys/${name}`, `It is no key: ${reasonOf(cause)}`);
    }
}

async function checkLedger(
    dataDir: string,
    state: LedgerState,
    reader: StoreReader,
    findings: Findings,
    onProgress: (done: number, text: string) => void,
): Promise<TreeHead | null> {
    const { logSize } = await reader.counts();
    const chains = new ChainCheck();
    const log = new LogCheck(findings, state, reader, chains);
    await log.run(
        (done) => onProgress(done * 0.9, `${findings.counts.signatures} signatures`),
        logSize,
    );
    const head = await log.checkCheckpoints();
    for await (const row of reader.records()) {
        if (log.seen.has(row.n)) continue;
        findings.counts.records++;
        findings.counts.looseRecords++;
        const record = log.checkColumns(row);
        if (record === null) continue;
        await log.checkSignature(record, rowName(row));
        chains.add(record);
    }
    chains.run(findings);
    await checkVertexRows(reader, findings);
    await checkOutboxes(dataDir, {
        findings,
        networkId: state.networkId,
        log,
        tree: log.tree,
        chains,
    });
    return head;
}

/** Vertices that no log entry names: written before a crash and not submitted yet, at most a few. */
async function checkVertexRows(reader: StoreReader, findings: Findings): Promise<void> {
    for await (const row of reader.vertices()) {
        const logged = await reader.logOfVertex(row.n);
        if (logged === null) findings.notes.push(`vertex row ${row.n} is not in the log yet.`);
    }
}

/** Opens a household's registers and checks that none runs backwards or beyond what a connection carries. */
async function checkKey(
    key: KeyFile,
    state: LedgerState,
    reader: StoreReader,
    findings: Findings,
): Promise<void> {
    const where = `key file of ${key.name}`;
    if (!bytesEqual(key.network, state.networkId)) {
        findings.fault("MS_KEY_FOREIGN", where, "It belongs to another network.");
        return;
    }
    const records: MeterRecord[] = [];
    for await (const row of reader.recordsOf(key.meter)) {
        const record = parseRecord(row.bytes);
        if (record.ok) records.push(record.value);
    }
    const series = openSeries(key, records);
    if (!series.ok) {
        findings.failed(series.error, `${where}, meter ${toHex(key.meter)}`);
        return;
    }
    findings.counts.keys++;
    const verdict = checkPlausibility(series.value, key.stream.slotSeconds);
    for (const fault of verdict.faults) findings.failed(fault.error, `${where}, ${fault.where}`);
    if (verdict.checked === 0 && records[0] !== undefined) {
        findings.fault("MS_KEY_FOREIGN", where, `It opened nothing of ${recordName(records[0])}.`);
    }
}
