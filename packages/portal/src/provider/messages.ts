import type { AmountsBy } from "@meterseal/provider";
import type { UsageInterval } from "@meterseal/wallet";
import type { Problem } from "../household/vault/messages.ts";
import type { Opening } from "../sharing/words.ts";

/** A grant that is addressed to the party whose key the worker holds. */
export type ReceivedGrant = {
    readonly hashHex: string;
    readonly householdHex: string;
    readonly meterHex: string;
    readonly opening: Opening;
    readonly issuedUnix: number;
    readonly leaseEndUnix: number | null;
};

/** A grant of the box that cannot be used: revoked, or not what it should be. */
export type UselessGrant = { readonly hashHex: string; readonly problem: Problem };

/** What a party was granted. */
export type ReceivedGrants = {
    readonly name: string;
    readonly partyHex: string;
    readonly grants: readonly ReceivedGrant[];
    readonly useless: readonly UselessGrant[];
    /** What else was granted and is not among them, in sentences. */
    readonly missing: readonly string[];
};

/** Whether something that was checked holds, how much was, and the first fault. */
export type CheckView = {
    readonly holds: boolean;
    readonly checked: number;
    readonly fault: string | null;
};

/** The sums that a grant opens, so far as they were measured, and what was verified. */
export type OpenedSums = {
    readonly intervals: readonly UsageInterval[];
    readonly totalWh: bigint | null;
    /** What is metered, one of MEDIUM; undefined for electricity. */
    readonly medium: number | undefined;
    readonly signature: CheckView;
    readonly continuity: CheckView;
    readonly sums: CheckView;
    readonly amountsBy: AmountsBy;
    /** Milliseconds to fetch, open and verify. */
    readonly readMs: number;
};

/** What all registers of a grant's range cost under a tariff, and what was verified. */
export type OpenedAmount = {
    /** Exact decimal text in the currency. */
    readonly amount: string;
    readonly currency: string;
    readonly tariffName: string;
    readonly tariffLeaf: number;
    readonly signature: CheckView;
    readonly continuity: CheckView;
    readonly amountsBy: AmountsBy;
    /** Milliseconds to fetch, open and verify. */
    readonly readMs: number;
};

/** What a grant opens. */
export type Opened = OpenedSums | OpenedAmount;

/** What the worker is asked. */
export type ToProviderWorker =
    | { readonly type: "load"; readonly text: string }
    | { readonly type: "read"; readonly hashHex: string };

/** What the worker answers. */
export type FromProviderWorker =
    | { readonly type: "loaded"; readonly received: ReceivedGrants }
    | { readonly type: "read"; readonly hashHex: string; readonly opened: Opened }
    | { readonly type: "failed"; readonly hashHex: string | null; readonly problem: Problem };
