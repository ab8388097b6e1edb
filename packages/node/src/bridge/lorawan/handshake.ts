import { type ErrorCode, error, fail, type Result, type Signer } from "@meterseal/core";
import {
    type Credential,
    enrolledCredential,
    errorMessageOf,
    METHOD,
    Responder,
} from "@meterseal/links/edhoc";
import { systemRandom } from "../../clocks.ts";
import { BRIDGE_NAME } from "./meter-directory.ts";

/** Label of light keys in the exporter, from the range for private use (RFC 9528 section 10.1). */
const LIGHT_LABEL = 32_770;
const LIGHT_KEY_BYTES = 16;
/** An empty byte string: the meter has nothing to say and wants a window to hear in. */
const WINDOW = 0x40;
const BYTE_STRING = 2;

/** What a message of a handshake led to. */
export type HandshakeStep = {
    /** What goes down; null for nothing. */
    readonly answer: Uint8Array | null;
    /** New session key; null before the third message. */
    readonly lightKey: Uint8Array | null;
    /** Why the handshake ended; null where it goes on, or is done. */
    readonly refusal: ErrorCode | null;
};

/**
 * The bridge's side of EDHOC with one meter (RFC 9528, method 0, suite 2), which both sign: a session
 * key that no file holds. One handshake at a time; a first message begins another.
 */
export class LoraHandshake {
    readonly #signer: Signer;
    readonly #meter: Credential;
    #responder: Responder | null = null;

    /** @param meter - credential of the meter's enrolled key. */
    constructor(signer: Signer, meter: Credential) {
        this.#signer = signer;
        this.#meter = meter;
    }

    /** Takes a message of the meter. */
    async take(message: Uint8Array): Promise<HandshakeStep> {
        const [first = 0] = message;
        if (message.length === 1 && first === WINDOW)
            return { answer: null, lightKey: null, refusal: null };
        const answer =
            first >> 5 === BYTE_STRING ? this.#third(message) : await this.#first(message);
        if (!answer.ok) {
            this.#responder = null;
            const { code } = answer.error;
            return { answer: errorMessageOf(answer.error), lightKey: null, refusal: code };
        }
        const session = this.#responder?.session ?? null;
        const lightKey = session?.exportKey(LIGHT_LABEL, new Uint8Array(), LIGHT_KEY_BYTES) ?? null;
        if (lightKey !== null) this.#responder = null;
        return { answer: answer.value, lightKey, refusal: null };
    }

    async #first(message: Uint8Array): Promise<Result<Uint8Array>> {
        const own = enrolledCredential(BRIDGE_NAME, this.#signer.publicKey);
        this.#responder = new Responder({
            own: (method) =>
                method === METHOD.signatures ? { ...own, signer: this.#signer } : null,
            find: (id) => (Buffer.compare(id, this.#meter.id) === 0 ? this.#meter : null),
            random: systemRandom,
            connection: new Uint8Array(),
        });
        return await this.#responder.takeMessage1(message);
    }

    #third(message: Uint8Array): Result<Uint8Array> {
        const expected = "a first message before";
        return (
            this.#responder?.takeMessage3(message) ??
            fail(error("MS_NOT_ALLOWED", { where: "message 3", expected }))
        );
    }
}
