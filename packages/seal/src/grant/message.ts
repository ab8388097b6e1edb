import {
    assert,
    error,
    fail,
    HPKE_ENC_BYTES,
    HPKE_TAG_BYTES,
    LIMITS,
    ok,
    type Result,
    type Signer,
    sealHpke,
    utf8,
} from "@meterseal/core";
import {
    attempt,
    createSign1,
    decodeCbor,
    encodeCbor,
    MapReader,
    MESSAGE_TYPE,
    parseSign1,
    type Sign1,
} from "@meterseal/record";
import { encodeTerms, findTermsFault, type GrantTerms, parseTerms } from "./terms.ts";

/** What the body of every grant is sealed with as HPKE info. */
export const GRANT_INFO: Uint8Array = utf8("meterseal/v1/grant");

/** A parsed grant whose signature is not checked and whose body is not opened. */
export type Grant = GrantTerms & {
    /** HPKE's encapsulated key. */
    readonly enc: Uint8Array;
    readonly ciphertext: Uint8Array;
    /** What the body is bound to: the payload's CBOR without the two fields above. */
    readonly aad: Uint8Array;
    /** The envelope; its hash is the name of the grant on the ledger. */
    readonly message: Sign1;
};

/**
 * Seals a body to its recipient and signs the whole as the household.
 * @param recipientKey - public key of the terms' HPKE suite; its id must be the terms' one.
 * @param body - CBOR of the body of the terms' kind.
 * @returns MS_MALFORMED for terms that contradict themselves, MS_TOO_LARGE beyond the size of a
 * message, MS_UNSEAL and MS_VERSION as sealHpke.
 */
export async function sealGrant(
    signer: Signer,
    terms: GrantTerms,
    recipientKey: Uint8Array,
    body: Uint8Array,
): Promise<Result<Uint8Array>> {
    const fault = findTermsFault(terms);
    if (fault !== null) return fail(error("MS_MALFORMED", { where: "grant", expected: fault }));
    const map = encodeTerms(terms);
    const context = { info: GRANT_INFO, aad: encodeCbor(map) };
    const sealed = await sealHpke(terms.hpkeSuite, recipientKey, context, body);
    if (!sealed.ok) return sealed;
    map.set(23, sealed.value.enc);
    map.set(24, sealed.value.ciphertext);
    const bytes = await createSign1(signer, MESSAGE_TYPE.grant, encodeCbor(map));
    if (bytes.length <= LIMITS.recordBytes) return ok(bytes);
    const expected = `at most ${LIMITS.recordBytes} bytes`;
    const todo = "Grant a shorter range, or fewer groups; a lease a month is one way.";
    return fail(error("MS_TOO_LARGE", { expected, got: `${bytes.length} bytes`, todo }));
}

/** Parses a grant strictly; neither signature nor body is looked at. */
export function parseGrant(bytes: Uint8Array): Result<Grant> {
    const message = parseSign1(bytes, MESSAGE_TYPE.grant);
    if (!message.ok) return message;
    return attempt(() => {
        const payload = decodeCbor(message.value.payload);
        const map = new MapReader(payload, "grant");
        const terms = parseTerms(map);
        const enc = map.bytes(23, HPKE_ENC_BYTES[terms.hpkeSuite] as number);
        const ciphertext = map.bytes(24, HPKE_TAG_BYTES + 1, LIMITS.recordBytes);
        map.end();
        assert(payload instanceof Map, "a payload that a map reader took");
        const open = new Map(payload);
        open.delete(23);
        open.delete(24);
        return { ...terms, enc, ciphertext, aad: encodeCbor(open), message: message.value };
    });
}
