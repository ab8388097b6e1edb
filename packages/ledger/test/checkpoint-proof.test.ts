import { readFileSync } from "node:fs";
import {
    fromHex,
    MetersealError,
    type Result,
    sha256,
    toBase64,
    toHex,
    unwrap,
    utf8,
} from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import { describe, expect, it } from "vitest";
import { signCheckpoint } from "../src/checkpoint/checkpoint.ts";
import { parseVerifierKey } from "../src/checkpoint/note-key.ts";
import {
    formatTlogProof,
    parseTlogProof,
    TLOG_PROOF_LIMITS,
    verifyTlogProof,
} from "../src/checkpoint/tlog-proof.ts";
import { leafHash } from "../src/merkle/hash.ts";
import { MerkleLog } from "../src/merkle/log.ts";

type Vectors = {
    accepted: {
        index: number;
        pathOf: string[];
        extraUtf8?: string;
        checkpoint: string;
        text: string;
    }[];
    refused: { why: string; text: string }[];
};
const read = (name: string): string =>
    readFileSync(new URL(`../../../vectors/${name}`, import.meta.url), "utf8");
const vectors: Vectors = JSON.parse(read("checkpoint/tlog-proofs.json"));
const codeOf = (result: Result<unknown>): string => (result.ok ? "ok" : result.error.code);
const thrown = (action: () => unknown): string => {
    try {
        action();
    } catch (caught) {
        return caught instanceof MetersealError ? caught.code : String(caught);
    }
    return "nothing thrown";
};

describe("proof texts", () => {
    it.each(vectors.accepted)("reads and writes $text", (entry) => {
        const path = entry.pathOf.map((text) => new Uint8Array(sha256(utf8(text))));
        const extra = entry.extraUtf8 === undefined ? {} : { extra: utf8(entry.extraUtf8) };
        const proof = { index: entry.index, path, ...extra, checkpoint: entry.checkpoint };
        expect(formatTlogProof(proof)).toBe(entry.text);
        expect(unwrap(parseTlogProof(entry.text))).toEqual(proof);
        expect(unwrap(parseTlogProof(utf8(entry.text)))).toEqual(proof);
    });
    it.each(vectors.refused)("refuses $why", ({ text }) => {
        expect(codeOf(parseTlogProof(text))).toBe("MS_PROOF");
        expect(codeOf(parseTlogProof(utf8(text)))).toBe("MS_PROOF");
    });
    it("refuses too long a path, too much extra data and too long a text", () => {
        const hash = sha256(utf8("hash"));
        const base = { index: 1, path: [hash], checkpoint: "checkpoint\n" };
        const path = (length: number): Uint8Array[] => Array.from({ length }, () => hash);
        const extra = new Uint8Array(TLOG_PROOF_LIMITS.extraBytes);
        const most = formatTlogProof({ ...base, path: path(48), extra });
        expect(codeOf(parseTlogProof(most))).toBe("ok");
        const more = new Uint8Array(TLOG_PROOF_LIMITS.extraBytes + 1);
        expect(thrown(() => formatTlogProof({ ...base, extra: more }))).toBe("MS_PROOF");
        expect(thrown(() => formatTlogProof({ ...base, path: path(49) }))).toBe("MS_PROOF");
        const checkpoint = `${"a".repeat(TLOG_PROOF_LIMITS.proofBytes)}\n`;
        expect(thrown(() => formatTlogProof({ ...base, checkpoint }))).toBe("MS_PROOF");
    });
    it("does not write what it would read otherwise", () => {
        const base = { index: 1, path: [sha256(utf8("hash"))], checkpoint: "checkpoint\n" };
        for (const index of [-1, 0.5, Number.NaN, 2 ** 48, 1e21]) {
            expect(thrown(() => formatTlogProof({ ...base, index }))).toBe("MS_PROOF");
        }
        for (const hash of [new Uint8Array(0), new Uint8Array(31), new Uint8Array(33)]) {
            expect(thrown(() => formatTlogProof({ ...base, path: [hash] }))).toBe("MS_PROOF");
        }
        for (const checkpoint of ["", "checkpoint"]) {
            expect(thrown(() => formatTlogProof({ ...base, checkpoint }))).toBe("MS_PROOF");
        }
    });
    it("keeps empty extra data apart from none", () => {
        const base = { index: 1, path: [], checkpoint: "checkpoint\n" };
        const text = formatTlogProof({ ...base, extra: new Uint8Array(0) });
        expect(text).toContain("\nextra \n");
        expect(unwrap(parseTlogProof(text)).extra).toEqual(new Uint8Array(0));
        expect(unwrap(parseTlogProof(formatTlogProof(base))).extra).toBeUndefined();
    });
});

