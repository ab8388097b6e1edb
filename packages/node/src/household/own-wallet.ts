import { error, HPKE_SUITE } from "@meterseal/core";
import { PARTY_ROLE } from "@meterseal/record";
import type { KeyFile } from "@meterseal/wallet";
import { type FindParty, knownParties } from "../party/known-parties.ts";
import { openParty } from "../party/party.ts";
import { ServerApi } from "../party/server-api.ts";
import type { AnsweringHousehold } from "./answer-cohorts.ts";

/** A household's wallet in its directory, with the server that it asks. */
export type OwnWallet = {
    readonly household: AnsweringHousehold;
    readonly api: ServerApi;
    readonly partyOf: FindParty;
};

/**
 * Opens the wallet of a directory.
 * @param key - key file of its stream.
 * @throws MetersealError MS_KEY_FOREIGN for another party; MS_NOT_FOUND, MS_KEY_FILE.
 */
export function openWallet(dir: string, key: KeyFile, url: string): OwnWallet {
    const { genesis, key: wallet, network, signer } = openParty(dir);
    if (wallet.role !== PARTY_ROLE.household) {
        throw error("MS_KEY_FOREIGN", { expected: "the directory of a household's wallet" });
    }
    const keys = wallet.recipientKeys.find(({ suite }) => suite === HPKE_SUITE.x25519);
    if (keys === undefined) throw error("MS_KEY_FILE", { expected: "an X25519 key" });
    const { party } = wallet;
    const api = new ServerApi(url, { network, party, signer });
    const { privateKey } = keys;
    const partyOf = knownParties(api, network, genesis);
    return { api, partyOf, household: { dir, key, party, signer, privateKey } };
}
