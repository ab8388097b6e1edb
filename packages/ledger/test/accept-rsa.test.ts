import { fromHex } from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import {
    type EnrolPayload,
    encodeCoseKey,
    parseEnrolment,
    parseRecord,
    verifySign1,
} from "@meterseal/record";
import { rsaTestSigner, testSigner } from "@meterseal/testkit/keys";
import { TestChain, TestNetwork } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { codeOf, expectRefused, World } from "./world.ts";

let world: World;
beforeEach(async () => {
    world = await World.open(0, { signer: rsaTestSigner() });
});

describe("a meter that signs with PS256", () => {
    it("has its records taken, in its chain", async () => {
        const { chain } = world;
        const records = [await chain.usage(), await chain.warning(), await chain.usage()];
        expect(records.map(({ message }) => message.algorithm)).toEqual([-37, -37, -37]);
        expect(await world.take(records)).toEqual(["accepted", "accepted", "accepted"]);
        expect(world.chainState()?.headSeq).toBe(3);
    });

    it("has no record taken that another key signed, of either kind", async () => {
        for (const signer of [testSigner("other"), testSigner("other", "edDsa")]) {
            const world = await World.open(0, { signer: rsaTestSigner() });
            const forged = await new TestChain({ ...world.meter, signer }).warning();
            expectRefused(world, await world.collector.vertex([forged]), "MS_KEY_UNKNOWN");
        }
    });

    it("has no record taken whose signature was changed", async () => {
        const { bytes } = (await world.chain.warning()).message;
        const changed = bytes.slice();
        changed[bytes.length - 1] = (changed[bytes.length - 1] ?? 0) ^ 1;
        const record = parseRecord(changed);
        if (!record.ok) throw record.error;
        expect(verifySign1(record.value.message, world.meter.signer.publicKey)).toBe(false);
        expectRefused(world, await world.collector.vertex([record.value]), "MS_SIGNATURE_BAD");
    });

    it("goes on under an ES256 key in its next epoch, and with PS256 after that", async () => {
        const { chain, network } = world;
        await world.take([await chain.usage()]);
        const signers = [testSigner("next"), signerFromPem(generatePrivateKeyPem("ps256"))];
        for (const [i, signer] of signers.entries()) {
            const change = { payload: { epoch: i + 1 }, descriptor: { sealEpoch: i + 1 }, signer };
            const next = await network.meter("meter", change);
            expect(codeOf(world.enrol(next))).toBe("ok");
            const first = await new TestChain(next).warning();
            expect(await world.take([first])).toEqual(["accepted"]);
            expect(first.message.algorithm).toBe(signer.publicKey.algorithm);
        }
    });
});

describe("an enrolment of an RSA key", () => {
    const enrolment = async (n: Uint8Array, e = "010001") => {
        const network = new TestNetwork();
        const { enrolment } = await network.meter("meter", { signer: rsaTestSigner() });
        const { key } = enrolment as EnrolPayload;
        const hex = enrolment.message.bytes.toHex();
        const own = encodeCoseKey(key).toHex();
        expect(hex.split(own)).toHaveLength(2);
        const other = `a3010320${head(n)}${n.toHex()}2143010001`.replace("2143010001", exponent(e));
        expect(other.length).toBe(own.length);
        return parseEnrolment(fromHex(hex.replace(own, other)));
    };
    const head = (n: Uint8Array): string => `59${n.length.toString(16).padStart(4, "0")}`;
    const exponent = (e: string): string => `2143${e}`;
    const odd = new Uint8Array(256).fill(0xc1);

    it("is malformed unless the modulus has 2048 bits and the exponent is 65537", async () => {
        expect(codeOf(await enrolment(odd))).toBe("ok");
        expect(codeOf(await enrolment(odd.map((byte, i) => (i === 0 ? 0x41 : byte))))).toBe(
            "MS_MALFORMED",
        );
        expect(codeOf(await enrolment(odd.map((byte, i) => (i === 255 ? 0xc2 : byte))))).toBe(
            "MS_MALFORMED",
        );
        expect(codeOf(await enrolment(odd, "010003"))).toBe("MS_MALFORMED");
    });
});
