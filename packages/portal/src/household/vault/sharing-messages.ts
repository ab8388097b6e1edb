import type { Opening, Step } from "../../sharing/words.ts";

/** How a grant stands: in force, past its lease, taken back, or not yet on the ledger. */
export type GrantState = "active" | "expired" | "revoked" | "waiting";

/** A grant that this household issued: verified, and in words that can be shown. */
export type GrantView = {
    readonly hashHex: string;
    readonly opening: Opening;
    /** Tariff of a weighted sum, hexadecimal; null for any other grant. */
    readonly tariffHex: string | null;
    readonly state: GrantState;
    readonly issuedUnix: number;
    readonly leaseEndUnix: number | null;
    readonly revokedUnix: number | null;
    /** How often the recipient took it from the server, and when last. */
    readonly reads: number;
    readonly lastReadUnix: number | null;
    /** How often somebody asked for it in vain. */
    readonly refusals: number;
    readonly details: GrantDetails;
};

/** What a grant is made of, for whoever wants to check it elsewhere. */
export type GrantDetails = {
    readonly grantIdHex: string;
    readonly kind: string;
    readonly suite: string;
    readonly recipientKeyHex: string;
    readonly sealEpochs: readonly number[];
    readonly bytes: number;
    /** Place of its notice in the ledger and when it was taken in; null where there is none. */
    readonly notice: { readonly leafIndex: number; readonly timeUnix: number } | null;
};

/** Somebody who can be given sums, and what was given. */
export type RecipientView = {
    readonly idHex: string;
    readonly name: string;
    /** Null where the server tells nothing of it that holds. */
    readonly role: "household" | "provider" | "monitor" | null;
    /** Whether grants can be sealed to it. */
    readonly hasKey: boolean;
    readonly grants: readonly GrantView[];
    /** What follows from all its grants together and none of them says, in sentences. */
    readonly derived: readonly string[];
};

/** A group of homes on the ledger, this one among them, whose sum a monitor reads for a month. */
export type MembershipView = {
    readonly hashHex: string;
    /** What the homes hang on, as the monitor names it. */
    readonly feeder: string;
    readonly monitorHex: string;
    /** Homes of the group. */
    readonly members: number;
    /** Windows of its sums: 0 slots, 1 hours, 2 days, 3 months. */
    readonly level: number;
    readonly fromUnix: number;
    readonly toUnix: number;
    /** Whether this home made tokens for it, or took them back. */
    readonly part: "none" | "tokens" | "left";
};

/** A published tariff by which a sum can be weighted. */
export type TariffView = {
    readonly hashHex: string;
    readonly name: string;
    readonly providerName: string;
    readonly currency: string;
    readonly hasImport: boolean;
    readonly hasExport: boolean;
};

/** A sum of a register, weighted by a tariff. */
export type TariffSum = {
    readonly tariffHex: string;
    /** 0 from the grid, 1 to the grid. */
    readonly group: number;
    readonly fromUnix: number;
    readonly toUnix: number;
};

/** The one number that a weighted sum tells. */
export type AmountView = {
    readonly tariffName: string;
    readonly providerName: string;
    /** Exact, such as `41.2207`. */
    readonly amount: string;
    readonly currency: string;
};

/** Who can see what of this household. */
export type SharingView = {
    readonly partyHex: string;
    readonly recipients: readonly RecipientView[];
    /** The newest groups that name this home, the latest month first. */
    readonly memberships: readonly MembershipView[];
    /** Grants that this browser's journal has. */
    readonly journaled: number;
    /** What follows if all recipients put together what they have, beyond what each can work out. */
    readonly together: readonly string[];
    /** Time of the network, seconds since 1970. */
    readonly nowUnix: number;
    /** What does not hold, and what may be missing, in sentences. */
    readonly faults: readonly string[];
};

/** What is to be granted: sums of a step, or one sum weighted by a tariff. */
export type Wish = { readonly recipientHex: string } & (
    | {
          readonly kind: "sums";
          readonly step: Step;
          readonly groups: readonly number[];
          readonly fromUnix: number;
          readonly toUnix: number;
      }
    | ({ readonly kind: "tariff" } & TariffSum)
);

/** Somebody asked the server for a grant. */
export type AccessView = {
    readonly who: string;
    readonly timeUnix: number;
    /** False for an attempt that was refused. */
    readonly granted: boolean;
    /** What it was for, in the words of whoever asked; empty where nothing was said. */
    readonly purpose: string;
};

/** What the worker does for the sharing page once it holds the signing key, and its answers. */
export type SharingCalls = {
    /** Takes the text of the wallet's key file. */
    loadSigner: { readonly request: { readonly text: string }; readonly answer: SharingView };
    list: { readonly request: object; readonly answer: SharingView };
    /** What a wish would let its recipient compute beyond its words, in sentences. */
    judge: { readonly request: Wish; readonly answer: { readonly derived: readonly string[] } };
    grant: {
        readonly request: Wish & { readonly isOverride: boolean };
        readonly answer: SharingView;
    };
    /** Tariffs on the ledger, the newest first. */
    tariffs: { readonly request: object; readonly answer: readonly TariffView[] };
    /** What a weighted sum tells. */
    amount: { readonly request: TariffSum; readonly answer: AmountView };
    /** The journal of this browser, as a file. */
    saveJournal: { readonly request: object; readonly answer: { readonly text: string } };
    /** Takes in the journal of another device. */
    takeJournal: { readonly request: { readonly text: string }; readonly answer: SharingView };
    revoke: { readonly request: { readonly hashHex: string }; readonly answer: SharingView };
    /** Who asked for a grant, the newest first. */
    accesses: {
        readonly request: { readonly hashHex: string };
        readonly answer: readonly AccessView[];
    };
};

/** Name of a call. */
export type SharingCall = keyof SharingCalls;
