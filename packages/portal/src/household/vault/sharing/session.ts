import {
    createLadder,
    error,
    fromHex,
    type Ladder,
    type Signer,
    toHex,
    unwrap,
} from "@meterseal/core";
import type { Genesis } from "@meterseal/ledger";
import {
    createNotice,
    kidOf,
    type MeterRecord,
    NOTICE_KIND,
    type NoticeContent,
    type Party,
} from "@meterseal/record";
import { type Finding, findingsHash, findingWords, type Grant } from "@meterseal/seal";
import {
    createGrant,
    judgeIssue,
    type KeyFile,
    NO_POLICY,
    planGrant,
    streamEpochs,
} from "@meterseal/wallet";
import { fetchNetwork, postMessage } from "../../../api/client.ts";
import type { AccessView, SharingView, Wish } from "../sharing-messages.ts";
import { readOwnGrants } from "./own-grants.ts";
import { authorizationOf, type Caller, fetchAccesses, fetchRecipients } from "./server.ts";
import {
    derivedWords,
    type Household,
    issuedOf,
    localWords,
    nameOf,
    type OwnGrant,
    recipientView,
    togetherPolicy,
} from "./view.ts";

/** An opened home in whose name is granted. */
export type SharingHome = {
    readonly key: KeyFile;
    readonly genesis: Genesis;
    /** Records that were verified. */
    readonly records: readonly MeterRecord[];
};

/** Who signs in the name of the home. */
export type SharingParty = { readonly id: Uint8Array; readonly signer: Signer };

const RANDOM = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };

/** Lists, judges, issues and revokes grants of one home; the keys stay in the worker. */
export class SharingSession {
    readonly #home: () => SharingHome;
    readonly #party: SharingParty;
    #parties: readonly Party[] = [];
    #grants: readonly OwnGrant[] = [];

    /** @param home - asked each time, because the records grow. */
    constructor(home: () => SharingHome, party: SharingParty) {
        this.#home = home;
        this.#party = party;
    }

    /** Who can see what, all of it verified. @throws ApiError, MetersealError */
    async list(): Promise<SharingView> {
        const caller = this.#caller();
        const [{ clock }, parties, read] = await Promise.all([
            fetchNetwork(),
            fetchRecipients(caller),
            readOwnGrants(caller, this.#home().key.stream.streamId),
        ]);
        this.#parties = parties;
        this.#grants = read.grants;
        const nowUnix = Math.floor(clock.nowMs / 1000);
        const issued = issuedOf(this.#grants, this.#ladder());
        const recipients = parties.map((party) =>
            recipientView(party, read.grants, issued, nowUnix, this.#household()),
        );
        const holders = recipients.filter(({ grants }) => grants.length > 0);
        const alone = new Set(holders.flatMap(({ derived }) => derived));
        const together = derivedWords(
            issued,
            togetherPolicy(holders.map(({ idHex }) => idHex)),
            (who) => nameOf(who, parties),
            this.#household(),
        ).filter((sentence) => !alone.has(sentence));
        return {
            partyHex: toHex(this.#party.id),
            recipients,
            together,
            nowUnix,
            faults: read.faults,
        };
    }

    /** What a wish would let its recipient work out beyond its words. @throws MetersealError */
    async judge(wish: Wish): Promise<{ readonly derived: readonly string[] }> {
        const findings = this.#findings(await this.#draft(wish));
        const { zone } = this.#home().key;
        const who = nameOf([wish.recipientHex], this.#parties);
        return {
            derived: findings.map((finding) => localWords(findingWords(finding, who, zone), zone)),
        };
    }

    /**
     * Issues a grant: its notice first, then an override where the household was told and insists,
     * then the grant itself.
     * @throws MetersealError MS_DERIVABLE where more would follow and nobody insists; ApiError
     */
    async grant({
        isOverride,
        ...wish
    }: Wish & { readonly isOverride: boolean }): Promise<SharingView> {
        const grant = await this.#draft(wish);
        const findings = this.#findings(grant);
        if (findings.length > 0 && !isOverride) throw error("MS_DERIVABLE");
        const { hash, bytes } = grant.message;
        await this.#announce({ kind: NOTICE_KIND.grant, hash });
        if (findings.length > 0) {
            const content = { hash, findings: findingsHash(findings) };
            await this.#announce({ kind: NOTICE_KIND.override, ...content });
        }
        await postMessage(
            "/api/v1/grants",
            new Uint8Array(bytes),
            await authorizationOf(this.#caller()),
        );
        return await this.list();
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
            who: nameOf([caller], this.#parties),
            granted,
            purpose,
            timeUnix,
        }));
    }

    async #draft(wish: Wish): Promise<Grant> {
        const { genesis, key, records } = this.#home();
        const recipient = this.#parties.find(({ id }) => toHex(id) === wish.recipientHex);
        if (recipient === undefined) throw error("MS_NOT_FOUND", { where: "the recipient" });
        const { fromUnix, groups, step, toUnix } = wish;
        const ask = { window: step, groups, fromUnix, toUnix };
        const { clock } = await fetchNetwork();
        return unwrap(
            await createGrant({
                key,
                household: this.#party,
                recipient,
                stores: [kidOf(genesis.operator)],
                plan: unwrap(planGrant(this.#ladder(), ask)),
                epochs: unwrap(streamEpochs(key, records)),
                issuedUnix: Math.floor(clock.nowMs / 1000),
                random: RANDOM,
            }),
        );
    }

    /** What follows for the recipient of a grant from it and all that were issued before. */
    #findings(grant: Grant): Finding[] {
        const ladder = this.#ladder();
        const [proposal] = issuedOf([{ grant }], ladder);
        if (proposal === undefined) return [];
        const { household } = this.#household();
        const issued = issuedOf(this.#grants, ladder);
        const judgements = judgeIssue(issued, NO_POLICY, { ...proposal, household }, ladder);
        return judgements.flatMap(({ findings }) => findings);
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

    #ladder(): Ladder {
        const { key } = this.#home();
        return unwrap(createLadder(key.zone, key.stream.slotSeconds));
    }

    #household(): Household {
        const { zone } = this.#home().key;
        return { household: toHex(this.#party.id), ladder: this.#ladder(), zone };
    }
}
