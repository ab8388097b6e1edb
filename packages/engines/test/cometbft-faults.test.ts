import { unwrap } from "@meterseal/core";
import { describe, expect, it } from "vitest";
import { encodeTx, parseTx } from "../src/cometbft/tx.ts";
import {
    begin,
    blockOf,
    collector,
    commit,
    enrolTx,
    network,
    nextBlock,
    open,
    txOf,
    useCometWorld,
    vertexTx,
} from "./comet-world.ts";

useCometWorld();

describe("a collector whose key is replaced while its vertex is on its way", () => {
    it("stops no proposal: the block refuses the vertex and takes the rest", async () => {
        const node = await open();
        await begin(node);
        await commit([node], [enrolTx()]);
        const [old, child] = [await vertexTx(), await vertexTx()];
        expect(await node.app.screen(old)).toBeNull();
        const renewed = await network.collector("renewed", {
            id: collector.enrolment.id,
            epoch: 1,
        });
        await commit([node], [txOf(renewed.enrolment.message.bytes)]);
        const other = await network.meter("another");
        const enrolment = txOf(other.enrolment.message.bytes);
        const proposal = node.app.prepare([old, child, enrolment], 1_000_000);
        expect(await node.app.process(proposal)).toBe(true);
        nextBlock();
        const { txResults } = await node.app.finalize(blockOf(proposal));
        expect(txResults.map(({ log }) => log)).toEqual([
            "MS_VERTEX_AUTHOR",
            "MS_VERTEX_AUTHOR",
            "",
        ]);
    });

    it("is no way to get votes for a forged signature under the key before", async () => {
        const node = await open();
        await begin(node);
        await commit([node], [enrolTx()]);
        const read = unwrap(parseTx(await vertexTx()));
        const renewed = { id: collector.enrolment.id, epoch: 1 };
        const { enrolment } = await network.collector("renewed", renewed);
        await commit([node], [txOf(enrolment.message.bytes)]);
        expect(await node.app.process([encodeTx(read.item, read.body)])).toBe(true);
        const forged = read.item.slice();
        forged[forged.length - 1] = (forged.at(-1) as number) ^ 1;
        expect(await node.app.process([encodeTx(forged, read.body)])).toBe(false);
    });
});
