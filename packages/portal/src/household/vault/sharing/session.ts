import { error, fromBase64, fromHex, type Signer, toHex, unwrap } from "@meterseal/core";
import type { Genesis } from "@meterseal/ledger";
import {
    createNotice,
    kidOf,
    type MeterRecord,
    NOTICE_KIND,
    type NoticeContent,
    parseNotice,
} from "@meterseal/record";
import { findingWords, type Grant } from "@meterseal/seal";
import {
    type GrantPlan,
    type IssuedGrant,
    type KeyFile,
    NO_POLICY,
    type OpenBoundary,
    planGrant,
    prepareGrants,
    type ReadyGrant,
    streamEpochs,
    unposted,
    type WeightedPlan,
} from "@meterseal/wallet";
import { ApiError, fetchNetwork, postMessage } from "../../../api/client.ts";
import type {
    AccessView,
    AmountView,
    SharingView,
    TariffSum,
    TariffView,
    Wish,
} from "../sharing-messages.ts";
import { issuedEverywhere, ladderOf } from "./issued.ts";
import type { HomeJournal } from "./journal.ts";
import { fetchMemberships, type Membership, membershipView } from "./memberships.ts";
import { readOwnGrants } from "./own-grants.ts";
import { type Recipient, readRecipients } from "./recipients.ts";
import {
    authorizationOf,
    type Caller,
    cutWords,
    fetchAccesses,
    fetchRecipients,
} from "./server.ts";
import {
    type Household,
    isInForce,
    localWords,
    nameOf,
    type OwnGrant,
    recipientView,
    togetherWords,
} from "./view.ts";
import { amountOf, listTariffs, planSum } from "./weighted.ts";

/** An opened home in whose name is granted. */
export type SharingHome = {
    readonly key: KeyFile;
    readonly genesis: Genesis;
    /** Records that were verified. */
    readonly records: readonly MeterRecord[];
    /** What the key opened of them. */
    readonly series: readonly OpenBoundary[];
};

/** Who signs in the name of the home. */
export type SharingParty = { readonly id: Uint8Array; readonly signer: Signer };

const RANDOM = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };

/** Everything that was granted and by what it is judged, as it was read last. */
type Known = {
    /** On whichever device. */
    readonly issued: readonly IssuedGrant[];
    readonly recipients: readonly Recipient[];
    readonly grants: readonly OwnGrant[];
    readonly memberships: readonly Membership[];
    readonly faults: readonly string[];
    readonly nowUnix: number;
    /** Grants that the journal has. */
    readonly journaled: number;
    /** Grants that the ledger names and that nobody here has seen. */
    readonly unseen: number;
};

/** Lists, judges, issues and revokes grants of one home; the keys stay in the worker. */
export class SharingSession {
    readonly #home: () => SharingHome;
    readonly #party: SharingParty;
    readonly #journal: HomeJournal;
    #known: Known | null = null;

    /** @param home - asked each time, because the records grow. */
    constructor(home: () => SharingHome, party: SharingParty, journal: HomeJournal) {
        this.#home = home;
        this.#party = party;
        this.#journal = journal;
    }

    /**
     * Who can see what, all of it verified. What a crash kept back of a grant is sent first.
     * @throws ApiError, MetersealError
     */
    async list(): Promise<SharingView> {
        return this.#view(await this.#journal.alone(() => this.#read()));
    }

    /** What a wish would let its recipient work out beyond its words. @throws MetersealError */
    async judge(wish: Wish): Promise<{ readonly derived: readonly string[] }> {
        const known = this.#known ?? (await this.#journal.alone(() => this.#read()));
        const { judgements } = await this.#prepare(wish, known);
        const { zone } = this.#home().key;
        const derived = judgements.flatMap(({ findings, who }) =>
            findings.map((finding) =>
                localWords(findingWords(finding, nameOf(who, known.recipients), zone), zone),
            ),
        );
        return { derived };
    }

