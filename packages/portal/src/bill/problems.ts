import { MetersealError } from "@meterseal/core";
import { ApiError } from "../api/client.ts";
import type { Problem } from "../household/vault/messages.ts";

const TITLES: Partial<Record<string, string>> = {
    MS_MALFORMED: "This is not a bill that proves itself",
    MS_BILL: "This bill does not follow from the readings and the tariff",
    MS_COMMITMENT: "The meter of this bill did not commit to its readings",
    MS_PRUNED: "Records of this bill were pruned here, so it cannot be checked against this server",
    MS_TARIFF: "The tariff of this bill does not fit it",
    MS_SIGNATURE_BAD: "Something behind this bill is not signed by whoever should have signed it",
};

/** Why a bill does not hold, or could not be checked, in words for its reader. */
export function describeBill(cause: unknown): Problem {
    if (cause instanceof ApiError) {
        const { code, message, status } = cause;
        if (status === null) {
            return {
                code,
                title: "The server does not answer",
                text: "The bill was read, but there is nothing to check it against yet.",
            };
        }
        const title = "The server has not what this bill is to be checked against";
        return { code, title, text: message };
    }
    if (cause instanceof MetersealError) {
        const title = TITLES[cause.code] ?? "This bill could not be checked";
        return { code: cause.code, title, text: cause.message };
    }
    return {
        code: "MS_INTERNAL",
        title: "The portal itself failed",
        text: cause instanceof Error ? cause.message : "Something unexpected happened.",
    };
}
