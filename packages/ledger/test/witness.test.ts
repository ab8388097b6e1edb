import { type Result, sha256, u32be, unwrap } from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CheckpointHead, signCheckpoint } from "../src/checkpoint/checkpoint.ts";
import { checkSplitView } from "../src/checkpoint/split-view.ts";
import {
    type AddCheckpoint,
    formatAddCheckpoint,
    judgeAddCheckpoint,
    parseAddCheckpoint,
    WITNESS_LIMITS,
} from "../src/checkpoint/witness.ts";
import { MerkleLog } from "../src/merkle/log.ts";

const ORIGIN = "example.com/log";
const signer = signerFromPem(generatePrivateKeyPem("edDsa"));
const stranger = signerFromPem(generatePrivateKeyPem("edDsa"));
const logs = new Map([[ORIGIN, [{ name: ORIGIN, publicKey: signer.publicKey }]]]);
const codeOf = (result: Result<unknown>): string => (result.ok ? "ok" : result.error.code);

/** A log whose leaves from `forkAt` on are others than those of the log without a fork. */
function logOf(size: number, forkAt = size): MerkleLog {
    const leaf = (i: number): Uint8Array => sha256(u32be(i < forkAt ? i : i + 1_000_000));
    return MerkleLog.of(Array.from({ length: size }, (_, i) => leaf(i)));
}
const noteOf = (log: MerkleLog, by = signer, origin = ORIGIN): Promise<string> =>
    signCheckpoint(by, origin, log.size, log.root());
const headOf = (log: MerkleLog): CheckpointHead => ({
    origin: ORIGIN,
    size: log.size,
    root: log.root(),
});
const judge = (request: AddCheckpoint, latest: CheckpointHead | null): number =>
    judgeAddCheckpoint(request, logs, () => latest).status;

describe("requests to a witness", () => {
    it("read and write the example of the standard", () => {
        const body = [
            "old 20852014",
            "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=",
            "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=",
            "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=",
            "/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=",
            "",
            "example.com/behind-the-sofa",
            "20852163",
            "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
            "",
            "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=",
            "— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=",
            "",
        ].join("\n");
        const request = unwrap(parseAddCheckpoint(body));
        expect([request.oldSize, request.path.length]).toEqual([20852014, 4]);
        expect(formatAddCheckpoint(request)).toBe(body);
    });
    it("are refused in any other form", async () => {
        const note = await noteOf(logOf(3));
        const good = formatAddCheckpoint({ oldSize: 0, path: [], note });
        expect(codeOf(parseAddCheckpoint(good))).toBe("ok");
        const hash = `${sha256(u32be(1)).toBase64()}\n`;
        const forms = [
            "",
            note,
            good.replace("old 0", "old 00"),
            good.replace("old 0", "old -1"),
            good.replace("old 0", "size 0"),
            good.replace("old 0\n", "old 0\nAAAA\n"),
            good.replace("old 0\n", `old 0\n${hash.repeat(WITNESS_LIMITS.proofLines + 1)}`),
            `${good}more`,
            "a".repeat(WITNESS_LIMITS.requestBytes + 1),
        ];
        for (const form of forms) expect(codeOf(parseAddCheckpoint(form))).toBe("MS_CHECKPOINT");
        const most = good.replace("old 0\n", `old 0\n${hash.repeat(WITNESS_LIMITS.proofLines)}`);
        expect(codeOf(parseAddCheckpoint(most))).toBe("ok");
    });
});

