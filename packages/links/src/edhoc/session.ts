import type { Credential } from "./credentials.ts";
import { EMPTY, expand, HASH_BYTES, LABEL } from "./schedule.ts";

/** Longest key that is exported, in bytes. */
const EXPORT_BYTES_MAX = 1_024;

/** What both sides have when a handshake is done. */
export class EdhocSession {
    /** Who the peer is; its credential was checked. */
    readonly peer: Credential;
    readonly #prkOut: Uint8Array;
    readonly #prkExporter: Uint8Array;

    /** @param prkOut - 32 bytes; only a handshake makes one. */
    constructor(peer: Credential, prkOut: Uint8Array) {
        this.peer = peer;
        this.#prkOut = prkOut;
        this.#prkExporter = expand(prkOut, LABEL.prkExporter, EMPTY, HASH_BYTES);
    }

    /**
     * Key material for an application (EDHOC_Exporter, RFC 9528 section 4.2.1).
     * @param label - 32,768 and above are for private use.
     * @param lengthBytes - 1 … 1,024.
     */
    exportKey(label: number, context: Uint8Array, lengthBytes: number): Uint8Array {
        return expand(this.#prkExporter, label, context, Math.min(lengthBytes, EXPORT_BYTES_MAX));
    }

    /** The session under new keys, which tell nothing of those before (RFC 9528 appendix H). */
    updated(context: Uint8Array): EdhocSession {
        const prkOut = expand(this.#prkOut, LABEL.keyUpdate, context, HASH_BYTES);
        return new EdhocSession(this.peer, prkOut);
    }
}
