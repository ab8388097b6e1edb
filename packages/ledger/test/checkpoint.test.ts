import { readFileSync } from "node:fs";
import {
    ALGORITHM,
    fromHex,
    MetersealError,
    type PublicKey,
    type Result,
    type Signer,
    toBase64,
    unwrap,
    utf8,
} from "@meterseal/core";
import { signerFromPem } from "@meterseal/core/node";
import { describe, expect, it } from "vitest";
import {
    formatCheckpointText,
    parseCheckpointText,
    signCheckpoint,
    verifyCheckpoint,
} from "../src/checkpoint/checkpoint.ts";
import { formatNote, NOTE_LIMITS, parseNote } from "../src/checkpoint/note.ts";
import {
    formatVerifierKey,
    NOTE_ED25519,
    noteKeyId,
    parseVerifierKey,
    signNote,
    verifyNote,
} from "../src/checkpoint/note-key.ts";
import { emptyRoot } from "../src/merkle/hash.ts";

type NoteVectors = {
    notes: { verifierKey?: string; signerKey?: string; text: string; note: string }[];
    refusedVerifierKeys: { why: string; key: string }[];
};
type Ours = {
    seedHex: string;
    verifierKey: string;
    origin: string;
    size: number;
    rootHex: string;
    note: string;
};
type CheckpointVectors = {
    checkpoints: {
        verifierKey?: string;
        origin: string;
        size: number;
        rootBase64: string;
        note: string;
    }[];
    ours: Ours;
};
const vector = <T>(name: string): T =>
    JSON.parse(
        readFileSync(new URL(`../../../vectors/checkpoint/${name}`, import.meta.url), "utf8"),
    );
const notes = vector<NoteVectors>("signed-notes.json");
const checkpoints = vector<CheckpointVectors>("checkpoints.json");

/** Signer of an Ed25519 seed (RFC 8410 wraps it). */
function signerOf(seed: Uint8Array): Signer {
    const prefix = fromHex("302e020100300506032b657004220420");
    const der = toBase64(new Uint8Array([...prefix, ...seed]));
    return signerFromPem(`-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`);
}
const codeOf = (result: Result<unknown>): string => (result.ok ? "ok" : result.error.code);
const rejection = async (promise: Promise<unknown>): Promise<string> =>
    promise.then(
        () => "resolved",
        (caught) => (caught instanceof MetersealError ? caught.code : String(caught)),
    );
const thrown = (action: () => unknown): string => {
    try {
        action();
    } catch (caught) {
        return caught instanceof MetersealError ? caught.code : String(caught);
    }
    return "nothing thrown";
};

const peter = notes.notes[0]!;
const peterKey = unwrap(parseVerifierKey(peter.verifierKey!));
const peterLine = peter.note.slice(peter.text.length + 1);
const enochLine = notes.notes[1]!.note.slice(peter.text.length + 1 + peterLine.length);

