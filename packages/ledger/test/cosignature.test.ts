import { readFileSync } from "node:fs";
import { fromHex, MetersealError, type Result, unwrap, utf8 } from "@meterseal/core";
import { generatePrivateKeyPem, rawSignerFromPem, signerFromPem } from "@meterseal/core/node";
import { describe, expect, it } from "vitest";
import { signCheckpoint } from "../src/checkpoint/checkpoint.ts";
import {
    COSIGNATURE,
    type Cosigner,
    type CosignerKey,
    cosign,
    formatCosignerKey,
    parseCosignerKey,
    verifyCosignature,
} from "../src/checkpoint/cosignature.ts";
import { formatNote, parseNote } from "../src/checkpoint/note.ts";

type Vectors = {
    published: { note: string; witnesses: { verifierKey: string; timeUnix: number }[] };
    mlDsa44: { note: string; verifierKey: string; timeUnix: number };
};
const vectors: Vectors = JSON.parse(
    readFileSync(new URL("../../../vectors/checkpoint/cosignatures.json", import.meta.url), "utf8"),
);
const codeOf = (result: Result<unknown>): string => (result.ok ? "ok" : result.error.code);
const ROOT = fromHex("aa".repeat(32));

function cosignerOf(kind: "edDsa" | "mlDsa44", name: string): Cosigner {
    const { publicKey, sign } = rawSignerFromPem(generatePrivateKeyPem(kind));
    return { name, type: kind === "edDsa" ? 4 : 6, publicKey, sign };
}

/** A checkpoint of a log with the cosignature of each of the witnesses. */
async function cosignedNote(...cosigners: Cosigner[]): Promise<string> {
    const log = signerFromPem(generatePrivateKeyPem("edDsa"));
    const note = unwrap(parseNote(await signCheckpoint(log, "example.com/log", 7, ROOT)));
    const signed = formatNote(note);
    const lines = [];
    for (const cosigner of cosigners) lines.push(await cosign(cosigner, signed, 1_700_000_000));
    return formatNote({ ...note, signatures: [...note.signatures, ...lines] });
}

describe("published cosignatures", () => {
    it.each(vectors.published.witnesses)("verifies $verifierKey", ({ timeUnix, verifierKey }) => {
        const key = unwrap(parseCosignerKey(verifierKey));
        expect(unwrap(verifyCosignature(vectors.published.note, key))).toEqual({
            name: key.name,
            timeUnix,
        });
        expect(formatCosignerKey(key)).toBe(verifierKey);
    });
    it("verifies the one of ML-DSA-44", () => {
        const { note, timeUnix, verifierKey } = vectors.mlDsa44;
        const key = unwrap(parseCosignerKey(verifierKey));
        expect(unwrap(verifyCosignature(note, key)).timeUnix).toBe(timeUnix);
    });
});

