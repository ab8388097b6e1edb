import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { toHex } from "@meterseal/core";
import {
    entryLeafHash,
    formatEntryProof,
    type LogEntry,
    MerkleLog,
    originOf,
    signCheckpoint,
} from "@meterseal/ledger";
import { NOTICE_KIND, PARTY_ROLE } from "@meterseal/record";
import { testBytes } from "@meterseal/testkit/keys";
import { TestParty } from "@meterseal/testkit/parties";
import { TEST_LATER_MS, TestNetwork } from "@meterseal/testkit/records";
import { afterAll, describe, expect, it } from "vitest";
import { formatPartyAnswer } from "../packages/node/src/party/exchange.ts";

const reader = fileURLToPath(new URL("../examples/independent-reader/notices.py", import.meta.url));
const isThere = (command: string, word: string): boolean => spawnSync(command, [word]).status === 0;
const ready = isThere("python3", "--version") && isThere("openssl", "version");
const folder = mkdtempSync(join(tmpdir(), "meterseal notices "));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Answer = { readonly status: number; readonly said: string };
let runs = 0;

/** Runs the reader over the answer that the checker holds, and two proofs. */
function read(answer: string, party: string, notice: string): Promise<Answer> {
    runs++;
    const paths = [answer, party, notice].map((text, i) => {
        const path = join(folder, `${runs} ${i}`);
        writeFileSync(path, text);
        return path;
    });
    return new Promise((resolve) => {
        execFile("python3", [reader, ...paths], (failure, said, complaint) => {
            const status = failure === null ? 0 : Number(failure.code);
            resolve({ status, said: said + complaint });
        });
    });
}

const network = new TestNetwork("notices");
const hash = testBytes("a grant", 32);

/** A household, what it said, and a provider that checks it; in a log of its own. */
async function story() {
    const home = await TestParty.make(network, "home");
    const provider = await TestParty.make(network, "provider", {
        payload: { role: PARTY_ROLE.provider },
    });
    const items = [
        home.party,
        provider.party,
        await home.notice({ kind: NOTICE_KIND.grant, hash }),
        await home.notice({ kind: NOTICE_KIND.revocation, hash }),
        await provider.notice({ kind: NOTICE_KIND.grant, hash }),
        await home.notice({ kind: NOTICE_KIND.grant, hash }, {}, provider.signer),
        await home.notice({ kind: NOTICE_KIND.policy, hash }, { timeUnix: TEST_LATER_MS }),
    ];
    const entries: LogEntry[] = items.map(({ message }, i) => ({
        timeMs: TEST_LATER_MS + i,
        item: message.bytes,
    }));
    const log = MerkleLog.of(entries.map(entryLeafHash));
    const origin = originOf(network.networkId);
    const note = await signCheckpoint(network.logSigner, origin, log.size, log.root());
    const proofOf = (index: number): string =>
        formatEntryProof(
            entries[index] as LogEntry,
            { index, path: log.inclusionPath(index) },
            note,
        );
    const answer = formatPartyAnswer({
        network: network.networkId,
        genesis: network.genesis,
        party: provider.party.message.bytes,
    });
    return { answer, proofOf };
}

describe.skipIf(!ready)("the independent reader of notices", () => {
    it("says who issued or revoked what, and when", async () => {
        const { answer, proofOf } = await story();
        const grant = await read(answer, proofOf(0), proofOf(2));
        expect(grant).toMatchObject({ status: 0 });
        expect(grant.said).toContain(`home: grant ${toHex(hash)}`);
        const revoked = await read(answer, proofOf(0), proofOf(3));
        expect(revoked.said).toContain(`home: revocation ${toHex(hash)}`);
        expect(revoked.said).toContain("leaf 3 of the log");
    });

    it("finds a role that may not, a key of somebody else, a time ahead, another network", async () => {
        const { answer, proofOf } = await story();
        for (const [party, notice] of [
            [1, 4],
            [0, 5],
            [1, 2],
            [0, 6],
            [2, 3],
        ] as const) {
            const found = await read(answer, proofOf(party), proofOf(notice));
            expect(found.status, `${party} ${notice}`).toBe(1);
            expect(found.said).toMatch(/^FAULT at (party|notice)/);
        }
        const other = new TestNetwork("elsewhere");
        const elsewhere = formatPartyAnswer({
            ...{ network: other.networkId, genesis: other.genesis, party: new Uint8Array(1) },
        });
        expect(await read(elsewhere, proofOf(0), proofOf(2))).toMatchObject({ status: 1 });
    });

    it("finds one changed character of a proof", async () => {
        const { answer, proofOf } = await story();
        const good = proofOf(2);
        const places = [30, 100, 250, good.indexOf("index ") + 6, good.length - 20];
        for (const at of places) {
            const swapped = good[at] === "A" ? "B" : "A";
            const bad = good.slice(0, at) + swapped + good.slice(at + 1);
            expect((await read(answer, proofOf(0), bad)).status, `character ${at}`).toBe(1);
        }
    });
});
