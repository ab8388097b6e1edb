import { constants, createPrivateKey, sign } from "node:crypto";
import { concatBytes, fromHex, type Signer, unwrap } from "@meterseal/core";
import { RSA_TEST_SECRET } from "@meterseal/testkit/keys";
import { decodeCbor, encodeCbor } from "../src/cbor.ts";
import { parseEnrolment } from "../src/enrol.ts";
import { parseRecord } from "../src/record.ts";
import { MESSAGE_TYPE } from "../src/sign1.ts";
import { flipBit, rawSign1 } from "./raw.ts";
import { type RefusedVector, signerOf } from "./vectors-messages.ts";

export type Refused = [
    name: string,
    kind: RefusedVector["kind"],
    bytes: Uint8Array,
    code: string,
    /** Key of the signature, where that is random or does not fit. */
    key?: string,
];

const NAME = "meter-ps256";

/** Inputs that are refused for their RSA key or their PS256 signature. */
export async function refusedRsa(hexOf: (name: string) => Uint8Array): Promise<Refused[]> {
    const valid = hexOf(`warning, by ${NAME}`);
    const { payload } = unwrap(parseRecord(valid)).message;
    const short = (signer: string, algorithm: number): Promise<Uint8Array> =>
        rawSign1({ signer: signerOf(signer), payload, algorithm });
    const cut = concatBytes(valid.slice(0, -259), fromHex("58ff"), valid.slice(-255));
    const bad = (name: string, bytes: Uint8Array, key: string = NAME): Refused => [
        ...([name, "signature", bytes, "MS_SIGNATURE_BAD", key] as const),
    ];
    return [
        ["PS256: signature of 255 bytes", "record", cut, "MS_MALFORMED", NAME],
        ["PS256: signature of 64 bytes", "record", await short("meter", -37), "MS_MALFORMED"],
        ["ES256: signature of 256 bytes", "record", await short(NAME, -7), "MS_MALFORMED", NAME],
        ...(await refusedKeys(hexOf)),
        bad("PS256: one bit of the payload turned", flipBit(valid, 8 * 100)),
        bad("PS256: one bit of the signature turned", flipBit(valid, 8 * (valid.length - 9))),
        bad("PS256: signed by another key", valid, "meter-es256"),
        bad("PS256: salt of 20 bytes", await rawSign1({ signer: withSalt(20), payload })),
        bad("PS256: no salt", await rawSign1({ signer: withSalt(0), payload })),
        bad("PS256: padding of PKCS #1 v1.5", await rawSign1({ signer: withSalt(null), payload })),
    ];
}

/** Enrolments of RSA keys of another length or exponent. */
async function refusedKeys(hexOf: (name: string) => Uint8Array): Promise<Refused[]> {
    const { payload } = unwrap(parseEnrolment(hexOf(`enrolment of ${NAME}`))).message;
    const enrolment = async (name: string, n: Uint8Array, e: string): Promise<Refused> => {
        const map = decodeCbor(payload) as Map<number, unknown>;
        const key = new Map<number, unknown>([
            [1, 3],
            [-1, n],
            [-2, fromHex(e)],
        ]);
        map.set(3, encodeCbor(key));
        const parts = { signer: signerOf("operator"), type: MESSAGE_TYPE.enrol };
        const bytes = await rawSign1({ ...parts, payload: encodeCbor(map) });
        return [`enrolment: an RSA key ${name}`, "enrolment", bytes, "MS_MALFORMED"];
    };
    const odd = (length: number): Uint8Array => new Uint8Array(length).fill(0xc1);
    return [
        await enrolment("of 3072 bits", odd(384), "010001"),
        await enrolment("of 2047 bits", Uint8Array.of(0x7f, ...odd(255)), "010001"),
        await enrolment("with an even modulus", Uint8Array.of(...odd(255), 0xc2), "010001"),
        await enrolment("with the exponent 3", odd(256), "03"),
    ];
}

/** The signer of the vectors with a salt of another length; null: padding of PKCS #1 v1.5. */
function withSalt(saltLength: number | null): Signer {
    const key = createPrivateKey({
        key: Buffer.from(RSA_TEST_SECRET, "hex"),
        format: "der",
        type: "pkcs8",
    });
    const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: saltLength ?? 0 };
    const options = saltLength === null ? {} : pss;
    return {
        publicKey: signerOf(NAME).publicKey,
        sign: async (message) => new Uint8Array(sign("sha256", message, { key, ...options })),
    };
}
