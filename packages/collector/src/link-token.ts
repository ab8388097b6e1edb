import { bytesEqual, type PublicKey, toHex } from "@meterseal/core";
import { type Enrolment, parseLinkToken, ROLE, type Sign1 } from "@meterseal/record";

/** What the check of a link token needs. */
export type LinkTokenContext = {
    readonly networkId: Uint8Array;
    readonly enrolmentOf: (kid: Uint8Array) => Enrolment | undefined;
    readonly verify: (message: Sign1, key: PublicKey) => Promise<boolean>;
};

/**
 * True when a link token was signed by a key enrolled for the subject, for this network. It keeps
 * strangers off a link; records stand on their own signatures and do not rely on it.
 */
export async function isLinkTokenValid(
    token: Uint8Array,
    subjectHex: string,
    context: LinkTokenContext,
): Promise<boolean> {
    const parsed = parseLinkToken(token);
    if (!parsed.ok) return false;
    const { message, network, subject } = parsed.value;
    if (toHex(subject) !== subjectHex || !bytesEqual(network, context.networkId)) return false;
    const enrolment = context.enrolmentOf(message.kid);
    if (enrolment === undefined || enrolment.role === ROLE.collector) return false;
    if (!bytesEqual(enrolment.id, subject)) return false;
    return await context.verify(message, enrolment.key);
}