describe("a witness", () => {
    it("follows a log that only grows, whatever the steps", async () => {
        await fc.assert(
            fc.asyncProperty(
                fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 6 }),
                async (steps) => {
                    let latest: CheckpointHead | null = null;
                    let size = 0;
                    for (const step of steps) {
                        const oldSize = size;
                        size += step;
                        const log = logOf(size);
                        const path = oldSize === 0 ? [] : log.consistencyPath(oldSize);
                        const request = { oldSize, path, note: await noteOf(log) };
                        const verdict = judgeAddCheckpoint(request, logs, () => latest);
                        expect(verdict).toEqual({ status: 200, head: headOf(log) });
                        latest = headOf(log);
                    }
                },
            ),
            { numRuns: 30 },
        );
    });
    it("answers 404 to an unknown origin and 403 to an unknown key", async () => {
        const log = logOf(3);
        const unknown = await noteOf(log, signer, "example.com/other");
        expect(judge({ oldSize: 0, path: [], note: unknown }, null)).toBe(404);
        const forged = await noteOf(log, stranger);
        expect(judge({ oldSize: 0, path: [], note: forged }, null)).toBe(403);
    });
    it("answers 400 to an old size above the new one", async () => {
        const note = await noteOf(logOf(3));
        expect(judge({ oldSize: 4, path: [], note }, headOf(logOf(4)))).toBe(400);
    });
    it("answers 409 with the size that it has where the old size is another", async () => {
        const log = logOf(9);
        const request = { oldSize: 4, path: log.consistencyPath(4), note: await noteOf(log) };
        const verdict = judgeAddCheckpoint(request, logs, () => headOf(logOf(5)));
        expect(verdict).toMatchObject({ status: 409, size: 5 });
        expect(judge({ ...request, oldSize: 0, path: [] }, headOf(logOf(5)))).toBe(409);
    });
    it("answers 409 to another root of the size that it cosigned, and 200 to the same one", async () => {
        const latest = headOf(logOf(5));
        const same = { oldSize: 5, path: [], note: await noteOf(logOf(5)) };
        expect(judge(same, latest)).toBe(200);
        const forked = { oldSize: 5, path: [], note: await noteOf(logOf(5, 4)) };
        expect(judge(forked, latest)).toBe(409);
    });
    it("answers 422 to a tree that does not grow out of the last one", async () => {
        const latest = headOf(logOf(5));
        const forked = logOf(9, 4);
        const lie = { oldSize: 5, path: forked.consistencyPath(5), note: await noteOf(forked) };
        expect(judge(lie, latest)).toBe(422);
        const log = logOf(9);
        const path = log.consistencyPath(5);
        const note = await noteOf(log);
        expect(judge({ oldSize: 5, path: path.slice(1), note }, latest)).toBe(422);
        expect(judge({ oldSize: 5, path: [...path, log.root()], note }, latest)).toBe(422);
        expect(judge({ oldSize: 0, path, note }, null)).toBe(422);
    });
    it("answers 422 to an empty tree with any root but the one that it has", async () => {
        const none = { oldSize: 0, path: [], note: await noteOf(logOf(0)) };
        const lie = { ...none, note: await signCheckpoint(signer, ORIGIN, 0, logOf(1).root()) };
        for (const latest of [null, headOf(logOf(0))]) {
            expect([judge(none, latest), judge(lie, latest)]).toEqual([200, 422]);
        }
    });
});

describe("a split view", () => {
    const trust = { origin: ORIGIN, publicKey: signer.publicKey };
    it("is proven by two signed roots of one size", async () => {
        const notes = [await noteOf(logOf(6)), await noteOf(logOf(6, 2))] as const;
        const view = unwrap(checkSplitView(...notes, trust));
        expect(view.heads.map(({ size }) => size)).toEqual([6, 6]);
        expect(view.notes).toEqual(notes);
    });
    it("is not proven by equal roots, other sizes, or a note of somebody else", async () => {
        const note = await noteOf(logOf(6));
        expect(codeOf(checkSplitView(note, note, trust))).toBe("MS_CHECKPOINT");
        expect(codeOf(checkSplitView(note, await noteOf(logOf(7, 2)), trust))).toBe(
            "MS_CHECKPOINT",
        );
        const forged = await noteOf(logOf(6, 2), stranger);
        expect(codeOf(checkSplitView(note, forged, trust))).toBe("MS_CHECKPOINT");
    });
});
