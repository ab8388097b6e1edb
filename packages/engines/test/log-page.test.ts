import { toHex } from "@meterseal/core";
import { summaryOf } from "@meterseal/ledger";
import { TestChain, TestNetwork } from "@meterseal/testkit/records";
import { expect, it } from "vitest";
import { logPage } from "../src/branch/log-page.ts";

it("a page ends before a body that was pruned, and none begins with it", async () => {
    const chain = new TestChain(await new TestNetwork().meter());
    const records = [await chain.usage(), await chain.usage()];
    const [whole, gone] = [records.map(({ message }) => message.bytes), records.map(summaryOf)];
    const bodies = [[], whole, [whole[0] ?? gone[0], gone[1]], whole] as Uint8Array[][];
    const store = {
        async *entries(from: number) {
            for (const [index, body] of bodies.entries()) {
                const entry = { index, timeMs: 1, item: Uint8Array.of(index), body };
                if (index >= from) yield await Promise.resolve(entry);
            }
        },
        checkpointOf: (size: number) => Promise.resolve(`note ${size}`),
    };
    const items = async (from: number) =>
        (await logPage(store, from, bodies.length)).entries.map(({ item }) => toHex(item));
    expect(await items(0)).toEqual(["00", "01"]);
    expect(await items(3)).toEqual(["03"]);
    await expect(items(2)).rejects.toMatchObject({ code: "MS_PRUNED" });
});
