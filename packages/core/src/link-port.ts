/** Collector side of a transport: an opaque pipe for messages of whole records. */
export interface CollectorLink {
    /** Starts to listen and resolves with the address that meters use, such as `mqtt://127.0.0.1:1883`. */
    listen(handler: LinkHandler): Promise<string>;
    /**
     * Sends a message down to a meter.
     * @returns false when the meter is not connected; what must not get lost is sent again later.
     */
    deliver(subjectHex: string, message: Uint8Array): Promise<boolean>;
    /** Stops listening, ends all connections, and resolves when both are done. */
    close(): Promise<void>;
}

/** What a collector does with what a link brings. */
export interface LinkHandler {
    /** Decides whether a sender may act as this subject, by the token it gave when it connected. */
    authenticate(subjectHex: string, token: Uint8Array): Promise<boolean>;
    /**
     * Takes one message. The link acknowledges it on its transport when the promise resolves and not
     * before, which is the back-pressure; a rejection means: not taken, send it again.
     */
    receive(subjectHex: string, message: Uint8Array): Promise<void>;
    /** A meter is connected and can receive. */
    connected(subjectHex: string): void;
}

/** Meter side of a transport. */
export interface MeterLink {
    /** Connects, and goes on reconnecting by itself until {@link close}. */
    open(handler: MeterLinkHandler): Promise<void>;
    /**
     * Sends one message; resolves when the transport acknowledged it.
     * @throws MetersealError MS_LINK when the connection failed first; the caller sends again.
     */
    send(message: Uint8Array): Promise<void>;
    /** Ends the connection for good. */
    close(): Promise<void>;
}

/** What a meter does with what its link brings. */
export interface MeterLinkHandler {
    /** The link is up, for the first time or again. */
    up(): void;
    /** The link is down; it will come up again by itself. */
    down(): void;
    /** A message came down. */
    message(message: Uint8Array): void;
}
