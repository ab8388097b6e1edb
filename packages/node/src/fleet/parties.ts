import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { unwrap } from "@meterseal/core";
import { PARTY_ROLE } from "@meterseal/record";
import { parseKeyFile } from "@meterseal/wallet";
import { PLACES } from "../files.ts";
import { formatPartyRequest, parsePartyAnswer } from "../party/exchange.ts";
import {
    createParty,
    keepAnswer,
    PARTY_FILES,
    type PartyPlan,
    readOwnRequest,
} from "../party/party.ts";
import { asOperatorAt } from "../server/as-operator.ts";
import { PARTIES_ROUTE } from "../server/party-routes.ts";
import type { Household } from "./household.ts";

/** Directory of the demo's provider, and what people call it. */
export const DEMO_PROVIDER = { directory: "example-energy", name: "Example Energy" } as const;
/** Directory of the demo's monitor, and what people call it. */
export const DEMO_MONITOR = { directory: "example-feeder", name: "Example Feeder" } as const;

/**
 * Makes the parties of a demo that are not there yet, and has the operator admit them: each household,
 * one provider and one monitor. A start that ended in between goes on where it stopped.
 */
export async function admitParties(
    dataDir: string,
    url: string,
    households: readonly Pick<Household, "keyFile">[],
): Promise<void> {
    const places: [string, () => PartyPlan][] = households.map(({ keyFile }) => [
        dirname(keyFile),
        () => planOf(keyFile),
    ]);
    const plan = { streams: [], network: null };
    const { monitor, provider } = PARTY_ROLE;
    places.push(
        [
            PLACES.provider(dataDir, DEMO_PROVIDER.directory),
            () => ({ ...plan, role: provider, name: DEMO_PROVIDER.name }),
        ],
        [
            PLACES.monitor(dataDir, DEMO_MONITOR.directory),
            () => ({ ...plan, role: monitor, name: DEMO_MONITOR.name }),
        ],
    );
    for (const [directory, makePlan] of places) {
        if (existsSync(join(directory, PARTY_FILES.answer))) continue;
        const party = makePlan();
        const request =
            readOwnRequest(directory, party.role) ?? (await createParty(directory, party));
        const answer = await asOperatorAt(url, dataDir, {
            route: PARTIES_ROUTE,
            body: formatPartyRequest(request),
            read: (text) => unwrap(parsePartyAnswer(text)),
        });
        keepAnswer(directory, answer, request);
    }
}

function planOf(keyFile: string): PartyPlan {
    const { network, stream } = unwrap(parseKeyFile(readFileSync(keyFile, "utf8")));
    // No name: the ledger is public, and the meter there is a pseudonym.
    return { role: PARTY_ROLE.household, name: "", streams: [stream.streamId], network };
}
