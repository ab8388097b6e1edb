import { error, HPKE_SUITE, type HpkeKeyPair } from "@meterseal/core";
import { PARTY_ROLE } from "@meterseal/record";
import { type Options, requiredOption } from "../cli/arguments.ts";
import { type FindParty, knownParties } from "../party/known-parties.ts";
import { type OwnParty, openParty } from "../party/party.ts";
import { ServerApi } from "../party/server-api.ts";

/** A monitor in its directory, with the server that it asks. */
export type OwnMonitor = {
    readonly own: OwnParty;
    readonly api: ServerApi;
    readonly partyOf: FindParty;
    readonly keys: HpkeKeyPair;
    /** Time of the network in seconds since 1970: that of the replay in a demo. */
    readonly nowUnix: number;
};

/** Options of every command of a monitor. */
export const MONITOR_OPTIONS = {
    dir: { kind: "value", value: "DIR", help: "directory of the monitor" },
    url: { kind: "value", value: "URL", help: "server of its network" },
} as const;

/** Opens the monitor that `--dir` and `--url` name; see {@link openMonitorAt}. */
export function openMonitor(options: Options): Promise<OwnMonitor> {
    return openMonitorAt(
        requiredOption(options, "dir", "DIR"),
        requiredOption(options, "url", "URL"),
    );
}

/**
 * Opens the monitor of a directory, and asks its server for the time.
 * @throws MetersealError MS_KEY_FOREIGN for a party that is none; MS_NOT_FOUND, MS_KEY_FILE, MS_LINK.
 */
export async function openMonitorAt(dir: string, url: string): Promise<OwnMonitor> {
    const own = openParty(dir);
    const { genesis, key, network, signer } = own;
    if (key.role !== PARTY_ROLE.monitor) {
        throw error("MS_KEY_FOREIGN", { expected: "the directory of a monitor" });
    }
    const keys = key.recipientKeys.find(({ suite }) => suite === HPKE_SUITE.x25519);
    if (keys === undefined) throw error("MS_KEY_FILE", { expected: "an X25519 key" });
    const api = new ServerApi(url, { network, party: key.party, signer });
    const { nowUnix } = await api.network();
    return { own, api, keys, nowUnix, partyOf: knownParties(api, network, genesis) };
}