describe("signed notes", () => {
    it.each(notes.notes)("reads and writes $note", ({ text, note }) => {
        const parsed = unwrap(parseNote(note));
        expect(parsed.text).toBe(text);
        expect(formatNote(parsed)).toBe(note);
        expect(unwrap(parseNote(utf8(note)))).toEqual(parsed);
    });
    it.each(notes.notes.filter((entry) => entry.verifierKey !== undefined))(
        "verifies $verifierKey",
        ({ verifierKey, text, note }) => {
            const key = unwrap(parseVerifierKey(verifierKey!));
            expect(unwrap(verifyNote(note, key))).toBe(text);
            expect(formatVerifierKey(key)).toBe(verifierKey);
            expect(codeOf(verifyNote(note.replace("e", "E"), key))).toBe("MS_CHECKPOINT");
        },
    );
    it("signs like golang.org/x/mod", async () => {
        const seed = Uint8Array.fromBase64(peter.signerKey!.split("+").slice(4).join("+")).slice(1);
        expect(await signNote(signerOf(seed), "PeterNeumann", peter.text)).toBe(peter.note);
    });

    const { text } = peter;
    it.each([
        ["no signatures", text],
        ["no signature line", `${text}\n`],
        ["no final newline", `${text}\n${peterLine.slice(0, -1)}`],
        ["no blank line", `${text}${peterLine}`],
        ["no text at all", `\n${peterLine}`],
        ["a control character", `\u0001${text}\n${peterLine}`],
        ["a tab", `\t${text}\n${peterLine}`],
        ["carriage returns", `${text}\n${peterLine}`.replaceAll("\n", "\r\n")],
        ["a lone surrogate", `\ud800${text}\n${peterLine}`],
        ["a name with a space", `${text}\n${peterLine.replace("PeterN", "Peter N")}`],
        ["a name with a no-break space", `${text}\n${peterLine.replace("PeterN", "Peter\u00a0N")}`],
        ["a name with a next-line sign", `${text}\n${peterLine.replace("PeterN", "Peter\u0085N")}`],
        ["a name with a plus sign", `${text}\n${peterLine.replace("PeterN", "Peter+N")}`],
        ["no name", `${text}\n${peterLine.replace("PeterNeumann", "")}`],
        ["a hyphen for the dash", `${text}\n${peterLine.replace("\u2014", "-")}`],
        ["two spaces", `${text}\n${peterLine.replace("\u2014 ", "\u2014  ")}`],
        ["a trailing space", `${text}\n${peterLine.slice(0, -1)} \n`],
        ["another line among them", `${text}\n${peterLine}Unexpected line.\n`],
        ["an empty line after them", `${text}\n${peterLine}\n`],
        ["no base64", `${text}\n\u2014 PeterNeumann !!!!\n`],
        ["an empty signature", `${text}\n\u2014 PeterNeumann \n`],
        ["a key id without a signature", `${text}\n\u2014 PeterNeumann x08gow==\n`],
        ["base64 without padding", `${text}\n${peterLine.replace("JnAM=", "JnAM")}`],
        ["base64 with spare bits", `${text}\n${peterLine.replace("JnAM=", "JnAN=")}`],
        ["base64url", `${text}\n${peterLine.replaceAll("/", "_")}`],
        ["17 signatures", `${text}\n${peterLine.repeat(17)}`],
        ["more than 64 KiB", `${"a".repeat(NOTE_LIMITS.noteBytes)}\n\n${peterLine}`],
        ["more than 64 KiB of UTF-8", `${"\u2014".repeat(30_000)}\n\n${peterLine}`],
    ])("refuses %s", (_why, note) => {
        expect(codeOf(parseNote(note))).toBe("MS_CHECKPOINT");
        expect(codeOf(parseNote(utf8(note)))).toBe(note.isWellFormed() ? "MS_CHECKPOINT" : "ok");
        expect(codeOf(verifyNote(note, peterKey))).toBe("MS_CHECKPOINT");
    });
    it("refuses bytes that are no UTF-8, and keeps a byte order mark", () => {
        const bytes = utf8(peter.note);
        const broken = new Uint8Array([0xff, ...bytes]);
        expect(codeOf(parseNote(broken))).toBe("MS_CHECKPOINT");
        const marked = unwrap(parseNote(new Uint8Array([0xef, 0xbb, 0xbf, ...bytes])));
        expect(marked.text).toBe(`\ufeff${text}`);
    });
    it("takes 16 signatures and 64 KiB", () => {
        const full = `${text}\n${peterLine}${enochLine.repeat(15)}`;
        expect(unwrap(verifyNote(full, peterKey))).toBe(text);
        const room = NOTE_LIMITS.noteBytes - utf8(`\n\n${peterLine}`).length;
        expect(codeOf(parseNote(`${"a".repeat(room)}\n\n${peterLine}`))).toBe("ok");
        expect(codeOf(parseNote(`${"a".repeat(room + 1)}\n\n${peterLine}`))).toBe("MS_CHECKPOINT");
    });
    it("ignores other names, ids and types, and needs one line of the key", () => {
        const other = peterLine.replace("PeterNeumann", "CarmenSandiego");
        const otherId = peterLine.replace("x08g", "xxxx");
        expect(unwrap(verifyNote(`${text}\n${other}${peterLine}${otherId}`, peterKey))).toBe(text);
        for (const lines of [other, otherId, enochLine]) {
            expect(codeOf(verifyNote(`${text}\n${lines}`, peterKey))).toBe("MS_CHECKPOINT");
        }
    });
    it("refuses a note with one bad signature of the key, wherever it stands", () => {
        const bad = peterLine.replace("ZJku", "ZJkv");
        const long = `${peterLine.slice(0, 60)}ABCD${peterLine.slice(60)}`;
        for (const lines of [bad, long, peterLine + bad, bad + peterLine]) {
            expect(codeOf(verifyNote(`${text}\n${lines}`, peterKey))).toBe("MS_CHECKPOINT");
        }
        expect(unwrap(verifyNote(`${text}\n${peterLine}${peterLine}`, peterKey))).toBe(text);
    });
    it("does not write what it would not read", () => {
        const signature = { name: "a", keyId: 1, signature: new Uint8Array(64) };
        const wrong = [
            { text: "no newline", signatures: [signature] },
            { text: "text\n", signatures: [] },
            { text: "text\n", signatures: [{ ...signature, name: "a b" }] },
            { text: "text\n", signatures: [{ ...signature, name: "a AAAAAAAA\n\u2014 b" }] },
            { text: "text\n", signatures: [{ ...signature, signature: new Uint8Array(0) }] },
            { text: "text\n", signatures: Array.from({ length: 17 }, () => signature) },
            { text: "text\n\n\u2014 a AAAAAAAA", signatures: [] },
        ];
        for (const note of wrong) expect(thrown(() => formatNote(note))).toBe("MS_CHECKPOINT");
    });
});

