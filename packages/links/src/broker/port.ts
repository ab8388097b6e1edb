import { MetersealError } from "@meterseal/core";

/** What a {@link BrokerPort} tells. */
export type BrokerEvents = {
    /** Frames can be sent and come in. */
    readonly up: () => void;
    /** Called once: the connection is over, or could not be made. */
    readonly down: (reason: string, cause?: MetersealError) => void;
    /** A frame came, of or for a meter. */
    readonly frame: (subjectHex: string, bytes: Uint8Array) => void;
};

/** One connection to a broker, for a collector or for a meter. */
export interface BrokerPort {
    /** Sends a frame: a collector to a meter, a meter as itself; false where too much waits. */
    send(subjectHex: string, bytes: Uint8Array): boolean;
    /** Ends the connection, and tells `down` no more; resolves when nothing of it is left. */
    close(): Promise<void>;
}

/** Begins a connection to a broker. */
export type OpenPort = (events: BrokerEvents) => BrokerPort;

/** Why a connection could not be made, as {@link BrokerEvents.down} takes it. */
export function failureOf(cause: unknown): [reason: string, cause?: MetersealError] {
    if (cause instanceof MetersealError) return [cause.message, cause];
    const [line = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
    return [line];
}
