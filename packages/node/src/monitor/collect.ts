import {
    bytesEqual,
    createLadder,
    error,
    type HpkeKeyPair,
    toHex,
    unixOfSlot,
    unwrap,
} from "@meterseal/core";
import { compareClaim } from "@meterseal/provider";
import { NOTICE_KIND, parseNotice, verifySign1 } from "@meterseal/record";
import {
    type Cohort,
    type CohortBoundaries,
    type CohortSum,
    type CohortWindowDescription,
    cohortBoundaries,
    cohortHash,
    describeCohort,
    GRANT_KIND,
    type Grant,
    type MemberPart,
    memberPart,
    openCohort,
    openGrant,
    parseCohort,
    parseGrant,
} from "@meterseal/seal";
import type { FindParty } from "../party/known-parties.ts";
import type { ServerApi } from "../party/server-api.ts";
import { keptGrant } from "./kept-grants.ts";
import { memberReadings } from "./readings.ts";
import { type OpenedTokens, signedWindows } from "./signed-windows.ts";

/** A cohort of the ledger. */
export type PublishedCohort = {
    readonly cohort: Cohort;
    /** 32 bytes. */
    readonly hash: Uint8Array;
    /** Hash of the notice that carries it, in hex. */
    readonly notice: string;
};

/** Who adds cohorts up. */
export type MonitorTools = {
    readonly api: ServerApi;
    /** Directory of the monitor. */
    readonly dir: string;
    /** Ids of network (32 bytes) and monitor (16 bytes). */
    readonly network: Uint8Array;
    readonly party: Uint8Array;
    readonly keys: HpkeKeyPair;
    readonly partyOf: FindParty;
    /** Time of the network. */
    readonly nowUnix: number;
};

/** The load of one cohort over a part of its month. */
export type CohortLoad = {
    readonly published: PublishedCohort;
    readonly boundaries: CohortBoundaries;
    /** By group of the cohort: one sum per window of the month; null outside of the part asked for. */
    readonly sums: readonly (readonly (CohortSum | null)[])[];
    /** Members whose tokens have not come, by their places. */
    readonly silent: readonly number[];
};

/** The cohorts that a monitor has on the ledger, oldest first. */
export async function publishedCohorts(
    api: ServerApi,
    monitor: Uint8Array,
): Promise<PublishedCohort[]> {
    const found: PublishedCohort[] = [];
    for (const { hash } of await api.notices(NOTICE_KIND.cohort, toHex(monitor))) {
        const notice = unwrap(parseNotice(await api.notice(hash)));
        if (notice.kind !== NOTICE_KIND.cohort) continue;
        const cohort = parseCohort(notice.cohort);
        if (!cohort.ok) continue;
        found.push({ cohort: cohort.value, hash: cohortHash(notice.cohort), notice: hash });
    }
    return found;
}

/**
 * Adds cohorts up over a range, from signed records. Tokens are opened once for all of them.
 * @param fromUnix - first instant; `toUnix` is not included.
 * @throws MetersealError the first fault of what the server gave as evidence.
 */
export async function loadOf(
    tools: MonitorTools,
    cohorts: readonly PublishedCohort[],
    fromUnix: number,
    toUnix: number,
): Promise<CohortLoad[]> {
    const tokens = await openTokens(tools);
    const loads: CohortLoad[] = [];
    for (const published of cohorts) {
        loads.push(await addUp(tools, published, tokens, fromUnix, toUnix));
    }
    return loads;
}

