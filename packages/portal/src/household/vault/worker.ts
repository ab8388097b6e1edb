/**
 * The worker that holds a household's key: reads the key file, fetches the evidence, verifies and
 * opens it. The key exists only here, in memory, and ends with the worker, unless its holder
 * asks to keep it on the device under a passphrase; what goes out to the
 * server is the meter's public pseudonym, what goes out to the page is {@link OpenHome}.
 */
import { bytesEqual, error, toHex, unwrap } from "@meterseal/core";
import { decodeEvidence, decodeGenesis, networkIdOf } from "@meterseal/ledger";
import { type KeyFile, openHousehold, parseKeyFile, type Verdict } from "@meterseal/wallet";
import { evidencePath, fetchBytes, fetchNetwork } from "../../api/client.ts";
import type { CallRequest, FromVault, OpenHome, ToVault, VerdictView } from "./messages.ts";
import {
    describeFailure,
    describeSharing,
    foreignNetworkProblem,
    keyFileProblem,
    NOT_REMEMBERED,
    OLD_BROWSER,
    WRONG_PASSPHRASE,
} from "./problems.ts";
import { loadRemembered, openKeys, saveRemembered, sealKeys } from "./remembered.ts";
import { HomeJournal } from "./sharing/journal.ts";
import { readParty } from "./sharing/party.ts";
import { type SharingHome, SharingSession } from "./sharing/session.ts";

/** Faults that are listed; the rest is counted. */
const FAULTS_LISTED = 20;

let key: KeyFile | null = null;
let keyText = "";
/** What the last check opened; grants are made from it. */
let home: SharingHome | null = null;
let session: SharingSession | null = null;
let signerText: string | null = null;

self.addEventListener("message", (event: MessageEvent<ToVault>) => {
    void handle(event.data);
});

async function handle(request: ToVault): Promise<void> {
    try {
        send(await answer(request));
    } catch (cause) {
        send({ type: "failed", problem: describeFailure(cause) });
    }
}

function answer(request: ToVault): Promise<FromVault> {
    switch (request.type) {
        case "open":
            return open(request.text);
        case "refresh":
            return refresh();
        case "remember":
            return remember(request.passphrase);
        case "unlock":
            return unlock(request.passphrase);
        case "call":
            return answerCall(request);
    }
}

/** One of the calls of the sharing page; what fails of it leaves the home open. */
async function answerCall(request: CallRequest): Promise<FromVault> {
    const { id } = request;
    try {
        return { type: "answer", id, answer: await sharingAnswer(request) };
    } catch (cause) {
        return { type: "refused", id, problem: describeSharing(cause) };
    }
}

async function sharingAnswer(request: CallRequest): Promise<unknown> {
    if (request.name === "loadSigner") {
        const { text } = request.request;
        const loaded = await openSession(text);
        const view = await loaded.list();
        session = loaded;
        signerText = text;
        return view;
    }
    if (session === null) throw error("MS_NOT_ALLOWED", { expected: "the signing key first" });
    switch (request.name) {
        case "list":
            return await session.list();
        case "judge":
            return await session.judge(request.request);
        case "grant":
            return await session.grant(request.request);
        case "revoke":
            return await session.revoke(request.request);
        case "accesses":
            return await session.accesses(request.request);
        case "tariffs":
            return await session.tariffs();
        case "amount":
            return await session.amount(request.request);
        case "saveJournal":
            return await session.saveJournal();
        case "takeJournal":
            return await session.takeJournal(request.request);
    }
}

/** The home as it was checked last. @throws MetersealError where the server's genesis is not the key's. */
function openedHome(): SharingHome {
    if (home === null) throw error("MS_GENESIS", { where: "what the server sent" });
    return home;
}

/** Signs in the name of the home from now on. @throws MetersealError for a file that is not its. */
async function openSession(text: string): Promise<SharingSession> {
    const { key: opener } = openedHome();
    const [party, journal] = [await readParty(text, opener), await HomeJournal.open(opener)];
    return new SharingSession(() => openedHome(), party, journal);
}

async function remember(passphrase: string): Promise<FromVault> {
    try {
        await saveRemembered(await sealKeys({ key: keyText, signer: signerText }, passphrase));
        return { type: "remembered" };
    } catch {
        return { type: "failed", problem: NOT_REMEMBERED };
    }
}

async function unlock(passphrase: string): Promise<FromVault> {
    send({ type: "stage", stage: "key" });
    const kept = await loadRemembered();
    const keys = kept === null ? null : await openKeys(kept, passphrase);
    if (keys === null) return { type: "failed", problem: WRONG_PASSPHRASE };
    const opened = await open(keys.key);
    if (opened.type !== "opened" || keys.signer === null) return opened;
    session = await openSession(keys.signer);
    signerText = keys.signer;
    return { ...opened, hasSigner: true };
}

async function open(text: string): Promise<FromVault> {
    if (typeof Uint8Array.fromHex !== "function") return { type: "failed", problem: OLD_BROWSER };
    send({ type: "stage", stage: "key" });
    const parsed = parseKeyFile(text);
    if (!parsed.ok) return { type: "failed", problem: keyFileProblem(parsed.error) };
    key = parsed.value;
    keyText = text;
    return await refresh();
}

async function refresh(): Promise<FromVault> {
    if (key === null) throw new Error("no key in the worker");
    send({ type: "stage", stage: "fetch" });
    const { networkId } = await fetchNetwork();
    if (networkId !== toHex(key.network)) {
        return { type: "failed", problem: foreignNetworkProblem(key, networkId) };
    }
    const bytes = await fetchBytes(evidencePath(toHex(key.meter)));
    send({ type: "stage", stage: "check" });
    return { type: "opened", home: check(key, bytes), hasSigner: session !== null };
}

function check(opener: KeyFile, bytes: Uint8Array): OpenHome {
    const startMs = performance.now();
    const evidence = unwrap(decodeEvidence(bytes));
    const { prunedBeforeUnix, verdicts, records, series } = unwrap(openHousehold(evidence, opener));
    const { checkpoint } = verdicts;
    const isGenuine = bytesEqual(networkIdOf(evidence.genesis), opener.network);
    home = isGenuine
        ? {
              key: opener,
              genesis: unwrap(decodeGenesis(evidence.genesis)),
              records: records.map(({ record }) => record),
              series,
          }
        : null;
    return {
        name: opener.name,
        meter: toHex(opener.meter),
        network: toHex(opener.network),
        zone: opener.zone,
        medium: opener.medium,
        slotSeconds: opener.stream.slotSeconds,
        isSealed: opener.master !== null,
        verdicts: {
            signature: viewOf(verdicts.signature),
            continuity: viewOf(verdicts.continuity),
            clock: viewOf(verdicts.clock),
            plausibility: viewOf(verdicts.plausibility),
        },
        checkpoint:
            checkpoint === null ? null : { size: checkpoint.size, rootHex: toHex(checkpoint.root) },
        records: records.length,
        prunedBeforeUnix,
        series,
        evidenceBytes: bytes.length,
        openMs: performance.now() - startMs,
    };
}

function viewOf({ checked, faults, holds }: Verdict): VerdictView {
    return {
        holds,
        checked,
        faultCount: faults.length,
        faults: faults.slice(0, FAULTS_LISTED).map(({ error, where }) => ({
            code: error.code,
            where,
            text: error.message.slice(error.code.length + 2),
        })),
    };
}

function send(message: FromVault): void {
    self.postMessage(message);
}
