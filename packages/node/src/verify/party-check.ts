import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { bytesEqual, toHex, unwrap } from "@meterseal/core";
import type { LedgerState } from "@meterseal/ledger";
import { parseParty } from "@meterseal/record";
import { PLACES } from "../files.ts";
import { parsePartyAnswer } from "../party/exchange.ts";
import { PARTY_FILES } from "../party/party.ts";
import type { Findings } from "./findings.ts";

/**
 * Holds the operator's answers that lie beside a server against its log: a party that was admitted
 * and is not there any more shows that the log went back, as a final receipt does.
 */
export function checkParties(dataDir: string, state: LedgerState, findings: Findings): void {
    const areas = [PLACES.households(dataDir), PLACES.providers(dataDir), PLACES.monitors(dataDir)];
    for (const area of areas.filter((path) => existsSync(path))) {
        for (const name of readdirSync(area)) {
            const path = join(area, name, PARTY_FILES.answer);
            if (!existsSync(path)) continue;
            findings.counts.answers++;
            checkAnswer(path, relative(dataDir, path), state, findings);
        }
    }
}

function checkAnswer(path: string, where: string, state: LedgerState, findings: Findings): void {
    try {
        const answer = unwrap(parsePartyAnswer(readFileSync(path, "utf8")));
        const party = unwrap(parseParty(answer.party));
        const known = state.parties.get(toHex(party.id));
        const present = known !== undefined && bytesEqual(known.message.hash, party.message.hash);
        // One that a later key epoch replaced is not kept in the state.
        const replaced = known !== undefined && known.keyEpoch > party.keyEpoch;
        if (present || replaced) return;
        findings.fault("MS_PARTY", where, "The log does not have this party, which was admitted.");
    } catch (cause) {
        findings.failed(cause, where);
    }
}
