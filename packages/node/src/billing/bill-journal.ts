import { existsSync } from "node:fs";
import { join } from "node:path";
import {
    createLadder,
    error,
    fromHex,
    MetersealError,
    sha256,
    toBase64,
    toHex,
    unixOfSlot,
    unwrap,
    utf8,
} from "@meterseal/core";
import { createNotice, NOTICE_KIND } from "@meterseal/record";
import { type Finding, findingsHash, findingWords, type Known } from "@meterseal/seal";
import {
    type Bill,
    formatBill,
    groupPrices,
    type Period,
    pricedStretches,
    type RecordedStream,
} from "@meterseal/tariff";
import { changesWithin, type IssuedGrant, judgeIssue, type Proposal } from "@meterseal/wallet";
import { systemClock } from "../clocks.ts";
import { say } from "../console.ts";
import { type IssuedBefore, issuedBefore } from "../household/issued-before.ts";
import { aloneWithJournal, type HouseholdJournal, readPolicy } from "../household/journal-file.ts";
import { post } from "../household/post-issued.ts";
import { type OwnParty, openParty, PARTY_FILES } from "../party/party.ts";
import { type ServerApi, serverAs } from "../party/server-api.ts";
import type { LedgerTariff } from "./ledger-tariff.ts";

/** A bill that is about to leave the household. */
export type BillRelease = {
    readonly bill: Bill;
    readonly recorded: RecordedStream;
    readonly period: Period;
    readonly tariff: LedgerTariff;
    /** IANA zone of the stream. */
    readonly zone: string;
    /** Whether the prices are a market's that the household believes to be independent. */
    readonly isMarketSeries: boolean;
};

/** Who makes a bill: a directory with its journal, and a wallet and a server where there are any. */
export type BillHousehold = {
    readonly dir: string;
    readonly wallet: OwnParty | null;
    /** The server, asked as the household; null without a wallet or a server. */
    readonly api: ServerApi | null;
};

/** The household of a directory, with its wallet where there is one. */
export function billHousehold(dir: string, url: string | undefined): BillHousehold {
    const wallet = existsSync(join(dir, PARTY_FILES.answer)) ? openParty(dir) : null;
    if (wallet === null || url === undefined) return { dir, wallet, api: null };
    return { dir, wallet, api: serverAs(wallet, url) };
}

/**
 * Judges a bill against all that its reader, the tariff's provider, got from this household before, and
 * writes it into the household's journal: bills of overlapping periods tell the difference. The same
 * bill once more is no news. An override goes on the ledger too, so that nobody can say later that the
 * household was told nothing: its notice is in the journal with the bill, and is sent again until it is
 * there. Without a wallet or a server the journal alone has it, and that is said.
 * @param isOverridden - whether the household wants it in spite of what follows.
 * @throws MetersealError MS_DERIVABLE, after what would follow was said; MS_JOURNAL, MS_CONFIG,
 * MS_STORE_LOCKED, MS_STORE_UNWRITABLE, MS_LINK, and what the server refuses.
 */
export function releaseBill(
    household: BillHousehold,
    release: BillRelease,
    isOverridden: boolean,
): Promise<void> {
    return aloneWithJournal(household.dir, (journal) =>
        releaseAlone(household, journal, release, isOverridden),
    );
}

