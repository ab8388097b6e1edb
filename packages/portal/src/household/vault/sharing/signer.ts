import { ALGORITHM, type Signer, toLowS } from "@meterseal/core";

const ES256 = { name: "ECDSA", namedCurve: "P-256" } as const;

/**
 * Signer of a wallet in the browser, by WebCrypto.
 * @param pkcs8 - private key of P-256.
 * @throws DOMException where the bytes are no such key.
 */
export async function importSigner(pkcs8: Uint8Array<ArrayBuffer>): Promise<Signer> {
    const key = await crypto.subtle.importKey("pkcs8", pkcs8, ES256, true, ["sign"]);
    const { x = "", y = "" } = await crypto.subtle.exportKey("jwk", key);
    const bytes = (text: string): Uint8Array =>
        Uint8Array.fromBase64(text, { alphabet: "base64url" });
    return {
        publicKey: { algorithm: ALGORITHM.es256, x: bytes(x), y: bytes(y) },
        sign: async (message) => {
            const signature = await crypto.subtle.sign(
                { name: "ECDSA", hash: "SHA-256" },
                key,
                new Uint8Array(message),
            );
            return toLowS(new Uint8Array(signature));
        },
    };
}
