import { readFileSync } from "node:fs";
import { fromHex, toHex, unwrap } from "@meterseal/core";
import { decodeCbor, STREAM_MODE } from "@meterseal/record";
import { TEST_LATER_MS, TestChain, TestNetwork } from "@meterseal/testkit/records";
import { describe, expect, it } from "vitest";
import { accept } from "../src/accept/accept.ts";
import { decodeGenesis, NETWORK_MODE, networkIdOf } from "../src/genesis.ts";
import { codeOf, nameOf } from "./world.ts";

const vector = JSON.parse(
    readFileSync(new URL("../../../vectors/ledger/mixed-genesis.json", import.meta.url), "utf8"),
) as {
    readonly genesis: string;
    readonly networkId: string;
    readonly refused: readonly {
        readonly name: string;
        readonly code: string;
        readonly hex: string;
    }[];
};

const open = (value: bigint) => ({ mode: "open" as const, registers: Array(4).fill(value) });

describe("a mixed network", () => {
    it("has a genesis of version 2, and neither version has the modes of the other", () => {
        const mixed = new TestNetwork("mixed", NETWORK_MODE.mixed);
        expect(unwrap(decodeGenesis(mixed.genesis)).mode).toBe(NETWORK_MODE.mixed);
        expect(toHex(mixed.genesis)).toBe(vector.genesis);
        expect(toHex(mixed.networkId)).toBe(vector.networkId);
        expect(vector.refused).toHaveLength(4);
        for (const { code, hex, name } of vector.refused) {
            expect(codeOf(decodeGenesis(fromHex(hex))), name).toBe(code);
        }
    });

    it("leaves a network of version 1 its bytes and its id", () => {
        const { genesis } = new TestNetwork("plain", STREAM_MODE.open);
        expect((decodeCbor(genesis) as Map<number, unknown>).get(0)).toBe(1);
        expect(toHex(networkIdOf(genesis))).toHaveLength(64);
    });

    it("keeps sealed and open streams in one vertex, each under its own rule", async () => {
        const network = new TestNetwork("mixed", NETWORK_MODE.mixed);
        const collector = await network.collector();
        const sealed = await network.meter("sealed", { descriptor: { mode: STREAM_MODE.sealed } });
        const plain = await network.meter("plain", { descriptor: { mode: STREAM_MODE.open } });
        const state = network.state();
        for (const { enrolment } of [collector, sealed, plain]) {
            expect(codeOf(accept(state, { kind: "enrolment", enrolment }, 0))).toBe("ok");
        }
        const [one, other] = [new TestChain(sealed), new TestChain(plain)];
        const take = async (...records: Awaited<ReturnType<TestChain["usage"]>>[]) => {
            const accepted = accept(state, await collector.vertex(records), TEST_LATER_MS);
            return unwrap(accepted).outcomes.map(nameOf).sort();
        };
        const both = [await one.usage(), await other.usage({ values: open(7n) })];
        expect(await take(...both)).toEqual(["accepted", "accepted"]);
        expect(await take(await other.usage({ values: open(6n) }))).toEqual([
            "MS_REGISTER_DECREASED",
        ]);
        expect(await take(await one.usage({ values: open(9n) }))).toEqual(["MS_STREAM_RULE"]);
    });

    it("is the only one in which a stream may have the other mode", async () => {
        for (const mode of [STREAM_MODE.sealed, STREAM_MODE.open]) {
            const network = new TestNetwork("one mode", mode);
            const meter = await network.meter("m", { descriptor: { mode: 1 - mode } });
            const { enrolment } = meter;
            const accepted = accept(network.state(), { kind: "enrolment", enrolment }, 0);
            expect(codeOf(accepted)).toBe("MS_ENROLMENT");
        }
    });
});
