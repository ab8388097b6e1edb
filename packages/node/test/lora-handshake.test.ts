import { bytesEqual, type Signer, unwrap } from "@meterseal/core";
import { type Credential, enrolledCredential, Initiator, METHOD } from "@meterseal/links/edhoc";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { describe, expect, it } from "vitest";
import { LoraHandshake } from "../src/bridge/lorawan/handshake.ts";
import { systemRandom } from "../src/clocks.ts";

const meter = testSigner("lora meter");
const bridge = testSigner("lora bridge");
const METER = enrolledCredential("5a".repeat(16), meter.publicKey);
const BRIDGE = enrolledCredential("bridge", bridge.publicKey);
const LABEL = 32_770;

function initiator(signer: Signer = meter, own: Credential = METER, peer = BRIDGE): Initiator {
    return new Initiator({
        ...{ own: { ...own, signer }, method: METHOD.signatures, suites: [2] },
        ...{ connection: new Uint8Array(), random: systemRandom },
        find: (id) => (bytesEqual(id, peer.id) ? peer : null),
    });
}

describe("a handshake over LoRa", () => {
    it("gives both the same key, in messages of 37, 110 and 85 bytes", async () => {
        const side = new LoraHandshake(bridge, METER);
        const own = initiator();
        const second = await side.take(own.message1);
        expect(second).toMatchObject({ lightKey: null, refusal: null });
        const message2 = second.answer ?? new Uint8Array();
        const message3 = unwrap(await own.takeMessage2(message2));
        expect([own.message1.length, message2.length, message3.length]).toEqual([37, 110, 85]);
        const fourth = await side.take(message3);
        unwrap(own.takeMessage4(fourth.answer ?? new Uint8Array()));
        expect(fourth.lightKey).toEqual(own.session?.exportKey(LABEL, new Uint8Array(), 16));
        // Said again by somebody else it leads to nothing.
        expect(await side.take(message3)).toMatchObject({
            lightKey: null,
            refusal: "MS_NOT_ALLOWED",
        });
    });

    it("gives another key each time, also where one was broken off", async () => {
        const side = new LoraHandshake(bridge, METER);
        await side.take(initiator().message1);
        const keys: (Uint8Array | null)[] = [];
        for (let i = 0; i < 2; i++) {
            const own = initiator();
            const { answer } = await side.take(own.message1);
            const message3 = unwrap(await own.takeMessage2(answer ?? new Uint8Array()));
            keys.push((await side.take(message3)).lightKey);
        }
        expect(keys.every((key) => key?.length === 16)).toBe(true);
        expect(keys[0]).not.toEqual(keys[1]);
    });

    it("refuses a meter that is another, or cannot sign", async () => {
        const other = testSigner("another meter");
        for (const [signer, own, code] of [
            [other, enrolledCredential("5b".repeat(16), other.publicKey), "MS_KEY_UNKNOWN"],
            [other, METER, "MS_SIGNATURE_BAD"],
        ] as const) {
            const side = new LoraHandshake(bridge, METER);
            const false_ = initiator(signer, own);
            const { answer } = await side.take(false_.message1);
            const message3 = unwrap(await false_.takeMessage2(answer ?? new Uint8Array()));
            const step = await side.take(message3);
            expect(step).toMatchObject({ lightKey: null, refusal: code });
            expect(step.answer).not.toBeNull();
        }
    });

    it("is refused by a meter whose bridge is another", async () => {
        const side = new LoraHandshake(testSigner("another bridge"), METER);
        const own = initiator();
        const { answer } = await side.take(own.message1);
        const refused = await own.takeMessage2(answer ?? new Uint8Array());
        expect(refused.ok ? "ok" : refused.error.code).toBe("MS_KEY_UNKNOWN");
    });

    it("refuses any changed byte of the third message, and messages that are none", async () => {
        const side = new LoraHandshake(bridge, METER);
        for (let at = 2; at < 85; at += 9) {
            const own = initiator();
            const { answer } = await side.take(own.message1);
            const message3 = unwrap(await own.takeMessage2(answer ?? new Uint8Array())).slice();
            message3[at] = (message3[at] as number) ^ 1;
            expect((await side.take(message3)).refusal).toBe("MS_SIGNATURE_BAD");
        }
        for (const wrong of [new Uint8Array(), Uint8Array.of(0), testBytes("noise", 30)])
            expect(await side.take(wrong)).toMatchObject({
                lightKey: null,
                refusal: expect.any(String),
            });
        expect(await side.take(Uint8Array.of(0x40))).toEqual({
            ...{ answer: null, lightKey: null, refusal: null },
        });
    });
});