describe("proofs of entries", async () => {
    const entries = Array.from({ length: 100 }, (_, i) => utf8(`entry ${i}`));
    const log = MerkleLog.of(entries.map((entry) => leafHash(entry)));
    const signer = signerFromPem(generatePrivateKeyPem("edDsa"));
    const origin = "meterseal.example/log";
    const checkpoint = await signCheckpoint(signer, origin, log.size, log.root());
    const proofOf = (index: number, path = log.inclusionPath(index)): string =>
        formatTlogProof({ index, path, extra: utf8("record path"), checkpoint });
    const trustOf = (index: number) => ({
        origin,
        publicKey: signer.publicKey,
        leafHash: log.leafHash(index),
    });

    it("proves every entry", () => {
        for (let index = 0; index < log.size; index++) {
            const verified = unwrap(verifyTlogProof(proofOf(index), trustOf(index)));
            expect({ ...verified, root: toHex(verified.root) }).toEqual({
                origin,
                size: 100,
                root: toHex(log.root()),
                index,
                extra: utf8("record path"),
            });
        }
    });
    it("refuses another leaf, index or path", () => {
        expect(codeOf(verifyTlogProof(proofOf(5), trustOf(6)))).toBe("MS_PROOF");
        const wrongPlace = proofOf(5).replace("index 5", "index 6");
        expect(codeOf(verifyTlogProof(wrongPlace, trustOf(5)))).toBe("MS_PROOF");
        const beyond = proofOf(5).replace("index 5", "index 100");
        expect(codeOf(verifyTlogProof(beyond, trustOf(5)))).toBe("MS_PROOF");
        const path = log.inclusionPath(5).with(3, log.leafHash(9));
        expect(codeOf(verifyTlogProof(proofOf(5, path), trustOf(5)))).toBe("MS_PROOF");
        const shorter = log.inclusionPath(5).slice(1);
        expect(codeOf(verifyTlogProof(proofOf(5, shorter), trustOf(5)))).toBe("MS_PROOF");
    });
    it("refuses a checkpoint of another key, origin or size", async () => {
        const other = signerFromPem(generatePrivateKeyPem("edDsa"));
        const { publicKey } = other;
        const proof = proofOf(5);
        const trust = trustOf(5);
        expect(codeOf(verifyTlogProof(proof, { ...trust, publicKey }))).toBe("MS_CHECKPOINT");
        expect(codeOf(verifyTlogProof(proof, { ...trust, origin: "other" }))).toBe("MS_CHECKPOINT");
        const grown = proof.replace("\n100\n", "\n101\n");
        expect(codeOf(verifyTlogProof(grown, trust))).toBe("MS_CHECKPOINT");
        const unsigned = proof.replace(/\n\u2014 .*\n$/, "\n");
        expect(codeOf(verifyTlogProof(unsigned, trust))).toBe("MS_CHECKPOINT");
        const earlier = await signCheckpoint(signer, origin, 50, log.root(50));
        const stale = formatTlogProof({
            index: 5,
            path: log.inclusionPath(5),
            checkpoint: earlier,
        });
        expect(codeOf(verifyTlogProof(stale, trust))).toBe("MS_PROOF");
        const fitting = log.inclusionPath(5, 50);
        const old = formatTlogProof({ index: 5, path: fitting, checkpoint: earlier });
        expect(unwrap(verifyTlogProof(old, trust)).size).toBe(50);
    });
    it("does not authenticate the extra data, and says nothing else of it", () => {
        const changed = proofOf(5).replace(toBase64(utf8("record path")), "AAAA");
        expect(unwrap(verifyTlogProof(changed, trustOf(5))).extra).toEqual(new Uint8Array(3));
    });
    it("joins the published tree with our frozen checkpoint", () => {
        const tree = JSON.parse(read("merkle/rfc6962-reference.json"));
        const { ours } = JSON.parse(read("checkpoint/checkpoints.json"));
        const inclusion = tree.inclusion.find(
            (entry: { index: number; size: number }) => entry.index === 5 && entry.size === 8,
        );
        const text = formatTlogProof({
            index: 5,
            path: inclusion.path.map(fromHex),
            checkpoint: ours.note,
        });
        const trust = {
            origin: ours.origin,
            publicKey: unwrap(parseVerifierKey(ours.verifierKey)).publicKey,
            leafHash: leafHash(fromHex(tree.leaves[5])),
        };
        expect(unwrap(verifyTlogProof(text, trust)).size).toBe(8);
    });
});
