import {
    bytesEqual,
    error,
    fail,
    MetersealError,
    type Result,
    toHex,
    unwrap,
} from "@meterseal/core";
import { verifyEntryProof } from "@meterseal/ledger";
import { kidOf, NOTICE_KIND, verifySign1 } from "@meterseal/record";
import {
    checkOwnGrant,
    isAway,
    type OwnChecked,
    OwnKeys,
    type OwnLedger,
    provenNotice,
} from "@meterseal/wallet";
import type { OwnParty } from "../party/party.ts";
import type { ServerApi } from "../party/server-api.ts";

/** A household and the server that it asks about its own grants. */
export type OwnServer = { readonly own: OwnParty; readonly api: ServerApi };

/** What a server's word on a household's grants is held against. */
export type ReadLedger = OwnLedger & {
    /** Whether a grant, by its hash in hex, was revoked: a notice that is not proven revokes nothing. */
    readonly isRevoked: (hash: string) => Promise<boolean>;
};

/**
 * The household's keys and notices as a server shows them, each checked before it counts.
 * @throws MetersealError what the server says.
 */
export async function ownLedger({ api, own }: OwnServer): Promise<ReadLedger> {
    const { genesis, network, party, signer } = own;
    const household = toHex(party.id);
    const lists = await Promise.all(
        [NOTICE_KIND.grant, NOTICE_KIND.revocation].map(async (kind) =>
            (await api.notices(kind, household)).map((row) => ({ ...row, kind })),
        ),
    );
    const keys = new OwnKeys(signer.publicKey, async (kid) => {
        const earlier = await api.party(household, toHex(kid));
        const isAdmitted =
            earlier !== null &&
            bytesEqual(earlier.network, network) &&
            bytesEqual(earlier.id, party.id) &&
            bytesEqual(kidOf(earlier.key), kid) &&
            verifySign1(earlier.message, genesis.operator);
        if (isAdmitted) return earlier.key;
        throw error("MS_PARTY", { where: `party ${household}`, expected: `key ${toHex(kid)}` });
    });
    const ledger: OwnLedger = {
        ...{ network, household: party.id, keys, notices: lists.flat() },
        async proven(hash) {
            const trust = { networkId: network, logKey: genesis.logKey };
            const { entry, index } = unwrap(verifyEntryProof(await api.proof(hash), trust));
            return { bytes: entry.item, leafIndex: index };
        },
    };
    const isRevoked = async (hash: string): Promise<boolean> => {
        try {
            return (await provenNotice(ledger, NOTICE_KIND.revocation, hash)) !== null;
        } catch (cause) {
            if (!(cause instanceof MetersealError) || isAway(cause)) throw cause;
            return false;
        }
    };
    return { ...ledger, isRevoked };
}

/**
 * A grant that the server lists as this household's, by its hash in hex.
 * @returns as {@link checkOwnGrant}, and what the server says where it does not hand it out.
 * @throws MetersealError MS_LINK, MS_BUSY where nobody answered.
 */
export async function readListed(
    ledger: OwnLedger,
    api: ServerApi,
    hash: string,
): Promise<Result<OwnChecked>> {
    try {
        return await checkOwnGrant(ledger, hash, await api.grant(hash, "own grants"));
    } catch (cause) {
        if (!(cause instanceof MetersealError) || isAway(cause)) throw cause;
        return fail(cause);
    }
}
