import { error, LIMITS, type MetersealError } from "@meterseal/core";

/**
 * Why a meter link does not take a message now: MS_TOO_LARGE, MS_LINK without a connection, or
 * MS_BUSY; null when it takes it.
 * @param underWay messages under way on the connection; null where none stands.
 */
export function sendRefusal(
    message: Uint8Array,
    underWay: number | null,
    maxInFlight: number,
): MetersealError | null {
    if (message.length > LIMITS.messageBytes) {
        const expected = `at most ${LIMITS.messageBytes} bytes`;
        return error("MS_TOO_LARGE", { expected, got: `${message.length}` });
    }
    if (underWay === null) return error("MS_LINK", { got: "no connection" });
    if (underWay < maxInFlight) return null;
    return error("MS_BUSY", { expected: `at most ${maxInFlight} messages under way` });
}

/** MS_TOO_LARGE for a message to a meter that no link carries; null for one of a proper size. */
export function deliveryRefusal(message: Uint8Array): MetersealError | null {
    if (message.length <= LIMITS.messageBytes) return null;
    return error("MS_TOO_LARGE", {
        where: "a message to a meter",
        expected: `at most ${LIMITS.messageBytes} bytes`,
        got: `${message.length}`,
    });
}
