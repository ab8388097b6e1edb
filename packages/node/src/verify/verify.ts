import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
    bytesEqual,
    error,
    fail,
    ok,
    type PublicKey,
    plainBytes,
    type Result,
    toHex,
    utf8,
} from "@meterseal/core";
import { signerFromPem, verifySignatureInPool } from "@meterseal/core/node";
import {
    type LedgerState,
    type MerkleLog,
    type Policy,
    stateOfGenesis,
    type TreeHead,
} from "@meterseal/ledger";
import { kidOf } from "@meterseal/record";
import { openServerStore, type ServerStore, type StoreReader } from "@meterseal/stores/sqlite";
import { type KeyFile, parseKeyFile } from "@meterseal/wallet";
import { anchorProofFiles } from "../anchor/proof-files.ts";
import { PLACES, reasonOf, requireDirectory } from "../files.ts";
import { checkBox } from "./box-check.ts";
import { ChainCheck } from "./chain-check.ts";
import { checkContradictions } from "./contradiction-check.ts";
import { Findings } from "./findings.ts";
import { checkKey } from "./key-check.ts";
import { LogCheck, rowName } from "./log-check.ts";
import { checkLoose } from "./loose-check.ts";
import { checkOutboxes } from "./outbox-check.ts";
import { checkParties } from "./party-check.ts";
import { pruningsOf } from "./pruning-check.ts";
import { reportOf, type VerifyReport } from "./report.ts";
import { checkSignedLog, type SignedLog } from "./signed-check.ts";
import { checkOpenVertices, FIRST_ROW } from "./vertex-check.ts";

/** Genesis, what witnesses have cosigned, and what validators have agreed on. */
const META_KEYS = ["genesis", "cosigned", "block", "commits"];
const TEST_MESSAGE: Uint8Array = utf8("meterseal verify");

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

/** What a check is asked for besides. */
export type VerifyOptions = {
    /** With keys: also that each commitment hides its register. */
    readonly commitments?: boolean;
    /** Whose cosignatures a checkpoint must carry; absent or null for nobody's. */
    readonly policy?: Policy | null;
    /** Hash of the first validators of a network of several, 32 bytes; absent or null for unknown. */
    readonly validators?: Uint8Array | null;
    /** The network that it must be, 32 bytes; absent or null for any. */
    readonly network?: Uint8Array | null;
    /** Files with proofs of anchors on an EVM chain, beside those of the directory. */
    readonly anchors?: readonly string[];
    /** Node of that chain, asked whether it has their blocks; absent or null for none. */
    readonly anchorRpc?: string | null;
};

/**
 * Checks a data directory as an auditor would, without a server and without writing: the store
 * against itself, every signature, chain link, vertex, leaf and checkpoint, what the meters
 * remember, and with key files the sealed registers, on request also each meter's commitments to them.
 * @throws MetersealError MS_NOT_FOUND or MS_STORE_FORMAT where there is nothing to check.
 */
export async function verifyDirectory(
    dataDir: string,
    keys: readonly KeyFile[],
    onProgress: (done: number, text: string) => void,
    options: VerifyOptions = {},
): Promise<VerifyReport> {
    requireDirectory(dataDir);
    const store = await openServerStore(PLACES.server(dataDir), { readOnly: true });
    const findings = new Findings();
    try {
        for (const text of await store.reader.fileFaults())
            findings.fault("MS_STORE_FORMAT", "store.db", text);
        const state = await checkGenesis(dataDir, store.reader, findings);
        if (state === null) return reportOf(findings, null, null);
        const { commitments = false, network = null, policy = null, validators = null } = options;
        checkNetwork(state, network, findings);
        const ledger = { state, store, asked: { policy, validators } };
        const { head, tree } = await checkLedger(dataDir, ledger, findings, onProgress);
        const files = anchorProofFiles(dataDir).map(({ path }) => path);
        await checkAnchorProofs({ files }, options, { state, tree, findings });
        const check = { state, reader: store.reader, findings, commitments };
        await checkBox(PLACES.server(dataDir), state, findings);
        checkParties(dataDir, state, findings);
        checkContradictions(dataDir, state, findings);
        for (const key of keys) await checkKey(key, check);
        return reportOf(findings, state, head);
    } finally {
        await store.close();
    }
}

/** Holds the genesis against the network that the reader means. */
export function checkNetwork(
    { networkId }: LedgerState,
    network: Uint8Array | null,
    findings: Findings,
): void {
    if (network === null || bytesEqual(network, networkId)) return;
    findings.fault("MS_NETWORK", "genesis", `It is that of network ${toHex(networkId)}.`);
}

/** Where proofs of anchors come from, beside the files that were given. */
export type OwnAnchors = {
    /** Proof files of a data directory. */
    readonly files?: readonly string[];
    /** Proofs that an archive carries. */
    readonly archived?: readonly Uint8Array[];
};

