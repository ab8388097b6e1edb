import { assert, error, fail, ok, type Random, type Result } from "@meterseal/core";
import { attempt } from "@meterseal/record";
import { authenticate, authenticationBytes, type Covered, isAuthentic } from "./authenticate.ts";
import type { FindCredential, OwnCredential } from "./credentials.ts";
import {
    decodeMessage2,
    decodePlaintext,
    encodeMessage1,
    encodePlaintext,
    isError,
    METHOD,
    type Method,
    onlyBytes,
    wrongSuiteError,
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
import { type Suite, suiteOf } from "./suites.ts";

/** What a side of a handshake works with. */
export type EdhocOptions = {
    readonly find: FindCredential;
    readonly random: Random;
    /** Connection identifier that this side chooses. */
    readonly connection: Uint8Array;
};

/** What an initiator chooses besides. */
export type InitiatorOptions = EdhocOptions & {
    /** A credential that the method takes: with a signing key, or a static Diffie-Hellman key. */
    readonly own: OwnCredential;
    readonly method: Method;
    /** Suites in the order of preference; the last is the one that is used. */
    readonly suites: readonly number[];
};

/** Why a handshake ended; the connection is closed with it. */
const refuse = (code: "MS_KEY_UNKNOWN" | "MS_SIGNATURE_BAD", where: string): Result<never> =>
    fail(error(code, { where }));

/**
 * The side that begins a handshake (RFC 9528): `message1`, then `takeMessage2` gives the third message
 * and the session; with a fourth message `takeMessage4` knows that the other side has it too.
 */
export class Initiator {
    readonly #options: InitiatorOptions;
    readonly #suite: Suite;
    readonly #privateKey: Uint8Array;
    readonly #message1: Uint8Array;
    #session: EdhocSession | null = null;
    #prk4e3m: Uint8Array = EMPTY;
    #hash4: Uint8Array = EMPTY;

    constructor(options: InitiatorOptions) {
        const suite = suiteOf(options.suites.at(-1) ?? -1);
        assert(suite !== undefined, "a suite that is here");
        this.#options = options;
        this.#suite = suite;
        this.#privateKey = suite.privateKey(options.random);
        this.#message1 = encodeMessage1({
            ...options,
            publicKey: suite.publicKey(this.#privateKey),
        });
    }

    /** The first message. */
    get message1(): Uint8Array {
        return this.#message1;
    }

    /** The session; null before the second message. */
    get session(): EdhocSession | null {
        return this.#session;
    }

    /**
     * Takes the second message.
     * @returns the third; MS_VERSION naming the suites where the responder has not ours, MS_MALFORMED,
     * MS_KEY_UNKNOWN for a credential that nobody knows, MS_SIGNATURE_BAD for one that is not shown.
     */
    async takeMessage2(bytes: Uint8Array): Promise<Result<Uint8Array>> {
        assert(this.#session === null, "one second message");
        if (isError(bytes)) return this.#refusedBy(bytes);
        const { method, own } = this.#options;
        const message = attempt(() => decodeMessage2(bytes));
        if (!message.ok) return message;
        const { ciphertext, publicKey } = message.value;
        const hash2 = transcript(bytesItem(publicKey), bytesItem(transcript(this.#message1)));
        const secret = this.#suite.agree(this.#privateKey, publicKey);
        if (secret === null) return refuse("MS_SIGNATURE_BAD", "G_Y");
        const prk2e = extract(hash2, secret);
        const keystream = expand(prk2e, LABEL.keystream2, hash2, ciphertext.length);
        const plaintext2 = xor(ciphertext, keystream);
        const said = attempt(() => decodePlaintext(plaintext2, true, authenticationBytes(method)));
        if (!said.ok) return said;
        const { connection, credentialId, signatureOrMac } = said.value;
        const peer = this.#options.find(credentialId);
        if (peer === null) return refuse("MS_KEY_UNKNOWN", "responder");
        const prk3e2m = this.#mixed(
            prk2e,
            LABEL.salt3e2m,
            hash2,
            this.#privateKey,
            peer.exchangeKey,
        );
        if (prk3e2m === null) return refuse("MS_SIGNATURE_BAD", "G_R");
        const covered2: Covered = {
            ...{ method, prk: prk3e2m, label: LABEL.mac2, hash: hash2 },
            connection: identifierItem(connection ?? EMPTY),
        };
        if (!isAuthentic(covered2, this.#suite, peer, signatureOrMac))
            return refuse("MS_SIGNATURE_BAD", "message 2");
        const hash3 = transcript(bytesItem(hash2), plaintext2, peer.content);
        const prk4e3m = this.#mixed(
            prk3e2m,
            LABEL.salt4e3m,
            hash3,
            own.exchangePrivateKey,
            publicKey,
        );
        if (prk4e3m === null) return refuse("MS_SIGNATURE_BAD", "G_I");
        const covered3 = {
            method,
            prk: prk4e3m,
            label: LABEL.mac3,
            hash: hash3,
            connection: EMPTY,
        };
        const plaintext3 = encodePlaintext({
            connection: null,
            credentialId: own.id,
            signatureOrMac: await authenticate(covered3, own),
        });
        const key3 = messageKey(prk3e2m, { key: LABEL.key3, iv: LABEL.iv3 }, hash3);
        this.#prk4e3m = prk4e3m;
        this.#hash4 = transcript(bytesItem(hash3), plaintext3, own.content);
        this.#session = new EdhocSession(
            peer,
            expand(prk4e3m, LABEL.prkOut, this.#hash4, HASH_BYTES),
        );
        return ok(bytesItem(seal(key3, plaintext3, { external: hash3 })));
    }

    /** Takes the fourth message: the responder has the session. MS_SIGNATURE_BAD where it is not its own. */
    takeMessage4(bytes: Uint8Array): Result<undefined> {
        assert(this.#session !== null, "a second message before");
        const sealed = attempt(() => onlyBytes(bytes, "message 4"));
        if (!sealed.ok) return sealed;
        const key4 = messageKey(this.#prk4e3m, { key: LABEL.key4, iv: LABEL.iv4 }, this.#hash4);
        const opened = open(key4, sealed.value, { external: this.#hash4 });
        return opened === null ? refuse("MS_SIGNATURE_BAD", "message 4") : ok(undefined);
    }

    /** The responder's error: it has none of our suites, or does not want this at all. */
    #refusedBy(bytes: Uint8Array): Result<never> {
        const suites = attempt(() => wrongSuiteError(bytes));
        if (!suites.ok || suites.value === null)
            return fail(error("MS_NOT_ALLOWED", { where: "responder", got: "a refusal" }));
        const expected = `suites ${this.#options.suites.join(", ")}`;
        return fail(
            error("MS_VERSION", { where: "suite", expected, got: suites.value.join(", ") }),
        );
    }

    /** Mixes a static key in where the method has them; the key of before where it has signatures. */
    #mixed(
        prk: Uint8Array,
        label: number,
        hash: Uint8Array,
        privateKey: Uint8Array | undefined,
        publicKey: Uint8Array | undefined,
    ): Uint8Array | null {
        return mixStaticKey(this.#suite, this.#options.method, {
            prk,
            label,
            hash,
            privateKey,
            publicKey,
        });
    }
}

/** PRK_3e2m or PRK_4e3m (RFC 9528 section 4.1.1); null where a static key lacks or is none. */
export function mixStaticKey(
    suite: Suite,
    method: Method,
    parts: {
        readonly prk: Uint8Array;
        readonly label: number;
        readonly hash: Uint8Array;
        readonly privateKey: Uint8Array | undefined;
        readonly publicKey: Uint8Array | undefined;
    },
): Uint8Array | null {
    const { hash, label, prk, privateKey, publicKey } = parts;
    if (method === METHOD.signatures) return prk;
    if (privateKey === undefined || publicKey === undefined) return null;
    const secret = suite.agree(privateKey, publicKey);
    return secret === null ? null : extract(expand(prk, label, hash, HASH_BYTES), secret);
}
