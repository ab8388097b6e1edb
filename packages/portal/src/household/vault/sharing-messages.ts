import type { Opening, Step } from "../../sharing/words.ts";

/** How a grant stands: in force, past its lease, taken back, or not yet on the ledger. */
export type GrantState = "active" | "expired" | "revoked" | "waiting";

/** A grant that this household issued: verified, and in words that can be shown. */
export type GrantView = {
    readonly hashHex: string;
    readonly opening: Opening;
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
    readonly role: "provider" | "monitor";
    /** Whether grants can be sealed to it. */
    readonly hasKey: boolean;
    readonly grants: readonly GrantView[];
    /** What follows from all its grants together and none of them says, in sentences. */
    readonly derived: readonly string[];
};

/** Who can see what of this household. */
export type SharingView = {
    readonly partyHex: string;
    readonly recipients: readonly RecipientView[];
    /** What follows if all recipients put together what they have, beyond what each can work out. */
    readonly together: readonly string[];
    /** Time of the network, seconds since 1970. */
    readonly nowUnix: number;
    /** What the server handed out and what does not hold, in sentences. */
    readonly faults: readonly string[];
};

/** What is to be granted. */
export type Wish = {
    readonly recipientHex: string;
    readonly step: Step;
    readonly groups: readonly number[];
    readonly fromUnix: number;
    readonly toUnix: number;
};

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
    revoke: { readonly request: { readonly hashHex: string }; readonly answer: SharingView };
    /** Who asked for a grant, the newest first. */
    accesses: {
        readonly request: { readonly hashHex: string };
        readonly answer: readonly AccessView[];
    };
};

/** Name of a call. */
export type SharingCall = keyof SharingCalls;
