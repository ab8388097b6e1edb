import {
    bytesEqual,
    error,
    fromHex,
    type HpkeKeyPair,
    type Signer,
    toHex,
    unwrap,
} from "@meterseal/core";
import { decodeEvidence, decodeGenesis, networkIdOf, type Verdict } from "@meterseal/ledger";
import {
    type GrantedSum,
    type GrantReading,
    planPath,
    planReading,
    type ReadingPlan,
    readGrant,
    readWeighted,
} from "@meterseal/provider";
import { GROUP, PARTY_ROLE, parsePartyKey, unitOfMedium } from "@meterseal/record";
import { GRANT_KIND, type Grant, type GrantKeys, openGrant, parseGrant } from "@meterseal/seal";
import { energyMoney, exactMoney } from "@meterseal/tariff";
import type { UsageInterval } from "@meterseal/wallet";
import { fetchBytes, fetchJson, fetchNetwork } from "../api/client.ts";
import { fetchTariff } from "../api/tariff.ts";
import { formatCounted } from "../format.ts";
import { openingOf } from "../household/vault/sharing/opening.ts";
import { cutWords, fetchBoxRows, fetchGrant } from "../household/vault/sharing/server.ts";
import { importSigner } from "../household/vault/sharing/signer.ts";
import type { CheckView, Opened, OpenedAmount, OpenedSums, ReceivedGrants } from "./messages.ts";
import { describeProvider } from "./problems.ts";

/** What the household reads in its list of who took a grant. */
const PURPOSE = "portal";
/** Grants that are taken at most, the newest: each is asked for by itself, and noted. */
const RECEIVED_MAX = 500;

/** A recipient at work: its keys, and the grants that were read. */
export class ProviderDesk {
    readonly #networkId: Uint8Array;
    readonly #party: Uint8Array;
    readonly #name: string;
    readonly #signer: Signer;
    readonly #keys: readonly HpkeKeyPair[];
    readonly #grants = new Map<string, Grant>();

    private constructor(parts: {
        networkId: Uint8Array;
        party: Uint8Array;
        name: string;
        signer: Signer;
        keys: readonly HpkeKeyPair[];
    }) {
        this.#networkId = parts.networkId;
        this.#party = parts.party;
        this.#name = parts.name;
        this.#signer = parts.signer;
        this.#keys = parts.keys;
    }

    /**
     * Takes the text of a recipient's key file.
     * @throws MetersealError MS_KEY_FILE where it is none, MS_KEY_FOREIGN of another network; ApiError
     */
    static async open(text: string): Promise<ProviderDesk> {
        const key = unwrap(parsePartyKey(text));
        if (key.role === PARTY_ROLE.household) {
            throw error("MS_KEY_FILE", { expected: "the key of a provider" });
        }
        const networkId = fromHex((await fetchNetwork()).networkId);
        if (key.network !== null && !bytesEqual(key.network, networkId)) {
            throw error("MS_KEY_FOREIGN", { where: "the key", expected: "this server's network" });
        }
        return new ProviderDesk({
            networkId,
            party: key.party,
            name: key.name,
            signer: await importSigner(new Uint8Array(key.signingKey)),
            keys: key.recipientKeys,
        });
    }

