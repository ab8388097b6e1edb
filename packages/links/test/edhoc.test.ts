import { createPrivateKey, createPublicKey, sign as nodeSign } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ALGORITHM, type PublicKey, type Result, type Signer } from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import { decodeCbor } from "@meterseal/record";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
    type Credential,
    enrolledCredential,
    errorMessageOf,
    type FindCredential,
    Initiator,
    METHOD,
    type Method,
    type OwnCredential,
    Responder,
    SecureChannel,
} from "../src/edhoc/index.ts";
import { decodePlaintext } from "../src/edhoc/messages.ts";
import { expand, extract, messageKey, seal, xor } from "../src/edhoc/schedule.ts";
import { suiteOf, verifyAuthentication } from "../src/edhoc/suites.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex);
const vectors = fileURLToPath(new URL("../../../vectors/edhoc/", import.meta.url));
const read = <T>(name: string): T => JSON.parse(readFileSync(vectors + name, "utf8"));

type Trace = { method: Method; suites: number[] } & Record<string, string>;
const RFC = read<{ traces: Trace[]; invalid: { name: string; field: string; bytes: string }[] }>(
    "rfc9529.json",
);
const DRAFT = read<{ vectors: Record<string, string>[] }>("p256-draft-15.json");

function take<T>(result: Result<T>): T {
    if (result.ok) return result.value;
    throw result.error;
}

const fixed = (key: string) => ({ bytes: () => bytes(key) });

/** DER of an Ed25519 private key up to its seed (RFC 8410). */
const ED25519_PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

function ed25519Signer(seed: Uint8Array): Signer {
    const key = createPrivateKey({
        key: Buffer.concat([ED25519_PKCS8, seed]),
        format: "der",
        type: "pkcs8",
    });
    const { x = "" } = createPublicKey(key).export({ format: "jwk" });
    return {
        publicKey: { algorithm: ALGORITHM.edDsa, x: new Uint8Array(Buffer.from(x, "base64url")) },
        sign: async (message) => new Uint8Array(nodeSign(null, message, key)),
    };
}

/** The two credentials of a trace, with their private halves. */
function credentialsOf(trace: Trace): { initiator: OwnCredential; responder: OwnCredential } {
    const of = (side: "i" | "r"): OwnCredential => {
        const [id = "", content = "", pk = "", sk = ""] = [
            `id_cred_${side}`,
            `cred_${side}`,
            `pk_${side}`,
            `sk_${side}`,
        ].map((name) => trace[name]);
        const common = { id: bytes(id), content: bytes(content) };
        if (trace.method === METHOD.staticKeys)
            return { ...common, exchangeKey: bytes(pk), exchangePrivateKey: bytes(sk) };
        const signer = ed25519Signer(bytes(sk));
        return { ...common, signatureKey: signer.publicKey, signer };
    };
    return { initiator: of("i"), responder: of("r") };
}

const only =
    (credential: Credential): FindCredential =>
    (id) =>
        Buffer.from(id).equals(credential.id) ? credential : null;

function sidesOf(trace: Trace): { initiator: Initiator; responder: Responder } {
    const { initiator, responder } = credentialsOf(trace);
    return {
        initiator: new Initiator({
            ...{
                own: initiator,
                find: only(responder),
                method: trace.method,
                suites: trace.suites,
            },
            random: fixed(trace.x ?? ""),
            connection: bytes(trace.c_i ?? ""),
        }),
        responder: new Responder({
            ...{ own: () => responder, find: only(initiator) },
            random: fixed(trace.y ?? ""),
            connection: bytes(trace.c_r ?? ""),
        }),
    };
}

