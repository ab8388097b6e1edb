import { NOTICE_KIND } from "@meterseal/record";
import { testBytes } from "@meterseal/testkit/keys";
import { TestParty } from "@meterseal/testkit/parties";
import { beforeAll, describe, expect, it } from "vitest";
import { checkEvidence } from "../src/evidence/check.ts";
import { decodeEvidence, type Evidence, encodeEvidence } from "../src/evidence/evidence.ts";
import { faults, openScene, type Scene } from "./evidence-book.ts";

let scene: Scene;
beforeAll(async () => {
    scene = await openScene();
});

const again = (evidence: Evidence): Evidence => {
    const decoded = decodeEvidence(encodeEvidence(evidence));
    if (!decoded.ok) throw decoded.error;
    return decoded.value;
};

describe("evidence with what was asked for besides", () => {
    it("comes back as it was, and is as it was before where nothing was asked", () => {
        const { valid } = scene;
        const hash = testBytes("hash", 32);
        const growth = { fromSize: 3, path: [hash, hash] };
        const statements = valid.enrolments.slice(0, 1);
        for (const more of [{}, { growth }, { statements }, { growth, statements }]) {
            expect(again({ ...valid, ...more })).toEqual({ ...valid, ...more });
        }
    });

    it("is refused out of shape", () => {
        const { valid } = scene;
        const hash = testBytes("hash", 32);
        for (const growth of [
            { fromSize: 0, path: [] },
            { fromSize: 1, path: new Array(50).fill(hash) },
            { fromSize: 1, path: [hash.slice(1)] },
        ]) {
            const decoded = decodeEvidence(encodeEvidence({ ...valid, growth }));
            expect(decoded).toMatchObject({ error: { code: "MS_MALFORMED" } });
        }
    });

    it("is a stretch where it begins anywhere, and a chain only from its first record on", () => {
        const { trust, valid } = scene;
        const tail = { ...valid, records: valid.records.slice(1) };
        expect(faults(checkEvidence(tail, trust))[1]).toEqual(["MS_CHAIN_MISMATCH"]);
        expect(faults(checkEvidence(tail, { ...trust, extent: "stretch" }))).toEqual([[], []]);
        const gap = { ...valid, records: valid.records.filter((_, i) => i !== 1) };
        const stretch = checkEvidence(gap, { ...trust, extent: "stretch" });
        expect(faults(stretch)[1]).toEqual(["MS_CHAIN_MISMATCH"]);
        expect(faults(checkEvidence(gap, { ...trust, extent: "single" }))).toEqual([[], []]);
    });

    it("holds parties and their notices to who signed them", async () => {
        const { network } = scene.world;
        const home = await TestParty.make(network, "home");
        const other = await TestParty.make(network, "other");
        const grant = { kind: NOTICE_KIND.grant, hash: testBytes("grant", 32) } as const;
        const own = await home.notice(grant);
        const stolen = await home.notice(grant, { party: other.party.id });
        const forged = await home.notice(grant, {}, other.signer);
        const book = scene.book;
        const shown = async (...items: Uint8Array[]) => {
            const before = [...book.enrolments];
            book.enrolments.push(...items);
            const evidence = await book.evidence(scene.trust.subject);
            book.enrolments.splice(0, book.enrolments.length, ...before);
            const [enrolments, statements] = [
                evidence.enrolments.slice(0, before.length),
                evidence.enrolments.slice(before.length),
            ];
            return checkEvidence({ ...evidence, enrolments, statements }, scene.trust);
        };
        const bytes = ({ message }: { message: { bytes: Uint8Array } }) => message.bytes;
        const right = await shown(bytes(home.party), bytes(own));
        expect(faults(right)).toEqual([[], []]);
        expect(right.parties.map(({ id }) => id)).toEqual([home.party.id]);
        expect(right.notices.map(({ notice }) => notice.message.hash)).toEqual([own.message.hash]);
        for (const [items, codes] of [
            [[bytes(own)], [["MS_KEY_UNKNOWN"], []]],
            [
                [bytes(home.party), bytes(other.party), bytes(stolen)],
                [["MS_KEY_UNKNOWN"], []],
            ],
            [
                [bytes(home.party), bytes(forged)],
                [["MS_KEY_UNKNOWN"], []],
            ],
            [[scene.book.batches[0]?.bytes ?? new Uint8Array()], [[], ["MS_LOG_LEAF"]]],
        ] as const) {
            const report = await shown(...items);
            expect(faults(report)).toEqual(codes);
            expect(report.notices).toEqual([]);
        }
        const outsider = await TestParty.make(network, "outsider", { by: other.signer });
        expect(faults(await shown(bytes(outsider.party)))).toEqual([["MS_SIGNATURE_BAD"], []]);
    });
});
