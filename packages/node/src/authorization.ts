import { bytesEqual, type Clock, error, LIMITS, type Signer, toHex } from "@meterseal/core";
import { createLinkToken, type LinkToken, parseLinkToken } from "@meterseal/record";

/** Scheme of the header by which a party or a collector says who it is. */
const SCHEME = "Meterseal ";
/** A token of ES256 has some 300 characters, one of PS256 some 600. */
const HEADER_MAX = 1_024;

/** Who asks, in which network: author id or party id of 16 bytes, network id of 32. */
export type Asker = {
    readonly signer: Signer;
    readonly network: Uint8Array;
    readonly subject: Uint8Array;
};

/** Header by which it says who it is: a link token of now, signed by its key. */
export async function headerOf({ signer, ...claim }: Asker, clock: Clock): Promise<string> {
    const timeUnix = Math.floor(clock.nowMs() / 1000);
    const token = await createLinkToken(signer, { ...claim, timeUnix });
    return tokenHeader(token);
}

/**
 * Link token of an `Authorization` header: `Meterseal TOKEN`, in base64url, made for this network within
 * {@link LIMITS.tokenAgeSeconds}. Its signature and whose it is remain to be checked.
 * @param network id of this network, 32 bytes.
 * @param who signs such a token, for the sentence of a refusal.
 * @throws MetersealError MS_NOT_ALLOWED
 */
export function tokenOf(
    header: string | undefined,
    network: Uint8Array,
    clock: Clock,
    who: string,
): LinkToken {
    const token = parseLinkToken(headerToken(header, who));
    if (!token.ok) throw notAllowed("a link token in base64url");
    if (!bytesEqual(token.value.network, network)) throw notAllowed(`network ${toHex(network)}`);
    const nowUnix = Math.floor(clock.nowMs() / 1000);
    if (Math.abs(token.value.timeUnix - nowUnix) > LIMITS.tokenAgeSeconds) {
        throw notAllowed(`a token of the last ${LIMITS.tokenAgeSeconds} s; it is ${nowUnix} here`);
    }
    return token.value;
}

/**
 * Bytes of the token of an `Authorization` header; nothing of it is checked.
 * @param who signs such a token, for the sentence of a refusal.
 * @throws MetersealError MS_NOT_ALLOWED
 */
export function headerToken(header: string | undefined, who: string): Uint8Array {
    if (!header?.startsWith(SCHEME) || header.length > HEADER_MAX) {
        throw notAllowed(`"${SCHEME}" and a token that ${who} signed`);
    }
    return decodeToken(header.slice(SCHEME.length));
}

/** `Authorization` header around a token. */
export function tokenHeader(token: Uint8Array): string {
    return SCHEME + token.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Refusal of who asks, with what it should have shown. */
export function notAllowed(expected: string): Error {
    return error("MS_NOT_ALLOWED", { where: "authorization", expected });
}

function decodeToken(text: string): Uint8Array {
    try {
        return Uint8Array.fromBase64(text, { alphabet: "base64url" });
    } catch {
        return new Uint8Array();
    }
}
