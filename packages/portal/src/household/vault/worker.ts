/**
 * The worker that holds a household's key: reads the key file, fetches the evidence, verifies and
 * opens it. The key exists only here, in memory, and ends with the worker, unless its holder
 * asks to keep it on the device under a passphrase; what goes out to the
 * server is the meter's public pseudonym, what goes out to the page is {@link OpenHome}.
 */
import { toHex, unwrap } from "@meterseal/core";
import { decodeEvidence } from "@meterseal/ledger";
import { type KeyFile, openHousehold, parseKeyFile, type Verdict } from "@meterseal/wallet";
import { evidencePath, fetchBytes, fetchNetwork } from "../../api/client.ts";
import type { FromVault, OpenHome, ToVault, VerdictView } from "./messages.ts";
import {
    describeFailure,
    foreignNetworkProblem,
    keyFileProblem,
    NOT_REMEMBERED,
    OLD_BROWSER,
    WRONG_PASSPHRASE,
} from "./problems.ts";
import { loadRemembered, openKeyText, saveRemembered, sealKeyText } from "./remembered.ts";

/** Faults that are listed; the rest is counted. */
const FAULTS_LISTED = 20;

let key: KeyFile | null = null;
let keyText = "";

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
    }
}

async function remember(passphrase: string): Promise<FromVault> {
    try {
        await saveRemembered(await sealKeyText(keyText, passphrase));
        return { type: "remembered" };
    } catch {
        return { type: "failed", problem: NOT_REMEMBERED };
    }
}

async function unlock(passphrase: string): Promise<FromVault> {
    send({ type: "stage", stage: "key" });
    const kept = await loadRemembered();
    const text = kept === null ? null : await openKeyText(kept, passphrase);
    return text === null ? { type: "failed", problem: WRONG_PASSPHRASE } : await open(text);
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
    return { type: "opened", home: check(key, bytes) };
}

function check(opener: KeyFile, bytes: Uint8Array): OpenHome {
    const startMs = performance.now();
    const evidence = unwrap(decodeEvidence(bytes));
    const { verdicts, records, series } = unwrap(openHousehold(evidence, opener));
    const { checkpoint } = verdicts;
    return {
        name: opener.name,
        meter: toHex(opener.meter),
        network: toHex(opener.network),
        zone: opener.zone,
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
