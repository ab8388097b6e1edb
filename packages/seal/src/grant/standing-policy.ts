import {
    isSlotSeconds,
    isWindowName,
    type Result,
    type Signer,
    WINDOW_NAMES,
} from "@meterseal/core";
import {
    attempt,
    createSign1,
    decodeCbor,
    encodeCbor,
    GROUP,
    MapReader,
    MESSAGE_TYPE,
    malformed,
    parseSign1,
    type Sign1,
} from "@meterseal/record";
import { GRANT_KIND, parseGroups, UNIX_MAX, ZONE_MAX } from "./terms.ts";

/** How long one lease of a policy is: a civil window of the stream's zone. */
export const LEASE_PERIODS = ["day", "week", "month", "year"] as const;

/** One of {@link LEASE_PERIODS}. */
export type LeasePeriod = (typeof LEASE_PERIODS)[number];

/**
 * What a household lets its wallet grant by itself, one lease after another, until it is revoked or
 * ends. Ids are 16 bytes, instants seconds since 1970. It opens nothing: its leases do.
 */
export type PolicyTerms = {
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    readonly policyId: Uint8Array;
    /** Party id of the household. */
    readonly household: Uint8Array;
    /** Subject of the meter. */
    readonly subject: Uint8Array;
    readonly streamId: Uint8Array;
    /** Group ids, ascending. */
    readonly groups: readonly number[];
    /** Kind of each lease: keys of a level, keys of boundaries, or a number for each window. */
    readonly kind: (typeof GRANT_KIND)["K" | "D" | "E"];
    /** The windows whose sums are granted. */
    readonly window: (typeof WINDOW_NAMES)[number];
    /** When the first lease begins. */
    readonly fromUnix: number;
    /** When the last lease ends; absent = until revoked. */
    readonly toUnix?: number;
    /** Party id of the recipient. */
    readonly recipient: Uint8Array;
    readonly issuedUnix: number;
    /** IANA zone whose days and months are meant. */
    readonly zone: string;
    readonly slotSeconds: number;
    readonly leasePeriod: LeasePeriod;
};

/** A parsed policy whose signature is not checked. */
export type StandingPolicy = PolicyTerms & {
    /** The envelope; its hash is the name of the policy on the ledger. */
    readonly message: Sign1;
};

/** Signs a policy as the household; its fields have the keys that they have in a grant. */
export function createStandingPolicy(signer: Signer, terms: PolicyTerms): Promise<Uint8Array> {
    const map = new Map<number, unknown>([
        [0, terms.network],
        [1, terms.policyId],
        [2, terms.household],
        [3, terms.subject],
        [4, terms.streamId],
        [6, terms.groups],
        [7, terms.kind],
        [9, terms.fromUnix],
        [11, terms.recipient],
        [13, terms.issuedUnix],
        [18, terms.window],
        [19, terms.zone],
        [20, terms.slotSeconds],
        [27, terms.leasePeriod],
    ]);
    if (terms.toUnix !== undefined) map.set(10, terms.toUnix);
    return createSign1(signer, MESSAGE_TYPE.policy, encodeCbor(map));
}

/** Parses a policy strictly; the signature is not checked. MS_MALFORMED names the field. */
export function parseStandingPolicy(bytes: Uint8Array): Result<StandingPolicy> {
    const message = parseSign1(bytes, MESSAGE_TYPE.policy);
    if (!message.ok) return message;
    return attempt(() => {
        const map = new MapReader(decodeCbor(message.value.payload), "policy");
        const policy = { ...parseTerms(map), message: message.value };
        map.end();
        return policy;
    });
}

function parseTerms(map: MapReader): PolicyTerms {
    const unix = (key: number): number => map.integer(key, 0, UNIX_MAX);
    const window = map.text(18, 16);
    if (!isWindowName(window)) return malformed(map.at(18), WINDOW_NAMES.join(", "));
    const terms: PolicyTerms = {
        network: map.bytes(0, 32),
        policyId: map.bytes(1, 16),
        household: map.bytes(2, 16),
        subject: map.bytes(3, 16),
        streamId: map.bytes(4, 16),
        groups: parseGroups(map, 6),
        kind: parseKind(map),
        window,
        fromUnix: unix(9),
        ...(map.has(10) ? { toUnix: unix(10) } : {}),
        recipient: map.bytes(11, 16),
        issuedUnix: unix(13),
        zone: map.text(19, ZONE_MAX) || malformed(map.at(19), "the name of a time zone"),
        slotSeconds: map.integer(20, 1, 3600),
        leasePeriod: parsePeriod(map),
    };
    const { fromUnix, groups, slotSeconds, toUnix } = terms;
    if (!isSlotSeconds(slotSeconds)) malformed(map.at(20), "a divisor of 3600");
    if (toUnix !== undefined && toUnix <= fromUnix) malformed(map.at(10), "an end after the begin");
    const isFiner = WINDOW_NAMES.indexOf(window) < WINDOW_NAMES.indexOf("day");
    if (groups.includes(GROUP.importSquares) && isFiner) {
        malformed(map.at(18), "sums of squares over days or longer only");
    }
    return terms;
}

function parseKind(map: MapReader): PolicyTerms["kind"] {
    const kind = map.integer(7, GRANT_KIND.K, GRANT_KIND.E);
    const known = [GRANT_KIND.K, GRANT_KIND.D, GRANT_KIND.E].find((each) => each === kind);
    return known ?? malformed(map.at(7), "K, D or E");
}

function parsePeriod(map: MapReader): LeasePeriod {
    const text = map.text(27, 8);
    const period = LEASE_PERIODS.find((each) => each === text);
    return period ?? malformed(map.at(27), LEASE_PERIODS.join(", "));
}
