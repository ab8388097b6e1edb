import type { CometEngine } from "@meterseal/engines/cometbft";

/** Where a process ends: the application around its next commit, or its node before that of the next vertex. */
export type CrashPoint = "beforeCommit" | "afterCommit" | "afterBlock";

/** What a test asks of an application. */
export type Asked =
    | { readonly kind: "crash"; readonly where: CrashPoint }
    | { readonly kind: "state"; readonly id: number }
    | {
          readonly kind: "submit";
          readonly id: number;
          readonly item: Uint8Array;
          readonly body: readonly Uint8Array[];
      };

/** State of an application. */
export type AppState = {
    readonly height: number;
    readonly size: number;
    readonly logRoot: string;
    readonly stateRoot: string;
    readonly finalSize: number;
    readonly snapshots: readonly number[];
    /** What the header of the last committed block signs. */
    readonly point: CometEngine["point"];
};

/** What an application tells. */
export type Fact =
    | { readonly kind: "listening"; readonly address: string }
    | { readonly kind: "ready" }
    /** A block was executed, and the node will not hear of it. */
    | { readonly kind: "executed" }
    | { readonly kind: "failed"; readonly text: string }
    | { readonly kind: "final"; readonly id: number; readonly leafIndex: number }
    | { readonly kind: "refused"; readonly id: number; readonly text: string }
    | ({ readonly kind: "state"; readonly id: number } & AppState);
