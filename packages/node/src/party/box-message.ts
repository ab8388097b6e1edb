import { type Result, unwrap } from "@meterseal/core";
import {
    attempt,
    decodeCbor,
    MESSAGE_TYPE,
    malformed,
    NOTICE_KIND,
    parseSign1,
    type Sign1,
    toBytes,
} from "@meterseal/record";
import { parseGrant } from "@meterseal/seal";

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

/** Keys of these fields in a policy (formats.cddl); a grant has them at the same ones. */
const FIELDS = { network: 0, issuer: 2, stream: 4, recipient: 11 } as const;

/**
 * Reads a grant, or the head of a policy, by NOTICE_KIND; the signature is not checked.
 * @throws MetersealError MS_MALFORMED, MS_VERSION
 */
export function parseBoxMessage(bytes: Uint8Array, kind: number): BoxMessageHead {
    if (kind === NOTICE_KIND.policy) return unwrap(parsePolicyHead(bytes));
    const { household, message, network, recipient, streamId } = unwrap(parseGrant(bytes));
    return { message, network, issuer: household, stream: streamId, recipient };
}

function parsePolicyHead(bytes: Uint8Array): Result<BoxMessageHead> {
    const message = parseSign1(bytes, MESSAGE_TYPE.policy);
    if (!message.ok) return message;
    return attempt(() => {
        const fields = decodeCbor(message.value.payload);
        if (!(fields instanceof Map)) return malformed("policy", "a map");
        const field = (name: keyof typeof FIELDS, length: number): Uint8Array =>
            toBytes(fields.get(FIELDS[name]), `policy[${FIELDS[name]}]`, length);
        return {
            message: message.value,
            network: field("network", 32),
            issuer: field("issuer", 16),
            stream: field("stream", 16),
            recipient: field("recipient", 16),
        };
    });
}
