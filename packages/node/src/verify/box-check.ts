import { existsSync } from "node:fs";
import { join } from "node:path";
import { bytesEqual, toHex } from "@meterseal/core";
import { type LedgerState, noticeKey } from "@meterseal/ledger";
import { type BoxMessage, verifySign1 } from "@meterseal/record";
import { BOX_FILE, openGrantBox } from "@meterseal/stores/sqlite";
import { type BoxMessageHead, parseBoxMessage } from "../party/box-message.ts";
import type { Findings } from "./findings.ts";

const PAGE = 100;

/** Checks each message of a server's grant box: bytes, columns, signature, and its notice in the log. */
export async function checkBox(
    serverDir: string,
    state: LedgerState,
    findings: Findings,
): Promise<void> {
    if (!existsSync(join(serverDir, BOX_FILE))) return;
    const box = await openGrantBox(serverDir, { readOnly: true });
    try {
        for (const text of await box.fileFaults())
            findings.fault("MS_STORE_FORMAT", BOX_FILE, text);
        for (let after = 0; ; ) {
            const page = await box.page(after, PAGE);
            for (const message of page) checkMessage(message, state, findings);
            const last = page.at(-1);
            if (last === undefined) return;
            after = last.row;
        }
    } finally {
        await box.close();
    }
}

function checkMessage(
    boxed: BoxMessage & { row: number },
    state: LedgerState,
    findings: Findings,
): void {
    const where = `grant box, row ${boxed.row}`;
    findings.counts.boxed++;
    let head: BoxMessageHead;
    try {
        head = parseBoxMessage(boxed.bytes, boxed.kind);
    } catch (cause) {
        findings.failed(cause, where);
        return;
    }
    for (const [name, same] of [
        ["hash", bytesEqual(boxed.hash, head.message.hash)],
        ["issuer", bytesEqual(boxed.issuer, head.issuer)],
        ["recipient", bytesEqual(boxed.recipient, head.recipient)],
    ] as const) {
        const place = `${where}, column ${name}`;
        if (!same) findings.fault("MS_STORE_COLUMN", place, "It contradicts the signed bytes.");
    }
    const signer = state.partyKeys.get(toHex(head.message.kid));
    findings.counts.signatures++;
    const own = signer !== undefined && bytesEqual(signer.id, head.issuer);
    if (!own || !verifySign1(head.message, signer.key)) {
        findings.fault("MS_SIGNATURE_BAD", where, "Its household did not sign it.");
    }
    if (!state.notices.has(noticeKey(head.issuer, boxed.kind, head.message.hash))) {
        findings.fault("MS_GRANT_NOTICE", where, "The log has no notice of it.");
    }
}
