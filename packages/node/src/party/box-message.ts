import { unwrap } from "@meterseal/core";
import { NOTICE_KIND, type Sign1 } from "@meterseal/record";
import { parseGrant, parseStandingPolicy, type StandingPolicy } from "@meterseal/seal";

/** What a grant box must know of a grant or policy; all else is for its recipient to read. */
export type BoxMessageHead = {
    readonly message: Sign1;
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    /** Household, 16 bytes. */
    readonly issuer: Uint8Array;
    /** 16 bytes. */
    readonly stream: Uint8Array;
    /** Party, 16 bytes. */
    readonly recipient: Uint8Array;
};

/**
 * Reads a grant or a policy, by NOTICE_KIND; the signature is not checked.
 * @throws MetersealError MS_MALFORMED, MS_VERSION
 */
export function parseBoxMessage(bytes: Uint8Array, kind: number): BoxMessageHead {
    const parse = kind === NOTICE_KIND.policy ? parseStandingPolicy : parseGrant;
    const { household, message, network, recipient, streamId } = unwrap<
        Pick<StandingPolicy, "household" | "message" | "network" | "recipient" | "streamId">
    >(parse(bytes));
    return { message, network, issuer: household, stream: streamId, recipient };
}
