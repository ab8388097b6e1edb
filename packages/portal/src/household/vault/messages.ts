import type { OpenBoundary } from "@meterseal/wallet";
import type { SharingCall, SharingCalls } from "./sharing-messages.ts";

/** Requests to the worker that holds the key. */
export type ToVault =
    /** Text of a key file; the worker reads it and fetches, checks and opens the data. */
    | { readonly type: "open"; readonly text: string }
    /** Fetches, checks and opens again with the key that the worker holds. */
    | { readonly type: "refresh" }
    /** Keeps the key file, and the signing key where it is held, on this device, encrypted under a passphrase. */
    | { readonly type: "remember"; readonly passphrase: string }
    /** Opens with the key file that is kept on this device. */
    | { readonly type: "unlock"; readonly passphrase: string }
    | CallRequest;

/** One of {@link SharingCalls}, and the number that its answer carries. */
export type CallRequest = {
    [C in SharingCall]: {
        readonly type: "call";
        readonly id: number;
        readonly name: C;
        readonly request: SharingCalls[C]["request"];
    };
}[SharingCall];

/** What the worker is doing. */
export type Stage = "key" | "fetch" | "check";

/** Why a household could not be opened, in words for its reader. */
export type Problem = {
    /** Error code of the project; null where only the browser is to blame. */
    readonly code: string | null;
    readonly title: string;
    readonly text: string;
};

/** One thing that does not hold. */
export type FaultView = { readonly code: string; readonly where: string; readonly text: string };

/** Answer to one question about the data. */
export type VerdictView = {
    readonly holds: boolean;
    readonly checked: number;
    /** All faults; {@link VerdictView.faults} lists the first of them. */
    readonly faultCount: number;
    readonly faults: readonly FaultView[];
};

/** The four questions, in the order in which they are shown. */
export const QUESTIONS = ["signature", "continuity", "clock", "plausibility"] as const;

/** One of {@link QUESTIONS}. */
export type Question = (typeof QUESTIONS)[number];

/** An opened household: what the page shows. No key is in it. */
export type OpenHome = {
    readonly name: string;
    readonly meter: string;
    readonly network: string;
    readonly zone: string;
    /** What is metered, one of MEDIUM; undefined for electricity. */
    readonly medium: number | undefined;
    readonly slotSeconds: number;
    /** False for a stream whose registers are plain for everybody. */
    readonly isSealed: boolean;
    readonly verdicts: Readonly<Record<Question, VerdictView>>;
    readonly checkpoint: { readonly size: number; readonly rootHex: string } | null;
    readonly records: number;
    /** As of the evidence: what is older may be missing; null where the chain is whole. */
    readonly prunedBeforeUnix: number | null;
    readonly series: readonly OpenBoundary[];
    readonly evidenceBytes: number;
    /** Milliseconds to decode, verify and open, without fetching. */
    readonly openMs: number;
};

/** What the worker says of the home that it opens. */
export type HomeMessage =
    | { readonly type: "stage"; readonly stage: Stage }
    | { readonly type: "failed"; readonly problem: Problem }
    | { readonly type: "remembered" }
    | {
          readonly type: "opened";
          readonly home: OpenHome;
          /** Whether the worker holds the signing key as well. */
          readonly hasSigner: boolean;
      };

/** Answer to one call. */
export type CallMessage =
    | { readonly type: "answer"; readonly id: number; readonly answer: unknown }
    | { readonly type: "refused"; readonly id: number; readonly problem: Problem };

/** Everything that the worker says. */
export type FromVault = HomeMessage | CallMessage;