describe("verifier keys", () => {
    it("derives the key id of the C2SP example", () => {
        const key = fromHex("e932791ae6e7a840a46164c904786426d5e7821dd8b29a00d61cae72afdd4da4");
        expect(noteKeyId("example.com/foo", NOTE_ED25519, key)).toBe(0x530d903a);
        expect(unwrap(parseVerifierKey(notes.notes[2]!.verifierKey!))).toEqual({
            name: "example.com/foo",
            publicKey: { algorithm: ALGORITHM.edDsa, x: key },
        });
    });
    it.each(notes.refusedVerifierKeys)("refuses $why", ({ key }) => {
        expect(codeOf(parseVerifierKey(key))).toBe("MS_CHECKPOINT");
    });
    it("refuses every part of a key and every changed character", () => {
        const whole = peter.verifierKey!;
        for (let from = 0; from < whole.length; from++) {
            for (let to = from; to <= whole.length; to++) {
                if (to - from === whole.length) continue;
                expect(codeOf(parseVerifierKey(whole.slice(from, to)))).toBe("MS_CHECKPOINT");
            }
            const next = String.fromCharCode(whole.charCodeAt(from) + 1);
            const changed = whole.slice(0, from) + next + whole.slice(from + 1);
            expect(codeOf(parseVerifierKey(changed))).toBe("MS_CHECKPOINT");
        }
        expect(codeOf(parseVerifierKey(`${whole}\n`))).toBe("MS_CHECKPOINT");
        expect(codeOf(parseVerifierKey("a".repeat(10_000)))).toBe("MS_CHECKPOINT");
    });
    it("has no form for other keys and names", () => {
        const es256: PublicKey = {
            algorithm: ALGORITHM.es256,
            x: new Uint8Array(32),
            y: new Uint8Array(32),
        };
        const short: PublicKey = { algorithm: ALGORITHM.edDsa, x: new Uint8Array(31) };
        const { publicKey } = peterKey;
        const wrong = [
            { name: "a", publicKey: es256 },
            { name: "a", publicKey: short },
            { name: "", publicKey },
            { name: "a b", publicKey },
            { name: "a+b", publicKey },
        ];
        for (const key of wrong) {
            expect(thrown(() => formatVerifierKey(key))).toBe("MS_CHECKPOINT");
            expect(codeOf(verifyNote(peter.note, key))).toBe("MS_CHECKPOINT");
        }
    });
});

