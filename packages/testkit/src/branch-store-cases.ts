import { toHex } from "@meterseal/core";
import type { FollowedEntry, Vertex } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { expect, it } from "vitest";
import {
    enrolmentEntry,
    hexOf,
    insertVertex,
    listOf,
    looseOf,
    openOf,
    type ServerStoreUnderTest,
    samples,
    triple,
    vertexEntry,
} from "./server-store-cases.ts";
import { type CurrentBed, expectCode, inBothLives } from "./store-bed.ts";

/** A vertex that another collector wrote, as a branch hears of it. */
export async function takeVertex(
    store: ServerStoreUnderTest,
    records: readonly MeterRecord[],
): Promise<Vertex> {
    const vertex = await samples.vertex(records);
    await store.takeVertices([{ id: vertex.id.bytes, bytes: vertex.message.bytes, records }]);
    return vertex;
}

/** Entry of a followed log over a vertex, the last of so many. */
export function followedEntry(
    vertex: Vertex,
    records: readonly MeterRecord[],
    size: number,
): FollowedEntry {
    return { ...vertexEntry(vertex, size), records };
}

/** What a branch asks of its store: vertices of others, and a log that others write. */
export function branchCases(bed: CurrentBed<ServerStoreUnderTest>): void {
    it("keeps vertices of others open, and leaves our own loose records loose", async () => {
        const store = await bed.open();
        const [a, b] = await triple();
        await store.insertRecords([a]);
        const vertex = await takeVertex(store, [a, b]);
        await inBothLives(bed, store, async (current) => {
            const bytes = toHex(vertex.message.bytes);
            expect(await openOf(current)).toEqual([{ bytes, body: [hexOf(a), hexOf(b)] }]);
            expect(await looseOf(current)).toEqual([hexOf(a)]);
            const stored = await current.storedVertex(vertex.id.bytes);
            expect(stored?.body.map(toHex)).toEqual([hexOf(a), hexOf(b)]);
            expect(await current.storedVertex(new Uint8Array(36))).toBeNull();
        });
    });

    it("says which records are ours to carry: also one that only a vertex of others has", async () => {
        const store = await bed.open();
        const [a, b, c] = await triple();
        const heard = await takeVertex(store, [a]);
        expect(await store.insertRecords([a, b])).toEqual([a, b]);
        expect(await store.insertRecords([a, b, c])).toEqual([c]);
        expect(await looseOf(store)).toEqual([a, b, c].map(hexOf));
        const own = await insertVertex(store, [a, b, c]);
        await inBothLives(bed, store, async (current) => {
            expect(await looseOf(current)).toEqual([]);
            const bodies = [heard, own].map(async ({ id }) => {
                const stored = await current.storedVertex(id.bytes);
                return stored?.body.map(toHex);
            });
            expect(await Promise.all(bodies)).toEqual([[hexOf(a)], [a, b, c].map(hexOf)]);
        });
    });

    it("follows a log: vertices of others, our own, and entries without one", async () => {
        const store = await bed.open();
        const [a, b, c] = await triple();
        await store.insertRecords([a]);
        const own = await insertVertex(store, [a]);
        const heard = await takeVertex(store, [b]);
        const unheard = await samples.vertex([c]);
        await store.followLog([
            { ...enrolmentEntry(1), records: [] },
            followedEntry(own, [a], 2),
            followedEntry(heard, [b], 3),
        ]);
        await store.followLog([followedEntry(unheard, [c], 4)]);
        await inBothLives(bed, store, async (current) => {
            const bodies = (await listOf(current.entries(0))).map(({ body }) => body.map(toHex));
            expect(bodies).toEqual([[], [hexOf(a)], [hexOf(b)], [hexOf(c)]]);
            expect(await openOf(current)).toEqual([]);
            expect(await current.checkpoint()).toBe("checkpoint 4");
            expect(await current.checkpointOf(2)).toBe("checkpoint 2");
            expect(await current.checkpointOf(5)).toBeNull();
        });
    });

    it("takes no entry out of place", async () => {
        const store = await bed.open();
        const [a] = await triple();
        const vertex = await samples.vertex([a]);
        await expectCode(store.followLog([followedEntry(vertex, [a], 2)]), "MS_LOG_LEAF");
        expect(await listOf(store.entries(0))).toEqual([]);
    });

    it("has a vertex as the log has it, though its author signed it another time before", async () => {
        const store = await bed.open();
        const [a] = await triple();
        const heard = await takeVertex(store, [a]);
        const bytes = heard.message.bytes.slice();
        bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
        const logged = followedEntry(heard, [a], 1);
        await store.followLog([{ ...logged, entry: { ...logged.entry, item: bytes } }]);
        const [entry] = await listOf(store.entries(0));
        expect(toHex(entry?.item ?? new Uint8Array())).toBe(toHex(bytes));
        expect(await openOf(store)).toEqual([]);
    });
}