async function addUp(
    tools: MonitorTools,
    published: PublishedCohort,
    tokens: readonly OpenedTokens[],
    fromUnix: number,
    toUnix: number,
): Promise<CohortLoad> {
    const { api, network, nowUnix, party } = tools;
    const { cohort, hash } = published;
    const ladder = unwrap(createLadder(cohort.zone, cohort.slotSeconds));
    const boundaries = unwrap(cohortBoundaries(cohort, ladder));
    const instants = boundaries.slots.map((slot) => unixOfSlot(slot, cohort.slotSeconds));
    const edges = instants.filter((unix) => unix >= fromUnix && unix <= toUnix);
    const parts: MemberPart[][] = cohort.groups.map(() => []);
    const silent: number[] = [];
    for (const own of cohort.members.keys()) {
        const opened = tokens.find((each) => isOf(each.grant, published, own)) ?? null;
        if (opened === null) silent.push(own);
        const isRead = opened !== null && edges.length > 1;
        const trust = { network, monitor: party, nowUnix };
        const said = isRead ? await signedWindows(api, trust, opened, edges) : [];
        for (const [i, group] of cohort.groups.entries()) {
            const readings = memberReadings(cohort, boundaries, group, said);
            parts[i]?.push(memberPart(cohort, hash, boundaries, group, own, opened, readings));
        }
    }
    const [first, last] = [edges[0] ?? Number.POSITIVE_INFINITY, edges.at(-1) ?? 0];
    const isAsked = (window: number): boolean =>
        (instants[window] as number) >= first && (instants[window + 1] as number) <= last;
    if (silent.length === 0 && edges.length > 1) {
        const windows = boundaries.indices.flatMap((_, window) => (isAsked(window) ? window : []));
        const own = describeCohort(cohort, boundaries, parts, windows);
        await compareWithStore(api, published.notice, own, [first, last]);
    }
    const sums = cohort.groups.map((group, i) =>
        unwrap(openCohort(cohort, boundaries, group, parts[i] as MemberPart[])).map(
            (sum, window) => (isAsked(window) ? sum : null),
        ),
    );
    return { published, boundaries, sums, silent };
}

/**
 * Holds what the store adds up against what the signed records add up to, page by page. A window that the
 * records had not whole is left out: the store is asked later, and a late reading may have come meanwhile.
 * @throws MetersealError MS_SUM where they differ.
 */
async function compareWithStore(
    api: ServerApi,
    notice: string,
    own: readonly CohortWindowDescription[],
    [fromUnix, toUnix]: readonly [number, number],
): Promise<void> {
    const said = new Map<unknown, unknown>();
    for (let next: number | null = fromUnix; next !== null && next < toUnix; ) {
        const path = `/api/v1/cohorts/${notice}/sums?from=${next}&to=${toUnix}`;
        const { nextUnix, windows } = await api.json(path);
        for (const window of Array.isArray(windows) ? windows : []) {
            said.set((window as { fromUnix?: unknown } | null)?.fromUnix, window);
        }
        // A page that leads back is the last one.
        next = typeof nextUnix === "number" && nextUnix > next ? nextUnix : null;
    }
    for (const window of own) {
        if (window.groups === null) continue;
        const [fault] = compareClaim(window, said.get(window.fromUnix));
        if (fault !== undefined) throw fault.error;
    }
}

function isOf(grant: Grant, { cohort, hash }: PublishedCohort, own: number): boolean {
    const party = cohort.members[own]?.party as Uint8Array;
    return bytesEqual(grant.household, party) && bytesEqual(grant.cohortHash as Uint8Array, hash);
}

/** Opens the tokens that households sealed to this monitor; what is not theirs is left out. */
async function openTokens({ api, dir, keys, partyOf }: MonitorTools): Promise<OpenedTokens[]> {
    const opened: OpenedTokens[] = [];
    for (const { hash, isRevoked, issuer } of await api.grants()) {
        if (isRevoked) continue;
        const grant = parseGrant(await keptGrant(api, dir, hash));
        if (!grant.ok || grant.value.kind !== GRANT_KIND.C) continue;
        const household = await partyOf(issuer);
        const isSigned =
            household !== null &&
            bytesEqual(household.id, grant.value.household) &&
            verifySign1(grant.value.message, household.key);
        if (!isSigned) continue;
        const table = await openGrant(grant.value, keys);
        if (!table.ok || table.value.form !== "tokens") continue;
        opened.push({ grant: grant.value, table: table.value.table });
    }
    return opened;
}

/** Sums of the cohorts of one feeder together, window by window; null where one of them is missing. */
export function feederLoad(loads: readonly CohortLoad[], group: number): (bigint[] | null)[] {
    const [first] = loads;
    if (first === undefined) throw error("MS_NOT_FOUND", { where: "a cohort" });
    return first.boundaries.indices.map((_, window) => {
        let total: bigint[] | null = null;
        for (const { published, sums } of loads) {
            const place = published.cohort.groups.indexOf(group);
            const sum = sums[place]?.[window];
            if (sum?.status !== "measured") return null;
            const before: readonly bigint[] = total ?? sum.sums.map(() => 0n);
            total = sum.sums.map((value, channel) => value + (before[channel] as bigint));
        }
        return total;
    });
}