describe("checkpoints", () => {
    it.each(checkpoints.checkpoints)("reads and writes one of $origin", (entry) => {
        const parsed = unwrap(parseNote(entry.note));
        expect(formatNote(parsed)).toBe(entry.note);
        const head = unwrap(parseCheckpointText(parsed.text));
        expect({ ...head, root: toBase64(head.root) }).toEqual({
            origin: entry.origin,
            size: entry.size,
            root: entry.rootBase64,
            extensions: [],
        });
        expect(formatCheckpointText(head)).toBe(parsed.text);
        if (entry.verifierKey === undefined) return;
        const { name, publicKey } = unwrap(parseVerifierKey(entry.verifierKey));
        const trust = { origin: entry.origin, publicKey, keyName: name };
        expect(unwrap(verifyCheckpoint(entry.note, trust)).size).toBe(entry.size);
        expect(codeOf(verifyCheckpoint(entry.note, { ...trust, origin: "x" }))).toBe(
            "MS_CHECKPOINT",
        );
        const other = entry.note.replace(`\n${entry.size}\n`, `\n${entry.size + 1}\n`);
        expect(codeOf(verifyCheckpoint(other, trust))).toBe("MS_CHECKPOINT");
    });

    const root = new Uint8Array(emptyRoot());
    const r64 = toBase64(root);
    it.each([
        ["nothing", ""],
        ["two lines", "origin\n1\n"],
        ["no final newline", `origin\n1\n${r64}`],
        ["an empty origin", `\n1\n${r64}\n`],
        ["an empty size", `origin\n\n${r64}\n`],
        ["a leading zero", `origin\n01\n${r64}\n`],
        ["double zero", `origin\n00\n${r64}\n`],
        ["a sign", `origin\n+1\n${r64}\n`],
        ["a negative size", `origin\n-1\n${r64}\n`],
        ["a fraction", `origin\n1.0\n${r64}\n`],
        ["an exponent", `origin\n1e3\n${r64}\n`],
        ["hexadecimal", `origin\n0x10\n${r64}\n`],
        ["a space about the size", `origin\n 1\n${r64}\n`],
        ["other digits", `origin\n\u0661\n${r64}\n`],
        ["size 2^48", `origin\n281474976710656\n${r64}\n`],
        ["size 2^64", `origin\n18446744073709551616\n${r64}\n`],
        ["a root of 31 bytes", `origin\n1\n${toBase64(root.slice(1))}\n`],
        ["a root of 33 bytes", `origin\n1\n${toBase64(new Uint8Array(33))}\n`],
        ["no root", `origin\n1\n\n`],
        ["base64url", `origin\n1\n${r64.replaceAll("/", "_")}\n`],
        ["base64 without padding", `origin\n1\n${r64.replace("=", "")}\n`],
        ["base64 with spare bits", `origin\n1\n${r64.replace("U=", "V=")}\n`],
        ["base64 with a space in it", `origin\n1\n${r64.slice(0, 4)} ${r64.slice(4)}\n`],
        ["an empty extension line", `origin\n1\n${r64}\n\nmore\n`],
        ["an empty last line", `origin\n1\n${r64}\n\n`],
        ["carriage returns", `origin\r\n1\r\n${r64}\r\n`],
    ])("refuses a text with %s", async (_why, text) => {
        expect(codeOf(parseCheckpointText(text))).toBe("MS_CHECKPOINT");
        if (!text.endsWith("\n") || text.includes("\r") || text.length < 2) return;
        const signer = signerOf(new Uint8Array(32).fill(7)); // also when it is properly signed
        const note = await signNote(signer, "origin", text);
        const trust = { origin: "origin", publicKey: signer.publicKey };
        expect(codeOf(verifyCheckpoint(note, trust))).toBe("MS_CHECKPOINT");
    });
    it("takes size 0, the largest size, and extension lines, which it does not report", async () => {
        const signer = signerOf(new Uint8Array(32).fill(7));
        const trust = { origin: "origin", publicKey: signer.publicKey };
        for (const size of [0, 2 ** 48 - 1]) {
            const note = await signCheckpoint(signer, "origin", size, root);
            expect(unwrap(verifyCheckpoint(note, trust))).toEqual({ origin: "origin", size, root });
        }
        const text = formatCheckpointText({ origin: "origin", size: 1, root, extensions: ["a b"] });
        const note = await signNote(signer, "origin", text);
        expect(unwrap(verifyCheckpoint(note, trust))).toEqual({ origin: "origin", size: 1, root });
    });
    it("signs the frozen checkpoint of ours", async () => {
        const { seedHex, verifierKey, origin, size, rootHex } = checkpoints.ours;
        const signer = signerOf(fromHex(seedHex));
        const note = await signCheckpoint(signer, origin, size, fromHex(rootHex));
        expect(note).toBe(checkpoints.ours.note);
        expect(formatVerifierKey({ name: origin, publicKey: signer.publicKey })).toBe(verifierKey);
        const trust = { origin, publicKey: signer.publicKey };
        expect(unwrap(verifyCheckpoint(note, trust)).size).toBe(size);
    });
    it("keeps cosignatures of other types, byte for byte and in order", async () => {
        const ct = unwrap(parseNote(checkpoints.checkpoints[1]!.note));
        const signer = signerOf(new Uint8Array(32).fill(7));
        const note = await signCheckpoint(signer, "origin", 5, root);
        const parsed = unwrap(parseNote(note));
        const more = { ...parsed, signatures: [...parsed.signatures, ...ct.signatures.slice(2)] };
        const cosigned = formatNote(more);
        expect(cosigned.startsWith(note)).toBe(true);
        expect(checkpoints.checkpoints[1]!.note.endsWith(cosigned.slice(note.length))).toBe(true);
        expect(formatNote(unwrap(parseNote(cosigned)))).toBe(cosigned);
        const trust = { origin: "origin", publicKey: signer.publicKey };
        expect(unwrap(verifyCheckpoint(cosigned, trust)).size).toBe(5);
    });
    it("refuses the key of another log, and the same key for another origin", async () => {
        const [mine, theirs] = [7, 8].map((seed) => signerOf(new Uint8Array(32).fill(seed)));
        const note = await signCheckpoint(mine!, "origin", 5, root);
        const { publicKey } = mine!;
        expect(codeOf(verifyCheckpoint(note, { origin: "origin", publicKey }))).toBe("ok");
        const wrong = [
            { origin: "origin", publicKey: theirs!.publicKey },
            { origin: "other", publicKey },
            { origin: "other", keyName: "origin", publicKey },
            { origin: "origin", keyName: "other", publicKey },
        ];
        for (const trust of wrong) {
            expect(codeOf(verifyCheckpoint(note, trust))).toBe("MS_CHECKPOINT");
        }
        const cosigned = note.replace("\u2014 origin", "\u2014 witness"); // no longer its name
        expect(codeOf(verifyCheckpoint(cosigned, { origin: "origin", publicKey }))).toBe(
            "MS_CHECKPOINT",
        );
    });
    it("does not sign what it would not read, nor with a broken signer", async () => {
        const signer = signerOf(new Uint8Array(32).fill(7));
        for (const origin of ["", "a b", "a+b", "a\nb"]) {
            expect(await rejection(signCheckpoint(signer, origin, 1, root))).toBe("MS_CHECKPOINT");
        }
        for (const size of [-1, 0.5, Number.NaN, 2 ** 48, 1e21]) {
            expect(await rejection(signCheckpoint(signer, "a", size, root))).toBe("MS_CHECKPOINT");
        }
        const short = root.slice(1);
        expect(await rejection(signCheckpoint(signer, "a", 1, short))).toBe("MS_CHECKPOINT");
        const es256: PublicKey = { algorithm: ALGORITHM.es256, x: root, y: root };
        const broken: Signer[] = [
            { ...signer, sign: () => Promise.resolve(new Uint8Array(64)) },
            { ...signer, publicKey: signerOf(new Uint8Array(32).fill(8)).publicKey },
            { ...signer, publicKey: es256 },
        ];
        for (const other of broken) {
            expect(await rejection(signCheckpoint(other, "a", 1, root))).toBe("MS_CHECKPOINT");
        }
        for (const extension of ["", "a\nb"]) {
            const text = { origin: "a", size: 1, root, extensions: [extension] };
            expect(thrown(() => formatCheckpointText(text))).toBe("MS_CHECKPOINT");
        }
        const twoLines = { origin: "a\nb", size: 1, root, extensions: [] };
        expect(thrown(() => formatCheckpointText(twoLines))).toBe("MS_CHECKPOINT");
    });
});
