import { MetersealError } from "@meterseal/core";
import { type LedgerState, stateOfGenesis, type TreeHead } from "@meterseal/ledger";
import type { KeyFile } from "@meterseal/wallet";
import { CarSource } from "../archive/car-source.ts";
import { checkFile } from "../contradictions/files.ts";
import { ChainCheck } from "./chain-check.ts";
import { noteContradiction } from "./contradiction-check.ts";
import { Findings } from "./findings.ts";
import { checkKey } from "./key-check.ts";
import { LogCheck } from "./log-check.ts";
import { checkLoose } from "./loose-check.ts";
import { reportOf, type VerifyReport } from "./report.ts";
import { checkSignedLog } from "./signed-check.ts";
import { checkAnchorProofs, checkNetwork, type VerifyOptions } from "./verify.ts";
import { checkOpenVertex } from "./vertex-check.ts";

/** What has been found out so far, for the report of a file that ends too early. */
type Progress = { state: LedgerState | null; head: TreeHead | null };

/**
 * Checks an archive as {@link verifyDirectory} checks the server's part of a directory: every block
 * against its name, every signature, chain link, vertex, leaf and checkpoint, and with key files the
 * sealed registers. A block that is not what its link names ends the check; the fault says where.
 * @throws MetersealError MS_NOT_FOUND where there is no such file.
 */
export async function verifyCar(
    path: string,
    keys: readonly KeyFile[],
    onProgress: (done: number, text: string) => void,
    options: VerifyOptions = {},
): Promise<VerifyReport> {
    const findings = new Findings();
    const progress: Progress = { state: null, head: null };
    let source: CarSource | null = null;
    try {
        source = new CarSource(
            path,
            keys.map(({ meter }) => meter),
        );
        await checkSource(source, progress, findings, onProgress, options);
        const { state } = progress;
        const { commitments = false } = options;
        if (state !== null) {
            const check = { state, reader: source, findings, commitments };
            for (const key of keys) await checkKey(key, check);
        }
    } catch (cause) {
        const known = cause instanceof MetersealError && cause.code !== "MS_NOT_FOUND";
        if (!known) throw cause;
        findings.failed(cause, cause.details.where ?? path);
        findings.notes.push("Nothing behind the block that is not whole was checked.");
    } finally {
        source?.close();
    }
    return reportOf(findings, progress.state, progress.head);
}

async function checkSource(
    source: CarSource,
    progress: Progress,
    findings: Findings,
    onProgress: (done: number, text: string) => void,
    options: VerifyOptions,
): Promise<void> {
    const genesis = stateOfGenesis(source.genesis);
    if (!genesis.ok) {
        findings.failed(genesis.error, "genesis");
        return;
    }
    const state = genesis.value;
    progress.state = state;
    const { network = null, policy = null, validators = null } = options;
    checkNetwork(state, network, findings);
    const { block, size } = source.root;
    const chains = new ChainCheck(() => block !== undefined || state.authors.size > 1);
    const log = new LogCheck(findings, state, source, chains, source.root.prunings ?? []);
    const head =
        block === undefined
            ? null
            : { height: block.height, appHash: block.appHash, engineState: block.state };
    const signed = { source, size, block: head, commits: source.commits };
    progress.head = await checkSignedLog(
        { ...signed, policy, validators },
        log,
        { state, findings },
        () => onProgress(source.done, `${findings.counts.signatures} signatures`),
    );
    for await (const item of source.waiting()) {
        if (item.kind === "vertex") {
            checkOpenVertex(item.row, item.body, state, findings);
        }
        const rows = item.kind === "vertex" ? item.body : [item.row];
        for (const row of rows) await checkLoose(row, { log, chains, findings });
    }
    chains.run(findings);
    for (const bytes of source.contradictions()) {
        noteContradiction(checkFile("in the archive", bytes, state.networkId), findings);
    }
    const archived = [...source.anchors()];
    await checkAnchorProofs({ archived }, options, { state, tree: log.tree, findings });
    findings.notes.push(
        "An archive holds no meter's outbox: a log that was cut at its end would not show here.",
    );
}
