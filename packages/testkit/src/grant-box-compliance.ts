import { LIMITS } from "@meterseal/core";
import { type BoxMessage, type GrantBox, NOTICE_KIND } from "@meterseal/record";
import { describe, expect, it } from "vitest";
import { testBytes } from "./keys.ts";
import {
    type CurrentBed,
    expectCode,
    failAt,
    inBothLives,
    type StoreBed,
    useBed,
} from "./store-bed.ts";

type Bed = CurrentBed<GrantBox>;

/** Registers the compliance suite of a grant box; `make` gives a new, empty bed each time. */
export function describeGrantBoxCompliance(
    name: string,
    make: () => Promise<StoreBed<GrantBox>>,
): void {
    describe(`${name}: grant box`, () => {
        const bed = useBed(make);
        describe("messages", () => messageCases(bed));
        describe("accesses", () => accessCases(bed));
        describe("atomicity", () => atomicityCases(bed));
    });
}

const party = (name: string): Uint8Array => testBytes(`party ${name}`, 16);
const home = party("home");
const provider = party("provider");

function message(name: string, changes: Partial<BoxMessage> = {}): BoxMessage {
    const place = { kind: NOTICE_KIND.grant, issuer: home, recipient: provider };
    const content = { hash: testBytes(name, 32), bytes: testBytes(`bytes ${name}`, 32) };
    return { ...place, receivedUnix: 1_357_000_000, ...content, ...changes };
}

async function rowsOf(box: GrantBox, who: Uint8Array, after = 0, limit = 100): Promise<number[]> {
    return (await box.list(who, NOTICE_KIND.grant, after, limit)).map(({ row }) => row);
}

function messageCases(bed: Bed): void {
    it("keeps each byte for byte, once, also after reopening", async () => {
        const box = await bed.open();
        const first = message("a");
        expect(await box.message(first.hash)).toBeNull();
        expect(await box.put(first)).toBe(true);
        expect(await box.put({ ...first, receivedUnix: 5 })).toBe(false);
        await inBothLives(bed, box, async (current) => {
            expect(await current.message(first.hash)).toEqual(first);
            expect(await current.list(home, first.kind, 0, 9)).toMatchObject([
                { row: 1, size: 32, reads: 0, lastReadUnix: null, refusals: 0 },
            ]);
        });
    });
    it("lists those of an issuer and of a recipient, by kind, in pages", async () => {
        const box = await bed.open();
        const other = party("other");
        await box.put(message("a"));
        await box.put(message("b", { issuer: other }));
        await box.put(message("c", { kind: NOTICE_KIND.policy }));
        await box.put(message("d", { recipient: other }));
        await box.put(message("e", { issuer: provider, recipient: provider }));
        expect(await rowsOf(box, home)).toEqual([1, 4]);
        expect(await rowsOf(box, provider)).toEqual([1, 2, 5]);
        expect(await rowsOf(box, other)).toEqual([2, 4]);
        expect(await rowsOf(box, provider, 1, 1)).toEqual([2]);
        expect(await rowsOf(box, party("stranger"))).toEqual([]);
        expect(await box.list(home, NOTICE_KIND.policy, 0, 9)).toHaveLength(1);
    });
    it("has room for so many messages of an issuer, and for those of others", async () => {
        const box = await bed.open();
        for (let i = 0; i < LIMITS.boxMessages; i++) await box.put(message(`${i}`));
        await expectCode(box.put(message("one more")), "MS_BOX_FULL");
        expect(await box.put(message("0"))).toBe(false);
        expect(await box.put(message("other", { issuer: party("other") }))).toBe(true);
    }, 60_000);
    it("has room for so many bytes of an issuer", async () => {
        const box = await bed.open();
        const bytes = new Uint8Array(LIMITS.recordBytes);
        const count = LIMITS.boxBytes / bytes.length;
        for (let i = 0; i < count; i++) await box.put(message(`${i}`, { bytes }));
        await expectCode(box.put(message("one more")), "MS_BOX_FULL");
    });
    it("every call on a closed box rejects", async () => {
        const box = await bed.open();
        await box.close();
        await box.close();
        await expectCode(box.message(home), "MS_STORE_UNWRITABLE");
        await expectCode(box.put(message("a")), "MS_STORE_UNWRITABLE");
    });
}

