/** Why bytes are no telegram; the codes are stable. */
export type FaultCode =
    /** Longer than a telegram of its kind may be. */
    | "too-large"
    /** The bytes end before the telegram does. */
    | "truncated"
    /** Not the form that the standard prescribes. */
    | "malformed"
    /** Well-formed, but of a version or variant that is not read. */
    | "unsupported"
    /** The telegram is encrypted and no key was given. */
    | "key-needed"
    /** A key was given, or protection seen before, and the telegram has less. */
    | "unprotected"
    /** The authentication tag does not fit: another key, or altered bytes. */
    | "tag"
    /** The frame counter was used before. */
    | "replay"
    /** The meter answered with an error of its own. */
    | "meter-error";

/** A failure to decode: code, place, and what was expected there. */
export type Fault = {
    readonly code: FaultCode;
    /** Line or byte offset, in words. */
    readonly where: string;
    readonly expected: string;
};

/** A value, or the fault that stands in its way; decoders never throw. */
export type Decoded<T> =
    | { readonly ok: true; readonly value: T }
    | { readonly ok: false; readonly fault: Fault };

/** Wraps a decoded value. */
function decoded<T>(value: T): Decoded<T> {
    return { ok: true, value };
}

/** Thrown inside a decoder and caught at its door, {@link attempt}. */
class FaultThrown extends Error {
    readonly fault: Fault;

    constructor(fault: Fault) {
        super(fault.code);
        this.fault = fault;
    }
}

/** Leaves a decoder; for use inside {@link attempt}. */
export function refuse(code: FaultCode, where: string, expected: string): never {
    throw new FaultThrown({ code, where, expected });
}

/** Refuses more bytes than a telegram of its kind may have; for use inside {@link attempt}. */
export function requireSize(bytes: Uint8Array, limitBytes: number): void {
    if (bytes.length > limitBytes)
        refuse("too-large", `byte ${limitBytes}`, `at most ${limitBytes} bytes`);
}

/** Runs a decoder; a refusal comes back as its fault. */
export function attempt<T>(decoder: () => T): Decoded<T> {
    try {
        return decoded(decoder());
    } catch (cause) {
        if (cause instanceof FaultThrown) return { ok: false, fault: cause.fault };
        throw cause;
    }
}
