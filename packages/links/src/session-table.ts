/** A meter that is connected. */
export interface LinkSession {
    /** Sends a message down; false where it is gone, or does not read. */
    deliver(message: Uint8Array): boolean;
    /** Ends the connection; does nothing the second time. */
    end(): void;
}

/** The meters that are connected, one session each. */
export class SessionTable<S extends LinkSession = LinkSession> {
    readonly #bySubject = new Map<string, S>();

    get size(): number {
        return this.#bySubject.size;
    }

    /** Session of a meter. */
    get(subjectHex: string): S | undefined {
        return this.#bySubject.get(subjectHex);
    }

    /** Takes a session in; an older one of the same meter ends. */
    enter(subjectHex: string, session: S): void {
        const older = this.#bySubject.get(subjectHex);
        this.#bySubject.set(subjectHex, session);
        older?.end();
    }

    /** Forgets a session that has ended. */
    leave(subjectHex: string, session: S): void {
        if (this.#bySubject.get(subjectHex) === session) this.#bySubject.delete(subjectHex);
    }

    /** Sends a message to a meter; false where it is not connected. */
    deliver(subjectHex: string, message: Uint8Array): boolean {
        return this.#bySubject.get(subjectHex)?.deliver(message) ?? false;
    }

    /** Ends all sessions. */
    endAll(): void {
        for (const session of [...this.#bySubject.values()]) session.end();
    }
}
