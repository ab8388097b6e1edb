import { TestChain, TestNetwork } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { encodeTx } from "../src/cometbft/tx.ts";
import { TxReader } from "../src/cometbft/tx-reader.ts";

let tx: Uint8Array;

beforeEach(async () => {
    const network = new TestNetwork("tx reader");
    const made = await (await network.collector()).vertex([
        await new TestChain(await network.meter()).usage(),
    ]);
    tx = encodeTx(
        made.vertex.message.bytes,
        made.records.map(({ message }) => message.bytes),
    );
});

describe("a reader of transactions", () => {
    it("gives the same parsed transaction for the same bytes, until it is forgotten", () => {
        const reader = new TxReader();
        const [first] = reader.readAll([tx]);
        expect(reader.readAll([tx.slice()])).toEqual([first]);
        expect(reader.readAll([tx.slice()])[0]).toBe(first);
        if (first !== null && first !== undefined) reader.forget(first);
        expect(reader.readAll([tx])[0]).not.toBe(first);
        expect(reader.readAll([tx])).toEqual([first]);
    });

    it("does not take over a change of the bytes it was given", () => {
        const reader = new TxReader();
        const changed = tx.slice();
        const [first] = reader.readAll([changed]);
        changed.fill(0);
        expect(first?.bytes).toEqual(tx);
        expect(reader.readAll([changed])).toEqual([null]);
        expect(reader.readAll([tx])[0]).toBe(first);
    });

    it("remembers nothing that is no transaction, and lets the oldest go beyond its bytes", () => {
        expect(new TxReader().read(Uint8Array.of(1)).ok).toBe(false);
        const reader = new TxReader(tx.length + 1);
        const [first] = reader.readAll([tx]);
        expect(reader.readAll([tx])[0]).toBe(first);
        const small = new TxReader(tx.length - 1);
        const [once] = small.readAll([tx]);
        expect(small.readAll([tx])[0]).not.toBe(once);
    });
});