async function releaseAlone(
    household: BillHousehold,
    journal: HouseholdJournal,
    release: BillRelease,
    isOverridden: boolean,
): Promise<void> {
    const { api, dir, wallet } = household;
    const { bill, tariff, zone } = release;
    const hash = sha256(utf8(formatBill(bill)));
    const name = toHex(hash);
    if (journal.read().grants.some((grant) => grant.hash === name)) {
        return await announce(household, journal, hash);
    }
    const ladder = unwrap(createLadder(zone, release.period.slotSeconds));
    const own = wallet?.party.id ?? new Uint8Array();
    const server = wallet === null || api === null ? null : { own: wallet, api };
    const before = await issuedBefore(journal.read(), server, ladder);
    const [recipient, stream] = [toHex(tariff.provider), toHex(bill.stream)];
    const released = releasedBy(release);
    const changes = changesWithin(release.recorded.epochs, bill.fromUnix, bill.toUnix);
    const proposal = { household: toHex(own), recipient, stream, released, changes };
    const epochs = release.recorded.epochs.map(({ boundaries, sealEpoch }) => ({
        sealEpoch,
        fromUnix: boundaries[0]?.atUnix ?? Number.POSITIVE_INFINITY,
    }));
    const judgements = judgeIssue(before.issued, readPolicy(dir), proposal, ladder, epochs);
    const findings = [
        ...judgements.flatMap((judgement) => judgement.findings),
        ...undecided(before, proposal, release.period),
    ];
    for (const fault of before.faults) say(fault);
    for (const finding of findings) say(findingWords(finding, tariff.providerName, zone));
    if (findings.length > 0 && !isOverridden) {
        const todo = "Choose whole periods that follow one another, or say --override.";
        throw error("MS_DERIVABLE", { where: `bill under ${tariff.body.name}`, todo });
    }
    const override = findings.length === 0 ? null : findingsHash(findings);
    journal.appendIssued({
        ...{ hash: name, recipient, stream, released, changes },
        issuedUnix: Math.floor(systemClock.nowMs() / 1000),
        ...(override === null ? {} : { override: toHex(override) }),
        messages: override === null ? [] : await overrideNotices(household, hash, override),
    });
    await announce(household, journal, hash);
}

/** The finding that nobody can tell what follows, where what was issued before is not all known. */
function undecided(
    { faults }: IssuedBefore,
    { released }: Proposal,
    { fromSlot, slotSeconds, toSlot }: Period,
): Finding[] {
    const count = faults.length;
    if (count === 0) return [];
    const [group = 0] = released.kind === "own" ? released.holding.groups : [];
    const fromUnix = unixOfSlot(fromSlot, slotSeconds);
    const toUnix = unixOfSlot(toSlot, slotSeconds);
    return [{ code: "undecided", group, fromUnix, toUnix, count }];
}

/** Puts the override of a bill that is in the journal on the ledger, where it is not there yet. */
async function announce(
    household: BillHousehold,
    journal: HouseholdJournal,
    hash: Uint8Array,
): Promise<void> {
    const name = toHex(hash);
    const { grants, posted } = journal.read();
    const released = grants.find((grant) => grant.hash === name);
    if (released === undefined) return;
    const { messages, override } = released;
    // Made without a server, or by a version that kept no notice and called it posted all the same.
    const isLost = override !== undefined && messages.length === 0;
    if (posted.has(name) && !isLost) return;
    const { api, wallet } = household;
    if (override === undefined) journal.appendPosted(name);
    else if (wallet === null || api === null) {
        say(
            "The override stands in the household's journal: no wallet, or no server, for the ledger. The same command with both puts it there.",
        );
    } else if (messages.length > 0) await post(api, journal, released);
    else {
        const made = await overrideNotices(household, hash, fromHex(override));
        await post(api, journal, { ...released, messages: made }).catch((cause: unknown) => {
            const isThere = cause instanceof MetersealError && cause.code === "MS_NOTICE_DUPLICATE";
            if (!isThere) throw cause;
            journal.appendPosted(name);
        });
    }
}

/** What a bill makes known, counted as the sum of each price on its own, over the time that lands at it. */
function releasedBy({
    isMarketSeries,
    period,
    recorded,
    tariff,
}: BillRelease): IssuedGrant["released"] {
    const priced = unwrap(groupPrices(tariff, recorded.groups, period));
    const rows = priced.flatMap(({ pricesMicro }) => {
        // Prices that nobody chose for this home are not undone: together they are one.
        const levels = isMarketSeries ? pricesMicro.map(() => 0) : pricesMicro;
        return pricedStretches(recorded.epochs, period, levels);
    });
    const known: Known = { kind: "sums", rows };
    return { kind: "own", holding: { groups: priced.map(({ group }) => group), known } };
}

/**
 * Messages that say on the ledger what the household overrode, for its time; none without a wallet, or a
 * server that tells the time: dated ahead of the ledger they would keep everything behind them waiting.
 */
async function overrideNotices(
    { api, wallet }: BillHousehold,
    hash: Uint8Array,
    findings: Uint8Array,
): Promise<string[]> {
    if (wallet === null || api === null) return [];
    const { network, party, signer } = wallet;
    const { nowUnix: timeUnix } = await api.network();
    const said = { network, party: party.id, timeUnix, kind: NOTICE_KIND.override };
    return [toBase64(await createNotice(signer, { ...said, hash, findings }))];
}
