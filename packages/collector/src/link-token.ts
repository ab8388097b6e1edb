import { bytesEqual, type PublicKey, toHex } from "@meterseal/core";
import {
    attempt,
    decodeCbor,
    type Enrolment,
    MapReader,
    MESSAGE_TYPE,
    parseSign1,
    ROLE,
    type Sign1,
} from "@meterseal/record";

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
    const message = parseSign1(token, MESSAGE_TYPE.link);
    if (!message.ok) return false;
    const claim = attempt(() => {
        const map = new MapReader(decodeCbor(message.value.payload), "link token");
        const named = { network: map.bytes(0, 32), subject: map.bytes(1, 16) };
        map.integer(2, 0, Number.MAX_SAFE_INTEGER);
        map.end();
        return named;
    });
    if (!claim.ok || toHex(claim.value.subject) !== subjectHex) return false;
    if (!bytesEqual(claim.value.network, context.networkId)) return false;
    const enrolment = context.enrolmentOf(message.value.kid);
    if (enrolment === undefined || enrolment.role === ROLE.collector) return false;
    if (!bytesEqual(enrolment.id, claim.value.subject)) return false;
    return await context.verify(message.value, enrolment.key);
}
