import { LIMITS, toHex } from "@meterseal/core";
import {
    COLLECTOR_NAME,
    type Credential,
    drawExchangeCredential,
    exchangeCredential,
} from "../edhoc/index.ts";
import type { KnownMeter } from "./collector-options.ts";
import { handshakeRandom } from "./randomness.ts";

/** A meter that has shown its static key in a session. */
type Introduced = KnownMeter & {
    /** Credential id of its enrolled key, under which it must still be known. */
    readonly enrolledId: Uint8Array;
};

/**
 * Static Diffie-Hellman keys that meters have shown in sessions, and the collector's own, for the
 * shorter handshakes of method 3. They live as long as the process: enrolled keys sign alone.
 */
export class Introductions {
    readonly own = drawExchangeCredential(COLLECTOR_NAME, handshakeRandom);
    readonly #find: (id: Uint8Array) => KnownMeter | null;
    readonly #byId = new Map<string, Introduced>();
    readonly #idOf = new Map<string, string>();

    /** @param find - of enrolled meters. */
    constructor(find: (id: Uint8Array) => KnownMeter | null) {
        this.#find = find;
    }

    /** A meter by the id of its enrolled or static key; null for one that is not enrolled any more. */
    find(id: Uint8Array): KnownMeter | null {
        const introduced = this.#byId.get(toHex(id));
        if (introduced === undefined) return this.#find(id);
        return this.#find(introduced.enrolledId) === null ? null : introduced;
    }

    /** Takes the key that a meter shows, in the place of an earlier one; the oldest go where many are. */
    add(subjectHex: string, enrolled: Credential, exchangeKey: Uint8Array): void {
        const credential = exchangeCredential(subjectHex, exchangeKey);
        const idHex = toHex(credential.id);
        const known = this.#byId.get(idHex);
        if (known !== undefined && known.subjectHex !== subjectHex) return; // not for others to take
        this.#forget(subjectHex);
        this.#byId.set(idHex, { subjectHex, credential, enrolledId: enrolled.id });
        this.#idOf.set(subjectHex, idHex);
        const [oldest] = this.#idOf.keys();
        if (this.#idOf.size > LIMITS.introductions && oldest !== undefined) this.#forget(oldest);
    }

    #forget(subjectHex: string): void {
        const idHex = this.#idOf.get(subjectHex);
        if (idHex !== undefined) this.#byId.delete(idHex);
        this.#idOf.delete(subjectHex);
    }
}
