import { error } from "@meterseal/core";
import type { Request, RequestCheckTx, Response } from "cosmjs-types/tendermint/abci/types";
import type { Application } from "../application.ts";
import type { Snapshots } from "../snapshots.ts";

const ACCEPT = 1;
const REJECT = 2;
/** CheckTxType of a transaction that the mempool has, after a block. */
const RECHECK = 1;
const CODESPACE = "meterseal";
const BYTES = new Uint8Array();

/** Version of the application's rules; a change of what blocks do is a change of this number. */
const APP_VERSION = 2n;

/** Answers the methods of ABCI 2.0 that apply; vote extensions are off and say nothing. */
export async function answerAbci(
    app: Application,
    snapshots: Snapshots,
    request: Request,
): Promise<Response> {
    if (request.echo !== undefined) return { echo: request.echo };
    if (request.flush !== undefined) return { flush: {} };
    if (request.info !== undefined) {
        await app.settled();
        return { info: infoOf(app) };
    }
    if (request.checkTx !== undefined) return { checkTx: await checkTx(app, request.checkTx) };
    if (request.prepareProposal !== undefined) {
        const { maxTxBytes, txs } = request.prepareProposal;
        return { prepareProposal: { txs: app.prepare(txs, Number(maxTxBytes)) } };
    }
    if (request.processProposal !== undefined) {
        const status = (await app.process(request.processProposal.txs)) ? ACCEPT : REJECT;
        return { processProposal: { status } };
    }
    if (request.finalizeBlock !== undefined) {
        return { finalizeBlock: await app.finalize(request.finalizeBlock) };
    }
    if (request.commit !== undefined) {
        await app.commit();
        return { commit: { retainHeight: 0n } };
    }
    if (request.initChain !== undefined)
        return { initChain: await app.initChain(request.initChain) };
    if (request.query !== undefined) return { query: notServed(app) };
    if (request.extendVote !== undefined) return { extendVote: { voteExtension: BYTES } };
    if (request.verifyVoteExtension !== undefined) {
        const { voteExtension } = request.verifyVoteExtension;
        return { verifyVoteExtension: { status: voteExtension.length === 0 ? ACCEPT : REJECT } };
    }
    return await answerSnapshots(snapshots, request);
}

async function answerSnapshots(snapshots: Snapshots, request: Request): Promise<Response> {
    if (request.listSnapshots !== undefined) {
        return { listSnapshots: { snapshots: snapshots.list() } };
    }
    if (request.offerSnapshot !== undefined) {
        return { offerSnapshot: { result: snapshots.offer(request.offerSnapshot) } };
    }
    if (request.loadSnapshotChunk !== undefined) {
        return { loadSnapshotChunk: { chunk: await snapshots.load(request.loadSnapshotChunk) } };
    }
    if (request.applySnapshotChunk !== undefined) {
        return { applySnapshotChunk: await snapshots.apply(request.applySnapshotChunk) };
    }
    return { exception: { error: "a method that ABCI 2.0 does not have" } };
}

function infoOf(app: Application): NonNullable<Response["info"]> {
    const { appHash, height } = app.info();
    return {
        data: "meterseal",
        version: "",
        appVersion: APP_VERSION,
        lastBlockHeight: BigInt(height),
        // Before the first block CometBFT takes the hash that InitChain answers.
        lastBlockAppHash: height === 0 ? BYTES : appHash,
    };
}

async function checkTx(
    app: Application,
    { tx, type }: RequestCheckTx,
): Promise<NonNullable<Response["checkTx"]>> {
    // A node that is still joining has no state to judge by.
    const screen = () => (type === RECHECK ? app.rescreen(tx) : app.screen(tx));
    const refusal = app.ledger === null ? error("MS_BUSY") : await screen();
    return {
        code: refusal === null ? 0 : 1,
        data: BYTES,
        log: refusal?.code ?? "",
        info: "",
        gasWanted: 0n,
        gasUsed: 0n,
        events: [],
        codespace: refusal === null ? "" : CODESPACE,
    };
}

/** Queries go to our own API, which gives proofs. */
function notServed(app: Application): NonNullable<Response["query"]> {
    return {
        code: 1,
        log: "MS_NOT_FOUND: ask the HTTP API, which answers with proofs",
        info: "",
        index: 0n,
        key: BYTES,
        value: BYTES,
        height: BigInt(app.info().height),
        codespace: CODESPACE,
    };
}
