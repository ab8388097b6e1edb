import type { Duplex } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { type Credential, METHOD } from "../edhoc/index.ts";
import type { Intake } from "../intake.ts";
import { SessionTable } from "../session-table.ts";
import type { StreamCollectorSettings } from "./collector-options.ts";
import { StreamCollectorSession } from "./collector-session.ts";
import { Introductions } from "./introductions.ts";
import { handshakeRandom } from "./randomness.ts";

/** Time for the last words on their way, in milliseconds. */
const LAST_WORDS_MS = 50;

/** The meters' sessions over the streams of one link. */
export class StreamSessions {
    readonly #settings: StreamCollectorSettings;
    readonly #intake: Intake;
    readonly #partBytes: number | undefined;
    readonly #table = new SessionTable();
    readonly #introductions: Introductions;
    /** Subjects by the credential that was found. */
    readonly #subjects = new WeakMap<Credential, string>();
    readonly #all = new Set<StreamCollectorSession>();

    /** @param partBytes - bytes of a message in one frame; as many as fit where none are given. */
    constructor(settings: StreamCollectorSettings, intake: Intake, partBytes?: number) {
        this.#settings = settings;
        this.#intake = intake;
        this.#partBytes = partBytes;
        this.#introductions = new Introductions(settings.find);
    }

    /** Begins a session over a stream on which a meter speaks next. */
    take(stream: Duplex): void {
        const { maxSessions, own } = this.#settings;
        const introductions = this.#introductions;
        const session = new StreamCollectorSession(stream, {
            ...this.#settings,
            intake: this.#intake,
            ...(this.#partBytes === undefined ? {} : { partBytes: this.#partBytes }),
            handshake: {
                ...{ random: handshakeRandom, connection: handshakeRandom.bytes(1) },
                own: (method) => (method === METHOD.signatures ? own : introductions.own),
                find: (id) => {
                    const known = introductions.find(id);
                    if (known !== null) this.#subjects.set(known.credential, known.subjectHex);
                    return known?.credential ?? null;
                },
            },
            subjectOf: (credential) => this.#subjects.get(credential) ?? "",
            onIntroduction: (credential, exchangeKey) => {
                const subjectHex = this.#subjects.get(credential) ?? "";
                introductions.add(subjectHex, credential, exchangeKey);
                return introductions.own.exchangeKey;
            },
            onOpen: (subjectHex) => {
                const isNew = this.#table.get(subjectHex) === undefined;
                if (isNew && this.#table.size >= maxSessions) return false;
                this.#table.enter(subjectHex, session);
                return true;
            },
            onEnd: (subjectHex) => {
                this.#all.delete(session);
                if (subjectHex !== null) this.#table.leave(subjectHex, session);
            },
        });
        this.#all.add(session);
    }

    /** Sends a message to a meter; false where it is not connected. */
    deliver(subjectHex: string, message: Uint8Array): boolean {
        return this.#table.deliver(subjectHex, message);
    }

    /** Ends all sessions when what was said last is on its way. */
    async close(): Promise<void> {
        if (this.#table.size > 0) await setTimeout(LAST_WORDS_MS);
        for (const session of [...this.#all]) session.end();
    }
}