    /** Takes what was granted, the newest of it; each taking is noted for the household. @throws ApiError */
    async received(): Promise<ReceivedGrants> {
        const boxed = await fetchBoxRows(this.#caller());
        const own = toHex(this.#party);
        const rows = boxed.rows.filter(({ recipient }) => recipient === own);
        const older = Math.max(0, rows.length - RECEIVED_MAX);
        const grants: ReceivedGrants["grants"][number][] = [];
        const useless: ReceivedGrants["useless"][number][] = [];
        for (const { hash } of rows.slice(older)) {
            try {
                const grant = unwrap(parseGrant(await fetchGrant(this.#caller(), hash, PURPOSE)));
                this.#grants.set(hash, grant);
                grants.push({
                    hashHex: hash,
                    householdHex: toHex(grant.household),
                    meterHex: toHex(grant.subject),
                    opening: openingOf(grant),
                    issuedUnix: grant.issuedUnix,
                    leaseEndUnix: grant.leaseEndUnix ?? null,
                });
            } catch (cause) {
                useless.push({ hashHex: hash, problem: describeProvider(cause) });
            }
        }
        const missing = cutWords("grants", boxed);
        if (older > 0) {
            missing.push(`${formatCounted(older, "older grant is", "older grants are")} not here.`);
        }
        return { name: this.#name, partyHex: own, grants, useless, missing };
    }

    /** Opens the sums of a grant, and verifies them from the network id up. @throws ApiError, MetersealError */
    async read(hashHex: string): Promise<Opened> {
        const grant = this.#grants.get(hashHex);
        if (grant === undefined) throw error("MS_NOT_FOUND", { where: `grant ${hashHex}` });
        const pair = this.#keys.find(({ suite }) => suite === grant.hpkeSuite);
        if (pair === undefined) throw error("MS_GRANT_RECIPIENT", { where: "the recipient's key" });
        const keys = unwrap(await openGrant(grant, pair));
        return grant.kind === GRANT_KIND.W
            ? await this.#readAmount(grant, keys)
            : await this.#readSums(grant, keys);
    }

    async #readSums(grant: Grant, keys: GrantKeys): Promise<OpenedSums> {
        const startMs = performance.now();
        const pages: GrantReading[] = [];
        for (let fromUnix: number | null = grant.fromUnix; fromUnix !== null; ) {
            const plan: ReadingPlan = unwrap(planReading(grant, { fromUnix }));
            pages.push(await this.#readPage(grant, keys, plan));
            fromUnix = plan.nextUnix;
        }
        const medium = pages[0]?.medium;
        const shift = grant.scale - unitOfMedium(medium).baseScale;
        const intervals = pages
            .flatMap(({ sums }) => sums)
            .filter(({ answered }) => answered !== null)
            .map((sum) => intervalOf(sum, shift));
        const known = intervals.flatMap(({ importWh }) => importWh ?? []);
        const verdicts = pages.map((page) => page.verdicts);
        return {
            intervals,
            medium,
            totalWh: known.length === 0 ? null : known.reduce((all, wh) => all + wh, 0n),
            signature: viewOf(verdicts.map(({ signature }) => signature)),
            continuity: viewOf(verdicts.map(({ continuity }) => continuity)),
            sums: viewOf(verdicts.map(({ sums }) => sums)),
            amountsBy: pages[0]?.amountsBy ?? "household",
            readMs: performance.now() - startMs,
        };
    }

    /** One page of windows: the records that prove them, and the store's own word about them. */
    async #readPage(grant: Grant, keys: GrantKeys, plan: ReadingPlan): Promise<GrantReading> {
        const [trust, bytes, claimed] = await Promise.all([
            this.#trust(),
            fetchBytes(planPath(grant, plan, "evidence")),
            fetchJson<{ windows: unknown }>(planPath(grant, plan, "sums")),
        ]);
        const evidence = unwrap(decodeEvidence(bytes));
        return unwrap(
            await readGrant({ grant, keys, plan, evidence, claimed: claimed.windows, trust }),
        );
    }

    /** The one amount of a W grant: what the energy of its range costs under its tariff. */
    async #readAmount(grant: Grant, keys: GrantKeys): Promise<OpenedAmount> {
        const startMs = performance.now();
        const { fromUnix, message, scale, streamId, tariffHash, toUnix } = grant;
        const query = `from=${fromUnix}&to=${toUnix}&grant=${toHex(message.hash)}`;
        const [trust, bytes] = await Promise.all([
            this.#trust(),
            fetchBytes(`/api/v1/streams/${toHex(streamId)}/evidence?${query}`),
        ]);
        const evidence = unwrap(decodeEvidence(bytes));
        const { networkId } = trust;
        if (!bytesEqual(networkIdOf(evidence.genesis), networkId)) {
            throw error("MS_GENESIS", { where: "what the server sent" });
        }
        const genesis = unwrap(decodeGenesis(evidence.genesis));
        const hashHex = toHex(tariffHash ?? new Uint8Array());
        const { leafIndex, tariff } = await fetchTariff({ genesis, networkId }, hashHex);
        const reading = unwrap(readWeighted({ grant, keys, evidence, tariff, trust }));
        const energy = reading.amounts
            .flatMap(({ amounts }) => amounts)
            .reduce((all, amount) => all + amount, 0n);
        return {
            amount: exactMoney(energyMoney({ energy, scale }), tariff.body.decimals),
            currency: tariff.body.currency,
            tariffName: tariff.body.name,
            tariffLeaf: leafIndex,
            signature: viewOf([reading.verdicts.signature]),
            continuity: viewOf([reading.verdicts.continuity]),
            amountsBy: reading.amountsBy,
            readMs: performance.now() - startMs,
        };
    }

    async #trust() {
        const { clock } = await fetchNetwork();
        return {
            networkId: this.#networkId,
            recipient: this.#party,
            nowUnix: Math.floor(clock.nowMs / 1000),
        };
    }

    #caller() {
        return { networkId: this.#networkId, party: this.#party, signer: this.#signer };
    }
}

/** Verdicts over all pages: all of them hold, or the first fault of the first that does not. */
function viewOf(verdicts: readonly (Verdict | null)[]): CheckView {
    const fault = verdicts.flatMap((verdict) => verdict?.faults ?? [])[0];
    return {
        holds: verdicts.every((verdict) => verdict?.holds === true),
        checked: verdicts.reduce((sum, verdict) => sum + (verdict?.checked ?? 0), 0),
        fault: fault?.error.message ?? null,
    };
}

/** A granted sum as an interval, in whole Wh or litres; amounts count in 10^scale of them. */
function intervalOf(
    { amounts, answered, fromUnix, marks, quality, toUnix }: GrantedSum,
    scale: number,
): UsageInterval {
    const factor = 10n ** BigInt(Math.abs(scale));
    const whOf = (group: number): bigint | null => {
        const units = amounts?.find((each) => each.group === group)?.amounts[0];
        if (units === undefined) return null;
        return scale < 0 ? units / factor : units * factor;
    };
    return {
        fromUnix: answered?.fromUnix ?? fromUnix,
        toUnix: answered?.toUnix ?? toUnix,
        importWh: whOf(GROUP.import),
        exportWh: whOf(GROUP.export),
        quality,
        marks,
    };
}
