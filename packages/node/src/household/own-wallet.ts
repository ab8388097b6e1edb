import { error, HPKE_SUITE } from "@meterseal/core";
import { PARTY_ROLE } from "@meterseal/record";
import type { CohortHousehold, KeyFile } from "@meterseal/wallet";
import { type FindParty, knownParties } from "../party/known-parties.ts";
import { type OwnParty, openParty } from "../party/party.ts";
import { ServerApi } from "../party/server-api.ts";

/** A household that answers cohorts, and where it keeps its journal. */
export type AnsweringHousehold = Omit<CohortHousehold, "issued" | "policy"> & {
    readonly dir: string;
};

/** A household's wallet in its directory, with the server that it asks. */
export type OwnWallet = {
    readonly household: AnsweringHousehold;
    readonly own: OwnParty;
    readonly api: ServerApi;
    readonly partyOf: FindParty;
};

/**
 * Opens the wallet of a directory.
 * @param key - key file of its stream.
 * @throws MetersealError MS_KEY_FOREIGN for another party; MS_NOT_FOUND, MS_KEY_FILE.
 */
export function openWallet(dir: string, key: KeyFile, url: string): OwnWallet {
    const own = openParty(dir);
    const { genesis, key: wallet, network, signer } = own;
    if (wallet.role !== PARTY_ROLE.household) {
        throw error("MS_KEY_FOREIGN", { expected: "the directory of a household's wallet" });
    }
    const keys = wallet.recipientKeys.find(({ suite }) => suite === HPKE_SUITE.x25519);
    if (keys === undefined) throw error("MS_KEY_FILE", { expected: "an X25519 key" });
    const { party } = wallet;
    const api = new ServerApi(url, { network, party, signer });
    const { privateKey } = keys;
    const partyOf = knownParties(api, network, genesis);
    return { api, own, partyOf, household: { dir, key, party, signer, privateKey } };
}
