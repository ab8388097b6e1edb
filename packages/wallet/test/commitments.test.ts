import { describe, expect, it } from "vitest";
import { checkCommitments } from "../src/index.ts";
import { grow, Home } from "./home.ts";

const SLOT = 455_904;

describe("commitments of a household's meter", () => {
    it("hold where each hides the register that was sealed", async () => {
        const home = await Home.create({ committed: 1 });
        const records = [
            await home.record(grow(SLOT, 7n, [1, 2, 3])),
            await home.record(grow(SLOT + 3, 13n, [4, 5])),
        ];
        expect(checkCommitments(home.key, records)).toEqual({
            holds: true,
            checked: 5,
            faults: [],
        });
    });

    it("that hide something else are named by record and boundary", async () => {
        const home = await Home.create({ committed: 1 });
        const sealed = grow(SLOT, 7n, [1, 2, 3]);
        const committed = sealed.with(1, { slot: SLOT + 1, registers: [9n] });
        const record = await home.record(sealed, undefined, committed);
        const verdict = checkCommitments(home.key, [record]);
        expect(verdict).toMatchObject({
            holds: false,
            checked: 3,
            faults: [{ error: { code: "MS_COMMITMENT" } }],
        });
        expect(verdict.faults[0]?.where).toMatch(/boundary 1$/);
    });

    it("are not there in a stream without, and foreign keys open none", async () => {
        const plain = await Home.create();
        const record = await plain.record(grow(SLOT, 7n, [1, 2]));
        expect(checkCommitments(plain.key, [record])).toMatchObject({ holds: false, checked: 0 });
        const home = await Home.create({ committed: 1 });
        const key = { ...home.key, master: new Uint8Array(32) };
        const verdict = checkCommitments(key, [await home.record(grow(SLOT, 7n, [1]))]);
        expect(verdict.holds).toBe(false);
        expect(verdict.faults.length).toBe(1);
    });
});
