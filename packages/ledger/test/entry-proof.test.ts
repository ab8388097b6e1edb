import { unwrap } from "@meterseal/core";
import { TestParty } from "@meterseal/testkit/parties";
import { TEST_START_UNIX, TestNetwork } from "@meterseal/testkit/records";
import { describe, expect, it } from "vitest";
import { signCheckpoint } from "../src/checkpoint/checkpoint.ts";
import { formatEntryProof, verifyEntryProof } from "../src/checkpoint/entry-proof.ts";
import { formatTlogProof, parseTlogProof } from "../src/checkpoint/tlog-proof.ts";
import { entryLeafHash, type LogEntry } from "../src/entry.ts";
import { originOf } from "../src/genesis.ts";
import { MerkleLog } from "../src/merkle/log.ts";
import { codeOf } from "./world.ts";

const network = new TestNetwork("proofs");
const trust = { networkId: network.networkId, logKey: network.logSigner.publicKey };

async function prove(): Promise<{ entries: LogEntry[]; text: string }> {
    const home = await TestParty.make(network, "home");
    const notices = await Promise.all(["a", "b", "c"].map((name) => home.grant(name)));
    const entries = [home.party, ...notices].map(({ message }, i) => ({
        timeMs: TEST_START_UNIX * 1000 + i,
        item: message.bytes,
    }));
    const log = MerkleLog.of(entries.map(entryLeafHash));
    const origin = originOf(network.networkId);
    const note = await signCheckpoint(network.logSigner, origin, log.size, log.root());
    const place = { index: 2, path: log.inclusionPath(2, log.size) };
    return { entries, text: formatEntryProof(entries[2] as LogEntry, place, note) };
}

describe("a proof of an entry", () => {
    it("gives the entry, its place and the tree to whoever knows the genesis", async () => {
        const { entries, text } = await prove();
        const { entry, head, index } = unwrap(verifyEntryProof(text, trust));
        expect([entry, index, head.size]).toEqual([entries[2], 2, 4]);
    });

    it("fails with another entry, another time, another network, and without an entry", async () => {
        const { entries, text } = await prove();
        const { extra: _, ...rest } = unwrap(parseTlogProof(text));
        const place = { index: rest.index, path: rest.path };
        const [, other, own] = entries as [LogEntry, LogEntry, LogEntry, LogEntry];
        for (const entry of [other, { ...own, timeMs: own.timeMs + 1 }]) {
            const forged = formatEntryProof(entry, place, rest.checkpoint);
            expect(codeOf(verifyEntryProof(forged, trust))).toBe("MS_PROOF");
        }
        const elsewhere = new TestNetwork("elsewhere").networkId;
        expect(codeOf(verifyEntryProof(text, { ...trust, networkId: elsewhere }))).toBe(
            "MS_CHECKPOINT",
        );
        expect(codeOf(verifyEntryProof(formatTlogProof(rest), trust))).toBe("MS_LOG_LEAF");
        expect(codeOf(verifyEntryProof(text.slice(1), trust))).toBe("MS_PROOF");
    });
});
