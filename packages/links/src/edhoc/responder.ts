import {
    assert,
    concatBytes,
    error,
    fail,
    type MetersealError,
    ok,
    type Result,
} from "@meterseal/core";
import { attempt } from "@meterseal/record";
import { authenticate, authenticationBytes, isAuthentic } from "./authenticate.ts";
import type { Credential, OwnCredential } from "./credentials.ts";
import { type EdhocOptions, mixStaticKey } from "./initiator.ts";
import {
    decodeMessage1,
    decodePlaintext,
    ERROR,
    encodeError,
    encodePlaintext,
    isMethod,
    type Method,
    onlyBytes,
} from "./messages.ts";
import {
    EMPTY,
    expand,
    extract,
    HASH_BYTES,
    LABEL,
    messageKey,
    open,
    seal,
    transcript,
    xor,
} from "./schedule.ts";
import { bytesItem, identifierItem } from "./sequence.ts";
import { EdhocSession } from "./session.ts";
import { SUPPORTED_SUITES, type Suite, suiteOf } from "./suites.ts";

/** A handshake that goes on after the first message. */
type Running = {
    readonly method: Method;
    readonly suite: Suite;
    readonly privateKey: Uint8Array;
    readonly peerKey: Uint8Array;
    readonly prk3e2m: Uint8Array;
    readonly hash3: Uint8Array;
};

/** What a responder is known by, and what it checks a peer by. */
export type ResponderOptions = EdhocOptions & {
    /** Its credential for a method; null for one that it does not take. */
    readonly own: (method: Method) => OwnCredential | null;
};

/**
 * The side that answers a handshake (RFC 9528): `takeMessage1` gives the second message,
 * `takeMessage3` the session and a fourth message that confirms it.
 */
export class Responder {
    readonly #options: ResponderOptions;
    #running: Running | null = null;
    #session: EdhocSession | null = null;

    constructor(options: ResponderOptions) {
        this.#options = options;
    }

    /** The session; null before the third message. */
    get session(): EdhocSession | null {
        return this.#session;
    }

    /**
     * Takes the first message.
     * @returns the second; MS_MALFORMED, MS_VERSION for a method or suite that is not here,
     * MS_SIGNATURE_BAD for what is no public key.
     */
    async takeMessage1(bytes: Uint8Array): Promise<Result<Uint8Array>> {
        assert(this.#running === null, "one first message");
        const message = attempt(() => decodeMessage1(bytes));
        if (!message.ok) return message;
        const { method, publicKey: peerKey, suites } = message.value;
        const suite = suiteOf(suites.at(-1) ?? -1);
        if (suite === undefined || suites.slice(0, -1).some((id) => suiteOf(id) !== undefined)) {
            // The selected suite must be the first of the peer's list that both have.
            const expected = `one of suites ${SUPPORTED_SUITES.join(", ")}`;
            return fail(error("MS_VERSION", { where: "suite", expected, got: suites.join(", ") }));
        }
        const { connection, random } = this.#options;
        const own = isMethod(method) ? this.#options.own(method) : null;
        if (!isMethod(method) || own === null)
            return fail(error("MS_VERSION", { where: "method", got: `${method}` }));
        const privateKey = suite.privateKey(random);
        const secret = suite.agree(privateKey, peerKey);
        if (secret === null) return fail(error("MS_SIGNATURE_BAD", { where: "G_X" }));
        const publicKey = suite.publicKey(privateKey);
        const hash2 = transcript(bytesItem(publicKey), bytesItem(transcript(bytes)));
        const prk2e = extract(hash2, secret);
        const prk3e2m = mixStaticKey(suite, method, {
            ...{ prk: prk2e, label: LABEL.salt3e2m, hash: hash2 },
            privateKey: own.exchangePrivateKey,
            publicKey: peerKey,
        });
        if (prk3e2m === null) return fail(error("MS_SIGNATURE_BAD", { where: "G_R" }));
        const covered = {
            ...{ method, prk: prk3e2m, label: LABEL.mac2, hash: hash2 },
            connection: identifierItem(connection),
        };
        const plaintext2 = encodePlaintext({
            connection,
            credentialId: own.id,
            signatureOrMac: await authenticate(covered, own),
        });
        const keystream = expand(prk2e, LABEL.keystream2, hash2, plaintext2.length);
        const hash3 = transcript(bytesItem(hash2), plaintext2, own.content);
        this.#running = { method, suite, privateKey, peerKey, prk3e2m, hash3 };
        return ok(bytesItem(concatBytes(publicKey, xor(plaintext2, keystream))));
    }

    /**
     * Takes the third message.
     * @returns the fourth; MS_MALFORMED, MS_KEY_UNKNOWN for a credential that nobody knows,
     * MS_SIGNATURE_BAD for one that is not shown, or a transcript that is not ours.
     */
    takeMessage3(bytes: Uint8Array): Result<Uint8Array> {
        const running = this.#running;
        assert(running !== null && this.#session === null, "a third message after the first");
        const { hash3, method, prk3e2m, privateKey, suite } = running;
        const sealed = attempt(() => onlyBytes(bytes, "message 3"));
        if (!sealed.ok) return sealed;
        const key3 = messageKey(prk3e2m, { key: LABEL.key3, iv: LABEL.iv3 }, hash3);
        const plaintext3 = open(key3, sealed.value, { external: hash3 });
        if (plaintext3 === null) return fail(error("MS_SIGNATURE_BAD", { where: "message 3" }));
        const said = attempt(() => decodePlaintext(plaintext3, false, authenticationBytes(method)));
        if (!said.ok) return said;
        const peer = this.#options.find(said.value.credentialId);
        if (peer === null) return fail(error("MS_KEY_UNKNOWN", { where: "initiator" }));
        const prk4e3m = mixStaticKey(suite, method, {
            ...{ prk: prk3e2m, label: LABEL.salt4e3m, hash: hash3 },
            privateKey,
            publicKey: peer.exchangeKey,
        });
        if (prk4e3m === null) return fail(error("MS_SIGNATURE_BAD", { where: "G_I" }));
        const covered = { method, prk: prk4e3m, label: LABEL.mac3, hash: hash3, connection: EMPTY };
        if (!isAuthentic(covered, suite, peer, said.value.signatureOrMac))
            return fail(error("MS_SIGNATURE_BAD", { where: "message 3" }));
        return ok(
            this.#finish(peer, prk4e3m, transcript(bytesItem(hash3), plaintext3, peer.content)),
        );
    }

    #finish(peer: Credential, prk4e3m: Uint8Array, hash4: Uint8Array): Uint8Array {
        this.#session = new EdhocSession(peer, expand(prk4e3m, LABEL.prkOut, hash4, HASH_BYTES));
        const key4 = messageKey(prk4e3m, { key: LABEL.key4, iv: LABEL.iv4 }, hash4);
        return bytesItem(seal(key4, EMPTY, { external: hash4 }));
    }
}

/** The error message of a refusal for the peer (RFC 9528 section 6). */
export function errorMessageOf({ code, details }: MetersealError): Uint8Array {
    if (code === "MS_VERSION" && details.where === "suite")
        return encodeError(ERROR.wrongSuite, SUPPORTED_SUITES);
    if (code === "MS_KEY_UNKNOWN") return encodeError(ERROR.unknownCredential, true);
    return encodeError(ERROR.unspecified, code);
}