describe("the traces of RFC 9529", () => {
    it.each(RFC.traces.map((trace) => [trace.method, trace] as const))(
        "method %i: each message, the exporter and the key update, byte for byte",
        async (_, trace) => {
            const { initiator, responder } = sidesOf(trace);
            expect(initiator.message1.toHex()).toBe(trace.message_1);
            const message2 = take(await responder.takeMessage1(initiator.message1));
            expect(message2.toHex()).toBe(trace.message_2);
            const message3 = take(await initiator.takeMessage2(message2));
            expect(message3.toHex()).toBe(trace.message_3);
            const message4 = take(responder.takeMessage3(message3));
            expect(message4.toHex()).toBe(trace.message_4);
            take(initiator.takeMessage4(message4));
            for (const session of [initiator.session, responder.session]) {
                expect(session?.exportKey(0, new Uint8Array(), 16).toHex()).toBe(
                    trace.oscore_master_secret,
                );
                expect(session?.exportKey(1, new Uint8Array(), 8).toHex()).toBe(
                    trace.oscore_master_salt,
                );
                const updated = session?.updated(bytes(trace.key_update_context ?? ""));
                expect(updated?.exportKey(0, new Uint8Array(), 16).toHex()).toBe(
                    trace.oscore_master_secret_updated,
                );
                expect(updated?.exportKey(1, new Uint8Array(), 8).toHex()).toBe(
                    trace.oscore_master_salt_updated,
                );
            }
        },
    );

    it("a suite that the responder has not is answered with those that it has", async () => {
        const [, trace] = RFC.traces;
        if (trace === undefined) throw new Error("no trace");
        const { responder } = sidesOf(trace);
        const refused = await responder.takeMessage1(bytes(trace.message_1_first ?? ""));
        expect(refused).toMatchObject({ ok: false, error: { code: "MS_VERSION" } });
        // The responder of the trace has suite 2 alone, ours has 0 too.
        expect(refused.ok ? "" : errorMessageOf(refused.error).toHex()).toBe("02820002");
        const { initiator } = sidesOf(trace);
        const told = await initiator.takeMessage2(bytes(trace.error ?? ""));
        expect(told).toMatchObject({
            ok: false,
            error: { code: "MS_VERSION", details: { got: "2" } },
        });
    });

    it.each(RFC.invalid.map(({ bytes: hex, field, name }) => [name, field, hex] as const))(
        "refuses an invalid message: %s",
        async (_, field, hex) => {
            const [, trace] = RFC.traces;
            if (trace === undefined) throw new Error("no trace");
            const { initiator, responder } = sidesOf(trace);
            if (field === "message_1") {
                const result = await responder.takeMessage1(bytes(hex));
                expect(result.ok ? "" : result.error.code).toMatch(
                    /^MS_(MALFORMED|VERSION|SIGNATURE_BAD)$/,
                );
            } else if (field === "message_2") {
                const result = await initiator.takeMessage2(bytes(hex));
                expect(result).toMatchObject({ ok: false, error: { code: "MS_MALFORMED" } });
            } else {
                expect(field).toBe("PLAINTEXT_2");
                expect(() => decodePlaintext(bytes(hex), true, 8)).toThrow(/./);
            }
        },
    );
});

/** Key of a point `04 ‖ x ‖ y`. */
function pointOf(hex: string): PublicKey {
    const point = bytes(hex);
    return { algorithm: ALGORITHM.es256, x: point.slice(1, 33), y: point.slice(33) };
}

describe("the working group's vectors for P-256, in what did not change since", () => {
    it.each(DRAFT.vectors.map((vector, index) => [index + 1, vector] as const))(
        "vector %i",
        (_, vector) => {
            const of = (name: string): Uint8Array => bytes(vector[name] ?? "");
            const suite = suiteOf(2);
            if (suite === undefined) throw new Error("no suite");
            expect(suite.publicKey(of("x_raw"))).toEqual(of("g_x_raw"));
            expect(suite.publicKey(of("y_raw"))).toEqual(of("g_y_raw"));
            expect(suite.agree(of("x_raw"), of("g_y_raw"))).toEqual(of("g_xy_raw"));
            expect(suite.agree(of("y_raw"), of("g_x_raw"))).toEqual(of("g_xy_raw"));
            expect(expand(of("prk_2e_raw"), 1, of("th_2_raw"), 32)).toEqual(of("salt_3e2m"));
            const isStatic = vector.method === "03";
            if (isStatic) {
                const secret = suite.agree(of("r_raw"), of("g_x_raw"));
                expect(extract(of("salt_3e2m"), secret ?? new Uint8Array())).toEqual(
                    of("prk_3e2m_raw"),
                );
                const mixed = suite.agree(of("i_raw"), of("g_y_raw"));
                expect(extract(of("salt_4e3m"), mixed ?? new Uint8Array())).toEqual(
                    of("prk_4e3m_raw"),
                );
            } else {
                for (const [key, message, signature] of [
                    ["pk_r_raw", "m_2", "sig_or_mac_2_raw"],
                    ["pk_i_raw", "m_3", "sig_or_mac_3_raw"],
                ] as const) {
                    expect(
                        verifyAuthentication(
                            pointOf(vector[key] ?? ""),
                            of(message),
                            of(signature),
                        ),
                    ).toBe(true);
                    const changed = of(message);
                    changed[9] = (changed[9] ?? 0) ^ 1;
                    expect(
                        verifyAuthentication(pointOf(vector[key] ?? ""), changed, of(signature)),
                    ).toBe(false);
                }
            }
            const { length } = of("plaintext_2");
            expect(expand(of("prk_2e_raw"), 0, of("th_2_raw"), length)).toEqual(
                of("keystream_2_raw"),
            );
            expect(xor(of("plaintext_2"), of("keystream_2_raw"))).toEqual(of("ciphertext_2_raw"));
            expect(expand(of("prk_3e2m_raw"), 5, of("th_3_raw"), 32)).toEqual(of("salt_4e3m"));
            const key3 = messageKey(of("prk_3e2m_raw"), { key: 3, iv: 4 }, of("th_3_raw"));
            expect(key3).toEqual({ key: of("k_3_raw"), iv: of("iv_3_raw") });
            expect(seal(key3, of("p_3"), { external: of("th_3_raw") })).toEqual(
                of("ciphertext_3_raw"),
            );
            const key4 = messageKey(of("prk_4e3m_raw"), { key: 8, iv: 9 }, of("th_4_raw"));
            expect(key4).toEqual({ key: of("k_4_raw"), iv: of("iv_4_raw") });
            expect(seal(key4, new Uint8Array(), { external: of("th_4_raw") })).toEqual(
                of("ciphertext_4_raw"),
            );
            expect(expand(of("prk_4e3m_raw"), 7, of("th_4_raw"), 32)).toEqual(of("prk_out"));
            expect(expand(of("prk_out"), 10, new Uint8Array(), 32)).toEqual(of("prk_exporter"));
            expect(expand(of("prk_exporter"), 0, new Uint8Array(), 16)).toEqual(
                of("oscore_secret_raw"),
            );
            expect(expand(of("prk_exporter"), 1, new Uint8Array(), 8)).toEqual(
                of("oscore_salt_raw"),
            );
        },
    );
});

