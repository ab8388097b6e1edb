import { MetersealError } from "@meterseal/core";
import { ApiError } from "../api/client.ts";
import type { Problem } from "../household/vault/messages.ts";

const TITLES: Partial<Record<string, string>> = {
    MS_KEY_FILE: "This is not the key of a provider",
    MS_KEY_FOREIGN: "This key belongs to another network",
    MS_GRANT_REVOKED: "The household revoked this grant",
    MS_EXPIRED: "This grant has ended",
    MS_PRUNED: "Records that this needs were pruned",
    MS_LINK: "The server does not answer",
};

/** Why something of the provider's page was not done, in words for its reader. */
export function describeProvider(cause: unknown): Problem {
    const isKnown = cause instanceof ApiError || cause instanceof MetersealError;
    const text = cause instanceof Error ? cause.message : "Something unexpected happened.";
    if (!isKnown) return { code: "MS_INTERNAL", title: "The portal itself failed", text };
    const title = TITLES[cause.code] ?? "This could not be done";
    return { code: cause.code, title, text };
}