    /**
     * Issues a grant, judged against everything that was issued until now on any device: in the
     * journal first, then its notices, then the grant itself. No other window of this browser grants
     * meanwhile.
     * @throws MetersealError MS_DERIVABLE where more would follow and nobody insists,
     * MS_NOTICE_DUPLICATE for what the recipient has already; ApiError, after which the grant counts as
     * issued and is sent again.
     */
    grant({ isOverride, ...wish }: Wish & { readonly isOverride: boolean }): Promise<SharingView> {
        return this.#journal.alone(async () => {
            const { grant, issued, judgements } = await this.#prepare(wish, await this.#read());
            if (judgements.length > 0 && !isOverride) throw error("MS_DERIVABLE");
            await this.#journal.appendIssued(issued);
            await this.#post(issued);
            const known = await this.#read();
            const hash = toHex(grant.message.hash);
            if (known.grants.some((own) => toHex(own.grant.message.hash) === hash)) {
                return this.#view(known);
            }
            throw error("MS_NOT_FOUND", { where: "the grant that was just made" });
        });
    }

    /** Revokes a grant: what was readable stays so. @throws ApiError */
    async revoke({ hashHex }: { readonly hashHex: string }): Promise<SharingView> {
        await this.#announce({ kind: NOTICE_KIND.revocation, hash: fromHex(hashHex) });
        return await this.list();
    }

    /** Who asked for a grant, the newest first; as the server noted it. @throws ApiError */
    async accesses({ hashHex }: { readonly hashHex: string }): Promise<readonly AccessView[]> {
        const rows = await fetchAccesses(this.#caller(), hashHex);
        return rows.map(({ caller, granted, purpose, timeUnix }) => ({
            who: nameOf([caller], this.#known?.recipients ?? []),
            granted,
            purpose,
            timeUnix,
        }));
    }

    /** Tariffs by which a sum can be weighted. @throws ApiError */
    tariffs(): Promise<readonly TariffView[]> {
        return listTariffs(this.#caller());
    }

    /** What a weighted sum tells. @throws ApiError, MetersealError */
    amount(sum: TariffSum): Promise<AmountView> {
        return amountOf(this.#home(), sum);
    }

    /** The journal of this browser, as a file. */
    async saveJournal(): Promise<{ readonly text: string }> {
        return { text: await this.#journal.text() };
    }

    /** Takes in the journal of another device. @throws MetersealError MS_JOURNAL, MS_KEY_FOREIGN */
    async takeJournal({ text }: { readonly text: string }): Promise<SharingView> {
        const stream = toHex(this.#home().key.stream.streamId);
        await this.#journal.alone(() => this.#journal.take(text, stream));
        return await this.list();
    }

    /** Reads everything anew; who calls is alone with the journal. */
    async #read(): Promise<Known> {
        const caller = this.#caller();
        const { key } = this.#home();
        const late = await this.#postWaiting();
        const journal = await this.#journal.read();
        const [{ clock }, listed, cohorts, read] = await Promise.all([
            fetchNetwork(),
            fetchRecipients(caller),
            fetchMemberships(caller),
            readOwnGrants(caller, key.stream.streamId, journal),
        ]);
        const { grants, unseen } = read;
        const issued = await issuedEverywhere(this.#home(), journal, grants, cohorts.rows);
        const { faults, recipients } = await readRecipients(caller, listed, issued);
        const cut = cutWords("groups of homes", cohorts);
        this.#known = {
            ...{ issued, recipients, memberships: cohorts.rows, grants, unseen },
            faults: [...read.faults, ...faults, ...cut, ...late],
            nowUnix: Math.floor(clock.nowMs / 1000),
            journaled: journal.grants.length,
        };
        return this.#known;
    }

    #view(known: Known): SharingView {
        const { faults, grants, issued, journaled, memberships, nowUnix } = known;
        const household = this.#household();
        const recipients = known.recipients.map((recipient) =>
            recipientView(recipient, grants, issued, nowUnix, household),
        );
        const alone = new Set(recipients.flatMap(({ derived }) => derived));
        const together = togetherWords(issued, known.recipients, household).filter(
            (sentence) => !alone.has(sentence),
        );
        const views = memberships.map((each) => {
            const own = grants.find(
                ({ grant }) => toHex(grant.cohortHash ?? new Uint8Array()) === each.hash,
            );
            const part = own === undefined ? "none" : own.revocation === null ? "tokens" : "left";
            return membershipView(each, part, household.ladder);
        });
        return {
            partyHex: toHex(this.#party.id),
            ...{ recipients, together, nowUnix, faults, journaled },
            memberships: views.sort((a, b) => b.fromUnix - a.fromUnix),
        };
    }

    /** A grant as it would be issued now. */
    async #prepare(wish: Wish, known: Known): Promise<ReadyGrant> {
        const { genesis, key, records } = this.#home();
        const recipient = known.recipients.find(({ idHex }) => idHex === wish.recipientHex)?.party;
        if (recipient == null) throw error("MS_NOT_FOUND", { where: "the recipient" });
        const context = {
            key,
            household: this.#party,
            recipient,
            stores: [kidOf(genesis.operator)],
            epochs: unwrap(streamEpochs(key, records)),
            ladder: ladderOf(key),
            issued: known.issued,
            unseen: known.unseen,
            policy: NO_POLICY,
            nowUnix: known.nowUnix,
            random: RANDOM,
        };
        const [ready] = await prepareGrants(context, [await this.#plan(wish)]);
        if (ready === undefined) throw error("MS_INTERNAL", { where: "a planned grant" });
        requireNew(ready.grant, known);
        return ready;
    }

    async #plan(wish: Wish): Promise<GrantPlan | WeightedPlan> {
        if (wish.kind === "tariff") return await planSum(this.#home(), wish);
        const { fromUnix, groups, step, toUnix } = wish;
        const ask = { window: step, groups, fromUnix, toUnix };
        return unwrap(planGrant(ladderOf(this.#home().key), ask));
    }

    /** Sends what is in the journal and may not have arrived; sentences about what cannot be sent. */
    async #postWaiting(): Promise<string[]> {
        const late: string[] = [];
        for (const issued of unposted(await this.#journal.read())) {
            try {
                await this.#post(issued);
            } catch (cause) {
                if (!(cause instanceof ApiError)) throw cause;
                late.push(`A grant that you made could not be sent yet: ${cause.message}`);
            }
        }
        return late;
    }

    /** All messages in their order, notices and grants; a bill's line has no grant. */
    async #post({ hash, messages }: IssuedGrant): Promise<void> {
        for (const bytes of messages.map((message) => new Uint8Array(fromBase64(message)))) {
            if (parseNotice(bytes).ok) await postMessage("/api/v1/notices", bytes);
            else {
                const authorization = await authorizationOf(this.#caller());
                await postMessage("/api/v1/grants", bytes, authorization);
            }
        }
        await this.#journal.appendPosted(hash);
    }

    async #announce(content: NoticeContent): Promise<void> {
        const { network } = this.#home().key;
        const { clock } = await fetchNetwork();
        const timeUnix = Math.floor(clock.nowMs / 1000);
        const { id: party, signer } = this.#party;
        const notice = await createNotice(signer, { network, party, timeUnix, ...content });
        await postMessage("/api/v1/notices", new Uint8Array(notice));
    }

    #caller(): Caller {
        const { genesis, key } = this.#home();
        const { id, signer } = this.#party;
        return { genesis, networkId: key.network, party: id, signer };
    }

    #household(): Household {
        const { key, records } = this.#home();
        const epochs = unwrap(streamEpochs(key, records));
        const { zone } = key;
        return { household: toHex(this.#party.id), ladder: ladderOf(key), epochs, zone };
    }
}

/** What decides whether two grants let the same recipient read the same. */
function termsName(grant: Grant): string {
    const { fromUnix, groups, kind, level, recipient, tariffHash, toUnix, window } = grant;
    return JSON.stringify([
        ...[toHex(recipient), kind, level ?? null, window ?? null, groups, fromUnix, toUnix],
        tariffHash === undefined ? null : toHex(tariffHash),
    ]);
}

/** @throws MetersealError MS_NOTICE_DUPLICATE where a grant in force says the same already. */
function requireNew(grant: Grant, { grants, nowUnix }: Known): void {
    const same = grants.find(
        (own) => termsName(own.grant) === termsName(grant) && isInForce(own, nowUnix),
    );
    if (same === undefined) return;
    throw error("MS_NOTICE_DUPLICATE", { got: `grant ${toHex(same.grant.message.hash)}` });
}