describe("a handshake with enrolled keys", () => {
    const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
    let meter: OwnCredential;
    let collector: OwnCredential;
    let stranger: OwnCredential;

    beforeAll(() => {
        const own = (name: string): OwnCredential => {
            const signer = signerFromPem(generatePrivateKeyPem("es256"));
            return { ...enrolledCredential(name, signer.publicKey), signer };
        };
        meter = own("meter");
        collector = own("collector");
        stranger = own("meter");
    });

    const start = (own = meter, knows = collector) =>
        new Initiator({
            ...{ own, find: only(knows), random, method: METHOD.signatures },
            suites: [2],
            connection: Uint8Array.of(5),
        });
    const answer = (knows = meter) =>
        new Responder({
            ...{ find: only(knows), random },
            own: (method) => (method === METHOD.signatures ? collector : null),
            connection: Uint8Array.of(7, 7),
        });

    it("gives both sides one key, and each the other's name", async () => {
        const [initiator, responder] = [start(), answer()];
        const message2 = take(await responder.takeMessage1(initiator.message1));
        const message3 = take(await initiator.takeMessage2(message2));
        take(initiator.takeMessage4(take(responder.takeMessage3(message3))));
        const keys = [initiator, responder].map(({ session }) =>
            session?.exportKey(32_768, Uint8Array.of(1), 16),
        );
        expect(keys[0]).toEqual(keys[1]);
        expect(initiator.session?.peer).toEqual(
            collector === undefined ? null : expect.objectContaining({ id: collector.id }),
        );
        const claims = decodeCbor(responder.session?.peer.content ?? new Uint8Array());
        expect(claims instanceof Map && claims.get(2)).toBe("meter");
        // Another handshake has another key.
        const other = [start(), answer()] as const;
        take(await other[0].takeMessage2(take(await other[1].takeMessage1(other[0].message1))));
        expect(other[0].session?.exportKey(32_768, Uint8Array.of(1), 16)).not.toEqual(keys[0]);
    });

    it("refuses who is not known, and whose name belongs to another key", async () => {
        const unknown = start(stranger);
        const responder = answer();
        const message3 = take(
            await unknown.takeMessage2(take(await responder.takeMessage1(unknown.message1))),
        );
        const refused = responder.takeMessage3(message3);
        expect(refused).toMatchObject({ ok: false, error: { code: "MS_KEY_UNKNOWN" } });
        expect(refused.ok ? "" : errorMessageOf(refused.error).toHex()).toBe("03f5");
        // The stranger signs, under the name of the meter.
        const impostor = start({ ...meter, signer: stranger.signer as Signer });
        const second = answer();
        const forged = take(
            await impostor.takeMessage2(take(await second.takeMessage1(impostor.message1))),
        );
        expect(second.takeMessage3(forged)).toMatchObject({
            ok: false,
            error: { code: "MS_SIGNATURE_BAD" },
        });
        expect(second.session).toBeNull();
        const misled = start(meter, stranger);
        const result = await misled.takeMessage2(
            take(await answer().takeMessage1(misled.message1)),
        );
        expect(result).toMatchObject({ ok: false, error: { code: "MS_KEY_UNKNOWN" } });
        expect(misled.session).toBeNull();
    });

    it("ends without a session where any bit of any message was changed", async () => {
        const flip = (message: Uint8Array, at: number): Uint8Array => {
            const bit = at % (8 * message.length);
            const changed = message.slice();
            changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
            return changed;
        };
        await fc.assert(
            fc.asyncProperty(fc.constantFrom(1, 2, 3, 4), fc.nat(), async (which, at) => {
                const [initiator, responder] = [start(), answer()];
                const changed = (number: number, message: Uint8Array): Uint8Array =>
                    number === which ? flip(message, at) : message;
                const message2 = await responder.takeMessage1(changed(1, initiator.message1));
                if (!message2.ok) return;
                const message3 = await initiator.takeMessage2(changed(2, message2.value));
                if (!message3.ok) return;
                const message4 = responder.takeMessage3(changed(3, message3.value));
                if (!message4.ok) return;
                expect(which).toBe(4);
                expect(initiator.takeMessage4(changed(4, message4.value)).ok).toBe(false);
            }),
            { numRuns: 60 },
        );
    });

    it("never throws at whatever bytes", async () => {
        await fc.assert(
            fc.asyncProperty(fc.uint8Array({ maxLength: 90 }), async (noise) => {
                const initiator = start();
                const responder = answer();
                expect((await responder.takeMessage1(noise)).ok).toBe(false);
                expect((await initiator.takeMessage2(noise)).ok).toBe(false);
                const begun = answer();
                take(await begun.takeMessage1(start().message1));
                expect(begun.takeMessage3(noise).ok).toBe(false);
            }),
            { numRuns: 60 },
        );
    });

    it("refuses a first message that skips a suite which both have, and other methods", async () => {
        const skipping = new Initiator({
            ...{ own: meter, find: only(collector), random, method: METHOD.signatures },
            suites: [0, 2],
            connection: Uint8Array.of(5),
        });
        expect(await answer().takeMessage1(skipping.message1)).toMatchObject({
            error: { code: "MS_VERSION" },
        });
        const statics = new Initiator({
            ...{ own: meter, find: only(collector), random, method: METHOD.staticKeys },
            suites: [2],
            connection: Uint8Array.of(5),
        });
        expect(await answer().takeMessage1(statics.message1)).toMatchObject({
            error: { code: "MS_VERSION" },
        });
    });

    describe("frames of its session", () => {
        async function channels(): Promise<{ up: SecureChannel; down: SecureChannel }> {
            const [initiator, responder] = [start(), answer()];
            const message2 = take(await responder.takeMessage1(initiator.message1));
            take(responder.takeMessage3(take(await initiator.takeMessage2(message2))));
            if (initiator.session === null || responder.session === null) throw new Error("none");
            return {
                up: new SecureChannel(initiator.session, "initiator"),
                down: new SecureChannel(responder.session, "responder"),
            };
        }

        it("carry contents both ways, in order, and hide them", async () => {
            const { down, up } = await channels();
            for (const content of [
                new Uint8Array(),
                Uint8Array.of(1, 2, 3),
                new Uint8Array(32_768).fill(7),
            ]) {
                const frame = up.seal(content);
                expect(take(down.open(frame))).toEqual(content);
                expect(take(up.open(down.seal(content)))).toEqual(content);
                expect(frame.length - content.length).toBeLessThanOrEqual(32);
            }
            const secret = new TextEncoder().encode("nobody reads this");
            expect(Buffer.from(up.seal(secret)).includes(Buffer.from(secret))).toBe(false);
        });

        it("are refused twice, left out, sent back, or with any one bit changed", async () => {
            const { down, up } = await channels();
            const first = up.seal(Uint8Array.of(1));
            const second = up.seal(Uint8Array.of(2));
            expect(down.open(second)).toMatchObject({ error: { code: "MS_REPLAYED" } });
            expect(up.open(first)).toMatchObject({ error: { code: "MS_SIGNATURE_BAD" } });
            for (let bit = 0; bit < 8 * first.length; bit++) {
                const changed = first.slice();
                changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
                expect(down.open(changed).ok, `bit ${bit}`).toBe(false);
            }
            expect(take(down.open(first))).toEqual(Uint8Array.of(1));
            expect(down.open(first)).toMatchObject({ error: { code: "MS_REPLAYED" } });
            expect(take(down.open(second))).toEqual(Uint8Array.of(2));
        });
    });
});