/** Checks the proofs of anchors that are there, and those that were given besides. */
export async function checkAnchorProofs(
    { archived = [], files = [] }: OwnAnchors,
    { anchorRpc = null, anchors = [] }: VerifyOptions,
    check: { readonly state: LedgerState; readonly tree: MerkleLog; readonly findings: Findings },
): Promise<void> {
    const paths = [...files, ...anchors];
    if (paths.length + archived.length === 0) return;
    const { checkAnchors, proofOfArchive, proofOfFile } = await import("../anchor/check.ts");
    const proofs = [...paths.map(proofOfFile), ...archived.map(proofOfArchive)];
    await checkAnchors(proofs, { ...check, rpc: anchorRpc });
}

async function checkGenesis(
    dataDir: string,
    reader: StoreReader,
    findings: Findings,
): Promise<LedgerState | null> {
    const rows = await reader.meta();
    const genesis = rows.find((row) => row.key === "genesis")?.value;
    if (genesis === undefined || rows.some(({ key }) => !META_KEYS.includes(key))) {
        findings.fault("MS_STORE_COLUMN", "meta", "It holds something else than the genesis.");
    }
    const state = stateOfGenesis(genesis ?? new Uint8Array());
    if (!state.ok) {
        findings.failed(state.error, "genesis");
        return null;
    }
    await checkServerKey(dataDir, "operator.pem", state.value.genesis.operator, findings);
    await checkServerKey(dataDir, "log.pem", state.value.genesis.logKey, findings);
    return state.value;
}

/** A server's own key file must be the one that the log names; an auditor's copy has none. */
async function checkServerKey(
    dataDir: string,
    name: string,
    key: PublicKey,
    findings: Findings,
): Promise<void> {
    const path = join(PLACES.serverKeys(dataDir), name);
    const where = `server/keys/${name}`;
    if (!existsSync(path)) return;
    try {
        const signer = signerFromPem(readFileSync(path, "utf8"));
        // A file holds both halves of its key: the private one must be that of the public one.
        const signature = plainBytes(await signer.sign(TEST_MESSAGE));
        const { algorithm } = key;
        const works = await verifySignatureInPool(key, algorithm, TEST_MESSAGE, signature);
        if (works && bytesEqual(kidOf(signer.publicKey), kidOf(key))) return;
        findings.fault("MS_GENESIS", where, "It is not the key that the log names.");
    } catch (cause) {
        findings.fault("MS_GENESIS", where, `It is no key: ${reasonOf(cause)}`);
    }
}

/** The collector's own files must be those of an author that the log admits. */
async function checkCollector(
    dataDir: string,
    state: LedgerState,
    findings: Findings,
): Promise<void> {
    const path = join(PLACES.serverKeys(dataDir), "collector.id");
    if (!existsSync(path) || state.authors.size === 0) return;
    const author = state.authors.get(readFileSync(path, "utf8").trim());
    if (author === undefined) {
        const message = "The log admits no collector of this id.";
        findings.fault("MS_GENESIS", "server/keys/collector.id", message);
    } else await checkServerKey(dataDir, "collector.pem", author.enrolment.key, findings);
}

type AskedLedger = {
    readonly state: LedgerState;
    readonly store: ServerStore;
    readonly asked: Pick<SignedLog, "policy" | "validators">;
};

async function checkLedger(
    dataDir: string,
    { asked, state, store }: AskedLedger,
    findings: Findings,
    onProgress: (done: number, text: string) => void,
): Promise<{ readonly head: TreeHead | null; readonly tree: MerkleLog }> {
    const { reader } = store;
    const { logSize, records } = await reader.counts();
    const block = await store.blockHead();
    const chains = new ChainCheck(() => block !== null || state.authors.size > 1);
    const prunings = pruningsOf(await reader.prunings());
    const log = new LogCheck(findings, state, reader, chains, prunings, records);
    const signed = { source: reader, size: logSize, block, commits: await store.commits() };
    const head = await checkSignedLog({ ...signed, ...asked }, log, { state, findings }, (done) =>
        onProgress(done * 0.9, `${findings.counts.signatures} signatures`),
    );
    await checkCollector(dataDir, state, findings);
    let next = 1;
    for await (const n of reader.recordNumbers(FIRST_ROW)) {
        const seen = log.seen.has(n);
        if (seen && n === next) {
            next++;
            continue;
        }
        const row = await reader.record(n);
        if (row === null) continue; // the file itself is at fault, and was found to be
        if (n !== next) {
            const message = `The row before it has number ${next - 1}; rows are never removed.`;
            findings.fault("MS_STORE_COLUMN", `${rowName(row)}, column n`, message);
        }
        next = n + 1;
        if (!seen) await checkLoose(row, { log, chains, findings });
    }
    chains.run(findings);
    await checkOpenVertices(reader, state, findings);
    await checkOutboxes(dataDir, {
        findings,
        state,
        log,
        tree: log.tree,
        chains,
        lastRow: next - 1,
        reopen: () => openServerStore(PLACES.server(dataDir), { readOnly: true }),
    });
    return { head, tree: log.tree };
}
