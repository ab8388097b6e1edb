import { MetersealError } from "@meterseal/core";
import type { CoapContent } from "./codec.ts";
import { OPTION, uintOption } from "./options.ts";

/** Seconds after which who was told to wait may ask again. */
const RETRY_SECONDS = 1;

/** Codes of CoAP by receipt code (formats 5); 1 … 15. */
const BY_RECEIPT: Readonly<Record<number, string>> = {
    ...{ 1: "4.00", 2: "4.00", 3: "4.01", 4: "4.01" },
    ...{ 5: "4.09", 6: "4.09", 7: "4.09", 8: "4.22" },
    ...{ 9: "4.03", 10: "4.03", 11: "4.13", 12: "5.03", 13: "5.00", 14: "5.03", 15: "4.03" },
};

/** Answer for a message that was not taken: with Max-Age where it may be taken later. */
export function refusalOf(cause: unknown): CoapContent {
    const receipt = cause instanceof MetersealError ? cause.receiptCode : null;
    const code = BY_RECEIPT[receipt ?? 13] ?? "5.00";
    return code === "5.03" ? waitAnswer(code) : { code };
}

/** Answer that tells to wait: 4.29 for a sender that has too much under way (RFC 8516), else 5.03. */
export function waitAnswer(code: "4.29" | "5.03"): CoapContent {
    return { code, options: [uintOption(OPTION.maxAge, RETRY_SECONDS)] };
}
