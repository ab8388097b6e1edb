import { LIMITS, MetersealError } from "@meterseal/core";

/** Subprotocol (RFC 6455 section 1.9) of what this directory speaks. */
export const SUBPROTOCOL = "meterseal.v1";
/** Messages that a meter may have under way before the first of them is taken. */
export const CREDIT = 32;

/** Options of both ends: no compression, no frame above a message. */
export const SOCKET_OPTIONS = {
    maxPayload: LIMITS.messageBytes,
    perMessageDeflate: false,
    skipUTF8Validation: false,
} as const;

/** Codes with which a collector closes a connection (RFC 6455 section 7.4, IANA). */
export const CLOSE = {
    goingAway: 1001,
    unsupported: 1003,
    policy: 1008,
    tooLarge: 1009,
    internal: 1011,
    tryAgain: 1013,
} as const;

/** What the collector says between messages: how many it took, and how many may have been sent. */
export type Progress = { readonly taken: number; readonly credit: number };

const PROGRESS = /^taken (\d{1,15}) credit (\d{1,15})$/;

/** Text frame of a progress. */
export function formatProgress({ credit, taken }: Progress): string {
    return `taken ${taken} credit ${credit}`;
}

/** Inverse of {@link formatProgress}; null for any other text. */
export function parseProgress(text: string): Progress | null {
    const match = PROGRESS.exec(text);
    return match === null ? null : { taken: Number(match[1]), credit: Number(match[2]) };
}

/** Code and reason with which a connection ends whose message was not taken. */
export function closeOf(cause: unknown): { readonly code: number; readonly reason: string } {
    const receipt = cause instanceof MetersealError ? cause.receiptCode : 13;
    const reason = `receipt ${receipt}`;
    if (receipt === 11) return { code: CLOSE.tooLarge, reason };
    if (receipt === 12 || receipt === 14) return { code: CLOSE.tryAgain, reason };
    return { code: receipt === 13 ? CLOSE.internal : CLOSE.policy, reason };
}
