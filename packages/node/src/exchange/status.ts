import type { BranchStatus } from "@meterseal/engines/branch";

/** How the ledger of a server stands; plain data for people and programs. */
export type LedgerStatus =
    | ({ readonly role: "branch" } & BranchStatus)
    | ({
          readonly role: "sequencer";
          /** Vertices of branches whose parents have not come. */
          readonly orphans: number;
          /** Orphans that were dropped for want of room, by author. */
          readonly evicted: Readonly<Record<string, number>>;
          /** Vertices of branches that were refused, by author and code. */
          readonly refused: Readonly<Record<string, number>>;
      } & Pick<BranchStatus, "heads" | "log">)
    | ({ readonly role: "validator" } & Pick<BranchStatus, "heads" | "log">);
