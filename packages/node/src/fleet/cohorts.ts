import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { createLadder, slotOfUnix, unwrap } from "@meterseal/core";
import { createNotice, GROUP, NOTICE_KIND, type Party } from "@meterseal/record";
import { CROWD_MIN } from "@meterseal/seal";
import { parseKeyFile } from "@meterseal/wallet";
import { systemRandom } from "../clocks.ts";
import { answerCohorts } from "../household/answer-cohorts.ts";
import { aloneWithJournal } from "../household/journal-file.ts";
import { openWallet } from "../household/own-wallet.ts";
import { postUnposted } from "../household/post-issued.ts";
import { publishedCohorts } from "../monitor/collect.ts";
import { type Candidate, formCohorts } from "../monitor/form.ts";
import { type OwnMonitor, openMonitorAt } from "../monitor/own-monitor.ts";
import { openParty } from "../party/party.ts";
import type { Household } from "./household.ts";

/** What the cohorts of a demo are about. */
export type DemoFeeder = {
    /** Name of the street. */
    readonly feeder: string;
    readonly monitorDir: string;
    readonly url: string;
    readonly households: readonly Pick<Household, "keyFile">[];
    /** The present, seconds since 1970. */
    readonly nowUnix: number;
    /** From the month of one instant to that of the other. */
    readonly fromUnix: number;
    readonly toUnix: number;
};

/**
 * Gives a street of a demo its cohorts, month by month, and its homes their tokens; a street of fewer
 * than eight homes has none. What was made before stays.
 */
export async function formStreet(street: DemoFeeder): Promise<void> {
    const { fromUnix, households, monitorDir, nowUnix, toUnix, url } = street;
    if (households.length < CROWD_MIN) return;
    const homes = households.map(({ keyFile }) => {
        const key = unwrap(parseKeyFile(readFileSync(keyFile, "utf8")));
        const dir = dirname(keyFile);
        return { key, wallet: openWallet(dir, key, url), party: openParty(dir).party };
    });
    const [first] = homes as [(typeof homes)[0]];
    const ladder = unwrap(createLadder(first.key.zone, first.key.stream.slotSeconds));
    const monthOf = (unix: number): number =>
        ladder.indexAt(slotOfUnix(unix, first.key.stream.slotSeconds), 3);
    const monitor = await openMonitorAt(monitorDir, url);
    const there = await publishedCohorts(monitor.api, monitor.own.key.party);
    const candidates = homes.map(candidateOf);
    for (let month = monthOf(fromUnix); month <= monthOf(toUnix); month++) {
        const isThere = there.some(
            ({ cohort }) => cohort.feeder === street.feeder && cohort.month === month,
        );
        if (!isThere) await publish(monitor, street, candidates, month);
    }
    // One look-up of each party for the whole street.
    const { partyOf } = first.wallet;
    for (const { wallet } of homes) {
        const answers = await aloneWithJournal(wallet.household.dir, async (journal) => {
            await postUnposted(wallet.api, journal);
            const time = { nowUnix, random: systemRandom };
            return await answerCohorts({ ...wallet, partyOf }, journal, time);
        });
        for (const { refusal } of answers) {
            // A month that ended before a crash let go of it stays without tokens.
            if (refusal !== null && refusal.code !== "MS_EXPIRED") throw refusal;
        }
    }
}

function candidateOf({
    key,
    party,
}: {
    readonly key: ReturnType<typeof openWallet>["household"]["key"];
    readonly party: Party;
}): Candidate {
    const { slotSeconds, streamId } = key.stream;
    return {
        party: party.id,
        stream: streamId,
        sealEpoch: key.stream.sealEpoch,
        key: party.recipients[0]?.bytes as Uint8Array,
        zone: key.zone,
        slotSeconds,
        scale: key.scale,
        groups: key.stream.groups.map(({ group }) => group),
    };
}

async function publish(
    { api, own }: OwnMonitor,
    { feeder, nowUnix }: DemoFeeder,
    candidates: readonly Candidate[],
    month: number,
): Promise<void> {
    const { key, network, signer } = own;
    const bodies = formCohorts(candidates, {
        ...{ network, monitor: key.party, feeder, month },
        level: 0,
        groups: [GROUP.import],
        size: CROWD_MIN,
        feederMeters: candidates.length,
    });
    for (const cohort of bodies) {
        const said = { network, party: key.party, timeUnix: nowUnix } as const;
        await api.postNotice(
            await createNotice(signer, { ...said, kind: NOTICE_KIND.cohort, cohort }),
        );
    }
}
