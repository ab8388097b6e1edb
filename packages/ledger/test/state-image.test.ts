import { unwrap } from "@meterseal/core";
import { encodeEpoch, PARTY_ROLE, RECORD_CLASS } from "@meterseal/record";
import { rsaTestSigner, testBytes, testSigner } from "@meterseal/testkit/keys";
import { TestParty } from "@meterseal/testkit/parties";
import { TEST_LATER_MS, TestChain } from "@meterseal/testkit/records";
import { describe, expect, it } from "vitest";
import { accept } from "../src/accept/accept.ts";
import { StateFacts } from "../src/accept/state-facts.ts";
import { stateRoot } from "../src/accept/state-root.ts";
import { leafHash } from "../src/merkle/hash.ts";
import { MerkleLog } from "../src/merkle/log.ts";
import { imageOfLedger, ledgerOfImage } from "../src/packed/state-image.ts";
import { restOf } from "../src/packed/state-rest.ts";
import { codeOf, World } from "./world.ts";

const copies = (pieces: readonly Uint8Array[]): Uint8Array[] => pieces.map((each) => each.slice());

/** A world in which every part of the state holds something. */
async function eventful(mode: number): Promise<World> {
    const world = await World.open(mode);
    const { chain, network } = world;
    const registers = (value: bigint) =>
        mode === 1
            ? { values: { mode: "open" as const, registers: [value, value, value, value] } }
            : {};
    await world.take([
        await chain.usage(registers(5n)),
        await chain.warning(),
        await chain.epoch(),
    ]);
    await world.take([await chain.usage(registers(6n))]);
    await chain.warning(); // one that nobody hears of
    await world.take([await chain.warning("waits")]);
    const meter = await network.meter("forked", {});
    world.enrol(meter);
    const [one, other] = [new TestChain(meter), new TestChain(meter)];
    await world.take([await one.warning("one"), await one.warning("more")]);
    await world.take([await other.warning("other")]);
    const rsa = await network.meter("rsa", { signer: rsaTestSigner() });
    world.enrol(rsa);
    await world.take([await new TestChain(rsa).warning("signed with PS256")]);
    const rotated = await network.meter("rotated", {});
    world.enrol(rotated);
    const changes = {
        signer: testSigner("new"),
        payload: { epoch: 1 },
        descriptor: { sealEpoch: 1 },
    };
    world.enrol(await network.meter("rotated", changes));
    const home = await TestParty.make(network, "home", {
        payload: { streams: [meter.descriptor.stream] },
    });
    const shop = await TestParty.make(network, "shop", { payload: { role: PARTY_ROLE.provider } });
    for (const party of [home, shop]) {
        expect(codeOf(world.accept({ kind: "party", party: party.party }))).toBe("ok");
    }
    const notice = await home.grant("grant");
    expect(codeOf(world.accept({ kind: "notice", notice }))).toBe("ok");
    expect(codeOf(world.accept({ kind: "tariff", tariff: await shop.tariff() }))).toBe("ok");
    const pruning = await network.pruning();
    expect(codeOf(world.accept({ kind: "pruning", pruning }))).toBe("ok");
    return world;
}

function logOf(size: number): MerkleLog {
    return MerkleLog.of(
        Array.from({ length: size }, (_, i) => leafHash(new Uint8Array([i % 251]))),
    );
}

describe("an image of a state", () => {
    it.each([0, 1])("holds all of it, in mode %i, and the state goes on the same", async (mode) => {
        const world = await eventful(mode);
        const log = logOf(5_000);
        const pieces = copies(imageOfLedger({ state: world.state, log }));
        const imaged = ledgerOfImage(world.network.genesis, pieces);
        if (!imaged.ok) throw imaged.error;
        const { state } = imaged.value;
        expect(restOf(state)).toEqual(restOf(world.state));
        for (const table of ["keys", "subjects", "streams"] as const) {
            expect([...state[table]]).toEqual([...world.state[table]]);
        }
        const chains = ({ chains }: World["state"]): unknown[] =>
            [...chains].map(([name, { hashes, ...rest }]) => [
                name,
                rest,
                Array.from({ length: hashes.length }, (_, i) => hashes.at(i)),
            ]);
        expect(chains(state)).toEqual(chains(world.state));
        expect(stateRoot(state)).toEqual(stateRoot(world.state));
        expect(new StateFacts().root(state)).toEqual(stateRoot(state));
        expect(imaged.value.log.root()).toEqual(log.root());
        expect(state.size).toBe(log.size);
        const entry = await world.collector.vertex([await world.chain.warning("next")]);
        expect(accept(state, entry, TEST_LATER_MS)).toEqual(
            accept(world.state, entry, TEST_LATER_MS),
        );
        expect(stateRoot(state)).toEqual(stateRoot(world.state));
        expect(new StateFacts().root(state)).toEqual(stateRoot(state));
    });

    it.each([
        ["the last place that there is", Number.MAX_SAFE_INTEGER - 1, "pending"],
        ["a place beyond all numbers", Number.MAX_SAFE_INTEGER, "MS_CHAIN_MISMATCH"],
    ])("stays readable with a record for %s", async (_, lastSeq, outcome) => {
        const world = await World.open();
        const { chain, network } = world;
        const body = encodeEpoch({ chainEpoch: 0, lastSeq, lastHash: testBytes("last", 32) });
        const place = { chainEpoch: 1, seq: 1 };
        const record = await chain.other(RECORD_CLASS.epoch, body, place);
        expect(await world.take([record])).toEqual([outcome]);
        const pieces = copies(imageOfLedger({ state: world.state, log: logOf(3) }));
        const imaged = unwrap(ledgerOfImage(network.genesis, pieces));
        expect(restOf(imaged.state)).toEqual(restOf(world.state));
    });

    it("is made without facts where nobody asked for a root yet", async () => {
        const world = await World.open();
        const fresh = world.network.state();
        const pieces = copies(imageOfLedger({ state: fresh, log: logOf(0) }));
        const imaged = ledgerOfImage(world.network.genesis, pieces);
        expect(imaged.ok && stateRoot(imaged.value.state)).toEqual(stateRoot(fresh));
    });

    it("is refused for another network, in another layout, and with pages that are missing", async () => {
        const world = await eventful(0);
        const genesis = world.network.genesis;
        const pieces = () => copies(imageOfLedger({ state: world.state, log: logOf(5_000) }));
        const other = await World.open(1);
        expect(codeOf(ledgerOfImage(other.network.genesis, pieces()))).toBe("MS_GENESIS");
        expect(codeOf(ledgerOfImage(genesis, []))).toBe("MS_MALFORMED");
        expect(codeOf(ledgerOfImage(genesis, pieces().slice(0, -1)))).toBe("MS_MALFORMED");
        expect(codeOf(ledgerOfImage(genesis, [...pieces(), new Uint8Array(3)]))).toBe(
            "MS_MALFORMED",
        );
        const short = pieces().map((piece, i) => (i === 0 ? piece : piece.subarray(1)));
        expect(codeOf(ledgerOfImage(genesis, short))).toBe("MS_MALFORMED");
        const [head, ...rest] = pieces() as [Uint8Array, ...Uint8Array[]];
        head[1] = 1; // array of six, then the version
        expect(codeOf(ledgerOfImage(genesis, [head, ...rest]))).toBe("MS_MALFORMED");
    });
});
