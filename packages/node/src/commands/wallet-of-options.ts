import { join } from "node:path";
import { type OptionSpec, type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { systemClock, systemRandom } from "../clocks.ts";
import { openWallet } from "../household/own-wallet.ts";
import type { WalletTools } from "../household/wallet-rounds.ts";
import { readKey } from "./household-usage.ts";

/** Options that name a household's wallet and its server. */
export const WALLET_OPTIONS: Readonly<Record<string, OptionSpec>> = {
    home: {
        kind: "value",
        value: "DIR",
        help: "directory of the household: key.json, wallet.key, party.json",
    },
    key: { kind: "value", value: "FILE", help: "key file (key.json in --home)" },
    url: { kind: "value", value: "URL", help: "server of its network" },
};

/**
 * The wallet that the options name.
 * @throws MetersealError MS_USAGE, MS_NOT_FOUND, MS_KEY_FILE, MS_KEY_FOREIGN.
 */
export function walletOf(options: Options): WalletTools {
    const home = requiredOption(options, "home", "DIR");
    const path = textOption(options, "key") ?? join(home, "key.json");
    const key = readKey({ ...options, key: path });
    const wallet = openWallet(home, key, requiredOption(options, "url", "URL"));
    const { api, household: answering, own, partyOf } = wallet;
    return {
        leasing: { home, key, own, api, partyOf, random: systemRandom },
        answering,
        clock: systemClock,
    };
}