function accessCases(bed: Bed): void {
    const access = (timeUnix: number, granted = true) => ({
        ...{ caller: provider, timeUnix, granted },
        purpose: granted ? "billing" : "",
    });
    it("counts what was read and refused, and says it newest first", async () => {
        const box = await bed.open();
        const { hash } = message("a");
        await box.put(message("a"));
        for (const each of [access(1), access(2), access(3, false)])
            await box.noteAccess(hash, each);
        await inBothLives(bed, box, async (current) => {
            expect(await current.accesses(hash)).toEqual([access(3, false), access(2), access(1)]);
            expect(await current.list(home, NOTICE_KIND.grant, 0, 1)).toMatchObject([
                { reads: 2, lastReadUnix: 2, refusals: 1 },
            ]);
        });
    });
    it("keeps the latest of each message and the count of all", async () => {
        const box = await bed.open();
        for (const name of ["a", "b"]) await box.put(message(name));
        await box.noteAccess(message("b").hash, access(7));
        const { hash } = message("a");
        for (let i = 0; i < LIMITS.boxAccesses + 2; i++) await box.noteAccess(hash, access(i));
        const kept = await box.accesses(hash);
        expect(kept).toHaveLength(LIMITS.boxAccesses);
        expect(kept.at(-1)?.timeUnix).toBe(2);
        expect(await box.accesses(message("b").hash)).toHaveLength(1);
        const [item] = await box.list(home, NOTICE_KIND.grant, 0, 1);
        expect(item?.reads).toBe(LIMITS.boxAccesses + 2);
    }, 60_000);
    it("keeps who took a message, however often somebody is refused", async () => {
        const box = await bed.open();
        const { hash } = message("a");
        await box.put(message("a"));
        for (let i = 0; i < 2; i++) await box.noteAccess(hash, access(i));
        for (let i = 0; i < LIMITS.boxAccesses + 2; i++)
            await box.noteAccess(hash, access(10 + i, false));
        for (let i = 2; i < 4; i++) await box.noteAccess(hash, access(1_000 + i));
        await inBothLives(bed, box, async (current) => {
            const kept = await current.accesses(hash);
            expect(kept).toHaveLength(LIMITS.boxAccesses + 4);
            const taken = kept.filter(({ granted }) => granted);
            expect(taken.map(({ timeUnix }) => timeUnix)).toEqual([1_003, 1_002, 1, 0]);
            expect(kept.slice(0, 2)).toEqual(taken.slice(0, 2));
            expect(kept.at(-3)?.timeUnix).toBe(12);
        });
    }, 60_000);
    it("refuses to note one of a message that is not here", async () => {
        const box = await bed.open();
        await expectCode(box.noteAccess(message("a").hash, access(1)), "MS_NOT_FOUND");
    });
}

function atomicityCases(bed: Bed): void {
    const { hash } = message("a");
    const access = { caller: provider, timeUnix: 1, granted: true, purpose: "" };
    const steps: { point: string; run: (box: GrantBox) => Promise<unknown> }[] = [
        { point: "put", run: (box) => box.put(message("b")) },
        { point: "noteAccess", run: (box) => box.noteAccess(hash, access) },
    ];
    const stateOf = async (box: GrantBox): Promise<unknown> => [
        await box.list(home, NOTICE_KIND.grant, 0, 9),
        await box.accesses(hash),
    ];
    it.each(steps)("an error before the commit of $point leaves nothing", async (step) => {
        let box = await bed.open();
        await box.put(message("a"));
        const before = await stateOf(box);
        box = await bed.reopen(box, failAt(step.point, "beforeCommit"));
        await expect(step.run(box)).rejects.toThrow(`injected fault in ${step.point}`);
        await inBothLives(bed, box, async (current) =>
            expect(await stateOf(current)).toEqual(before),
        );
    });
    it.each(steps)("an error after the commit of $point loses nothing", async (step) => {
        let box = await bed.open();
        await box.put(message("a"));
        const before = await stateOf(box);
        box = await bed.reopen(box, failAt(step.point, "afterCommit"));
        await expect(step.run(box)).rejects.toThrow(`injected fault in ${step.point}`);
        expect(await stateOf(await bed.reopen(box))).not.toEqual(before);
    });
}
