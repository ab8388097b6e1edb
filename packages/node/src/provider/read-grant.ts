import {
    error,
    isWindowName,
    MetersealError,
    parseInstant,
    unwrap,
    WINDOW_NAMES,
} from "@meterseal/core";
import { decodeEvidence, type Evidence, type TreeHead } from "@meterseal/ledger";
import {
    type GrantedSum,
    type GrantReading,
    planPath,
    planReading,
    type ReadingPlan,
    type ReadingRange,
    type ReadingRequest,
    readGrant,
} from "@meterseal/provider";
import { type Grant, type GrantKeys, openGrant } from "@meterseal/seal";
import { type Options, textOption } from "../cli/arguments.ts";
import type { OwnParty } from "../party/party.ts";
import type { ServerApi } from "../party/server-api.ts";

/** A grant that its recipient opened. */
export type OpenedGrant = { readonly grant: Grant; readonly keys: GrantKeys };

/** Everything that the pages of a reading gave. */
export type WholeReading = Omit<GrantReading, "sums"> & {
    readonly window: string;
    readonly sums: readonly GrantedSum[];
};

/** What shows that the sums of a plan are right. */
export type Proof = {
    readonly evidence: Evidence;
    /** The store's own sums; absent where only evidence is at hand. */
    readonly claimed?: unknown;
    /** Head that the log must have grown from; absent where older evidence is read. */
    readonly seen?: TreeHead;
};

/** Opens a grant with whichever of the party's keys it was sealed to; errors of openGrant. */
export async function openOwnGrant(grant: Grant, { key }: OwnParty): Promise<OpenedGrant> {
    const fitting = key.recipientKeys.find(({ suite }) => suite === grant.hpkeSuite);
    const pair = fitting ?? key.recipientKeys[0];
    if (pair === undefined) throw error("MS_GRANT_RECIPIENT", { where: "the party's keys" });
    return { grant, keys: unwrap(await openGrant(grant, pair)) };
}

/** What the options ask of a grant: window and range, civil in the grant's zone. */
export function requestOf(options: Options, { zone }: Grant): ReadingRequest {
    const window = textOption(options, "window");
    if (window !== undefined && !isWindowName(window)) {
        throw error("MS_USAGE", { expected: `--window ${WINDOW_NAMES.join("|")}`, got: window });
    }
    const instant = (name: "from" | "to"): number | undefined => {
        const text = textOption(options, name);
        return text === undefined ? undefined : unwrap(parseInstant(text, zone));
    };
    const [fromUnix, toUnix] = [instant("from"), instant("to")];
    return {
        ...(window === undefined ? {} : { window }),
        ...(fromUnix === undefined ? {} : { fromUnix }),
        ...(toUnix === undefined ? {} : { toUnix }),
    };
}

/**
 * Reads a grant page by page.
 * @param prove - gets what shows a page right; MS_TOO_LARGE makes the page shorter.
 * @throws MetersealError errors of planReading and readGrant, and of what proves.
 */
export async function readWhole(
    { grant, keys }: OpenedGrant,
    request: ReadingRequest,
    party: OwnParty,
    nowUnix: number,
    prove: (plan: ReadingPlan) => Promise<Proof>,
): Promise<WholeReading> {
    let whole: WholeReading | null = null;
    const first = unwrap(planReading(grant, request));
    for (let next: ReadingPlan | null = first; next !== null; ) {
        const page: ReadingPlan = next;
        const { plan: proven, proof } = await proveShorter(grant, page, prove);
        const { seen, ...shown } = proof;
        const reading = unwrap(
            await readGrant({
                ...{ grant, keys, plan: proven },
                ...shown,
                trust: {
                    networkId: party.network,
                    recipient: party.party.id,
                    nowUnix,
                    ...(seen === undefined ? {} : { seen }),
                },
            }),
        );
        whole = append(whole, reading, proven.window);
        const rest = { ...request, fromUnix: proven.toUnix };
        const isLast = proven.nextUnix === null && proven.toUnix >= page.toUnix;
        next = isLast ? null : unwrap(planReading(grant, rest));
    }
    if (whole === null) throw error("MS_INTERNAL", { where: "a plan without a page" });
    return whole;
}

/** Halves a page until its evidence fits into one answer. */
async function proveShorter(
    grant: Grant,
    plan: ReadingPlan,
    prove: (plan: ReadingPlan) => Promise<Proof>,
): Promise<{ plan: ReadingPlan; proof: Proof }> {
    try {
        return { plan, proof: await prove(plan) };
    } catch (cause) {
        const isTooLarge = cause instanceof MetersealError && cause.code === "MS_TOO_LARGE";
        const windows = plan.edges.length - 1;
        if (!isTooLarge || windows < 2) throw cause;
        const edges = plan.edges.slice(0, 1 + Math.floor(windows / 2));
        const { fromUnix, window } = plan;
        const last = (edges.at(-1) ?? 0) - (edges[0] ?? 0);
        const toUnix = fromUnix + last * grant.slotSeconds;
        const shorter = unwrap(planReading(grant, { window, fromUnix, toUnix }));
        return await proveShorter(grant, shorter, prove);
    }
}

/** What a server shows of a page: its own sums, and the evidence. */
export async function proveByServer(
    api: ServerApi,
    grant: Grant,
    plan: ReadingPlan,
    seen: TreeHead | null,
): Promise<Proof & { readonly bytes: Uint8Array }> {
    const { windows } = await api.json(planPath(grant, plan, "sums"));
    const bytes = await evidenceOfServer(api, grant, plan, seen);
    const evidence = unwrap(decodeEvidence(bytes));
    // A server that names no sums was asked all the same: that is another answer than the records'.
    const claimed = windows ?? null;
    return { bytes, evidence, claimed, ...(seen === null ? {} : { seen }) };
}

/**
 * Evidence of a range as a server has it, and that its log grew from a head that was seen.
 * @throws MetersealError MS_CHECKPOINT where the server has a shorter log.
 */
export async function evidenceOfServer(
    api: ServerApi,
    grant: Grant,
    range: ReadingRange,
    seen: TreeHead | null,
): Promise<Uint8Array> {
    const path = planPath(grant, range, "evidence", seen?.size ?? null);
    return await api.bytes(path).catch((cause: unknown) => {
        const isSmaller = cause instanceof MetersealError && cause.code === "MS_NOT_FOUND";
        if (!isSmaller || seen === null) throw cause;
        const expected = `a log of ${seen.size} entries or more, as it was seen before`;
        throw error("MS_CHECKPOINT", { where: api.url, expected, got: "a shorter one" });
    });
}

function append(before: WholeReading | null, page: GrantReading, window: string): WholeReading {
    if (before === null) return { ...page, window };
    const add = (name: "signature" | "continuity") => {
        const [a, b] = [before.verdicts[name], page.verdicts[name]];
        return {
            holds: a.holds && b.holds,
            checked: a.checked + b.checked,
            faults: [...a.faults, ...b.faults],
        };
    };
    const [a, b] = [before.verdicts.sums, page.verdicts.sums];
    return {
        ...page,
        window,
        sums: [...before.sums, ...page.sums],
        verdicts: {
            signature: add("signature"),
            continuity: add("continuity"),
            sums:
                a === null || b === null
                    ? null
                    : {
                          holds: a.holds && b.holds,
                          checked: a.checked + b.checked,
                          faults: [...a.faults, ...b.faults],
                      },
        },
    };
}
