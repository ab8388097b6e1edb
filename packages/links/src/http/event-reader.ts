import { error, LIMITS } from "@meterseal/core";
import { SESSION_EVENT } from "./paths.ts";

/** Characters of one event: a message in base64 and the names of its fields. */
const EVENT_CHARACTERS = Math.ceil(LIMITS.messageBytes / 3) * 4 + 256;

const SESSION = new RegExp(`^event: ${SESSION_EVENT}\ndata: ([A-Za-z0-9_-]{16,128})$`);
const MESSAGE = /^data: ([A-Za-z0-9+/]*={0,2})$/;

/** Takes a stream of server-sent events apart, as far as the collector's `Session` writes them. */
export class EventReader {
    readonly #onSession: (id: string) => void;
    readonly #onMessage: (message: Uint8Array) => void;
    #rest = "";

    constructor(onSession: (id: string) => void, onMessage: (message: Uint8Array) => void) {
        this.#onSession = onSession;
        this.#onMessage = onMessage;
    }

    /**
     * Takes the next piece of the stream.
     * @throws MetersealError MS_MALFORMED, MS_TOO_LARGE for an event beyond one message.
     */
    push(piece: string): void {
        const events = (this.#rest + piece).split("\n\n");
        this.#rest = events.pop() ?? "";
        for (const event of events) this.#take(event);
        if (this.#rest.length > EVENT_CHARACTERS) throw error("MS_TOO_LARGE");
    }

    #take(event: string): void {
        if (event === ":") return; // a probe
        const message = MESSAGE.exec(event)?.[1];
        const session = SESSION.exec(event)?.[1];
        if (message !== undefined) this.#onMessage(new Uint8Array(Buffer.from(message, "base64")));
        else if (session !== undefined) this.#onSession(session);
        else throw error("MS_MALFORMED", { where: "the stream of a collector" });
    }
}
