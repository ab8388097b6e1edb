import type { Signer } from "@meterseal/core";
import { unwrap } from "@meterseal/core";
import { createRevocation, parseRevocation, type RevocationPayload } from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { beforeEach, describe, expect, it } from "vitest";
import type { Entry } from "../src/accept/accept.ts";
import { codeOf, expectRefused, World } from "./world.ts";

let world: World;
beforeEach(async () => {
    world = await World.open();
});

async function revocation(
    id: Uint8Array,
    changes: Partial<RevocationPayload> = {},
    by: Signer = world.network.operator,
): Promise<Entry> {
    const payload = { network: world.network.networkId, id, timeUnix: 1_700_000_000, ...changes };
    return {
        kind: "revocation",
        revocation: unwrap(parseRevocation(await createRevocation(by, payload))),
    };
}

describe("accept() of a revocation", () => {
    it("refuses the later vertices of a collector; what it wrote stays", async () => {
        expect(await world.take([await world.chain.usage()])).toEqual(["accepted"]);
        const before = world.root;
        expect(codeOf(world.accept(await revocation(world.collector.enrolment.id)))).toBe("ok");
        expect(world.root).not.toBe(before);
        const later = await world.collector.vertex([await world.chain.usage()]);
        expectRefused(world, later, "MS_FROZEN");
        expect(world.chainState()?.headSeq).toBe(1);
    });
    it("lets another collector carry the records of a meter whose collector is removed", async () => {
        const other = await world.network.collector("other");
        expect(codeOf(world.enrol(other))).toBe("ok");
        world.accept(await revocation(world.collector.enrolment.id));
        const carried = await other.vertex([await world.chain.usage()]);
        expect(codeOf(world.accept(carried))).toBe("ok");
        expect(world.chainState()?.headSeq).toBe(1);
    });
    it("refuses the later records of a meter, and not the vertex that carries them", async () => {
        expect(await world.take([await world.chain.usage()])).toEqual(["accepted"]);
        world.accept(await revocation(world.meter.subject));
        expect(await world.take([await world.chain.usage()])).toEqual(["MS_FROZEN"]);
        expect(world.chainState()?.headSeq).toBe(1);
    });
    it("is for good: the same id is not enrolled again", async () => {
        world.accept(await revocation(world.meter.subject));
        const again = await world.network.meter("meter", {
            signer: testSigner("another"),
            payload: { epoch: 5, streams: [] },
        });
        expectRefused(world, { kind: "enrolment", enrolment: again.enrolment }, "MS_ENROLMENT");
    });
    it("is refused unless the operator of this network signed it, about a member, once", async () => {
        const { subject } = world.meter;
        const foreign = await revocation(subject, { network: testBytes("other", 32) });
        expectRefused(world, foreign, "MS_ENROLMENT");
        expectRefused(world, await revocation(subject, {}, testSigner("x")), "MS_SIGNATURE_BAD");
        expectRefused(world, await revocation(testBytes("nobody", 16)), "MS_ENROLMENT");
        expect(codeOf(world.accept(await revocation(subject)))).toBe("ok");
        expectRefused(world, await revocation(subject, { timeUnix: 1 }), "MS_ENROLMENT");
    });
});