describe.each(["edDsa", "mlDsa44"] as const)("cosignatures with %s", (kind) => {
    it("are read back with name and time beside the log's own", async () => {
        const [one, two] = [cosignerOf(kind, "witness.example/1"), cosignerOf(kind, "w2")];
        const note = await cosignedNote(one, two);
        for (const cosigner of [one, two]) {
            expect(unwrap(verifyCosignature(note, cosigner))).toEqual({
                name: cosigner.name,
                timeUnix: 1_700_000_000,
            });
        }
    });
    it("do not count for another name, key or type", async () => {
        const cosigner = cosignerOf(kind, "w1");
        const note = await cosignedNote(cosigner);
        const other = cosignerOf(kind, "w1");
        expect(codeOf(verifyCosignature(note, { ...cosigner, name: "w2" }))).toBe("MS_CHECKPOINT");
        expect(codeOf(verifyCosignature(note, other))).toBe("MS_CHECKPOINT");
        const type = kind === "edDsa" ? COSIGNATURE.mlDsa44 : COSIGNATURE.ed25519;
        expect(codeOf(verifyCosignature(note, { ...cosigner, type }))).toBe("MS_CHECKPOINT");
    });
    it("fail on any change of what they vouch for", async () => {
        const cosigner = cosignerOf(kind, "w1");
        const note = await cosignedNote(cosigner);
        const { signatures, text } = unwrap(parseNote(note));
        const changed = (replace: (line: Uint8Array) => void): string => {
            const copy = signatures.map((line) => ({ ...line, signature: line.signature.slice() }));
            replace(copy.at(-1)?.signature as Uint8Array);
            return formatNote({ text, signatures: copy });
        };
        const flips = [0, 7, 8, 40, (signatures.at(-1)?.signature.length ?? 0) - 1];
        for (const at of flips) {
            const spoiled = changed((bytes) => {
                bytes[at] = (bytes[at] as number) ^ 1;
            });
            expect(codeOf(verifyCosignature(spoiled, cosigner))).toBe("MS_CHECKPOINT");
        }
        const edits: [string, string][] = [
            ["example.com/log\n", "example.com/lag\n"],
            ["\n7\n", "\n8\n"],
            ["qqqq", "qqqr"],
        ];
        for (const [from, to] of edits) {
            expect(note).toContain(from);
            expect(codeOf(verifyCosignature(note.replace(from, to), cosigner))).toBe(
                "MS_CHECKPOINT",
            );
        }
    });
    it("are spoilt by a second line of the same key that does not fit", async () => {
        const cosigner = cosignerOf(kind, "w1");
        const { signatures, text } = unwrap(parseNote(await cosignedNote(cosigner)));
        const last = signatures.at(-1);
        if (last === undefined) throw new Error("no signature");
        const bad = { ...last, signature: new Uint8Array(last.signature.length) };
        const note = formatNote({ text, signatures: [...signatures, bad] });
        expect(codeOf(verifyCosignature(note, cosigner))).toBe("MS_CHECKPOINT");
    });
});

describe("keys of cosigners", () => {
    it("round-trip as verifier keys; those of logs and wrong ids are refused", () => {
        const key: CosignerKey = { name: "w", type: 4, publicKey: new Uint8Array(32).fill(1) };
        const text = formatCosignerKey(key);
        expect(unwrap(parseCosignerKey(text))).toEqual(key);
        const [name, id, tail] = text.split("+") as [string, string, string];
        const forms = [
            "",
            name,
            `${name}+${id}`,
            `${name}+00000000+${tail}`,
            `x${text}`,
            `${name}+${id}+${tail.slice(0, -4)}`,
            text.replace("+B", "+A"),
            "a".repeat(4097),
        ];
        for (const form of forms) expect(codeOf(parseCosignerKey(form))).toBe("MS_CHECKPOINT");
    });
    it("do not sign a note that is no checkpoint, or at no time", async () => {
        const cosigner = cosignerOf("edDsa", "w");
        const note = await cosignedNote();
        const codes: string[] = [];
        for (const [text, timeUnix] of [
            ["no note", 1],
            [note, -1],
            [note, 0.5],
            [note, 2 ** 60],
        ] as const) {
            const failure = await cosign(cosigner, text, timeUnix).catch((cause) => cause);
            codes.push(failure instanceof MetersealError ? failure.code : "signed");
        }
        expect(codes).toEqual(new Array(4).fill("MS_CHECKPOINT"));
    });
    it("of ML-DSA-44 do not sign an origin of more than 255 bytes", async () => {
        const log = signerFromPem(generatePrivateKeyPem("edDsa"));
        const note = await signCheckpoint(log, "o".repeat(256), 1, ROOT);
        const failure = await cosign(cosignerOf("mlDsa44", "w"), note, 1).catch((cause) => cause);
        expect(failure).toBeInstanceOf(MetersealError);
        expect(utf8("o".repeat(255)).length).toBe(255);
    });
});
