import type { SeededRandom } from "../random.ts";
import type { SimulatedTime } from "../sim-time.ts";
import type { Founding } from "./founding.ts";
import type { LedgerWatch } from "./ledger-watch.ts";
import type { LiarMeters } from "./liar-meters.ts";
import type { OrgNotes } from "./notes.ts";
import type { OrderingOracle } from "./oracle.ts";
import type { OrgNode } from "./org-node.ts";
import type { Plan } from "./plan.ts";
import type { SignatureMemory } from "./signature-memory.ts";
import type { Trace } from "./trace.ts";

/** A rule that a test breaks on purpose, to show that the simulation finds it. */
export type Broken =
    /** Applications take every signature for good. */
    | "signatures"
    /** One application dates blocks by its own clock. */
    | "block time"
    /** The disks of collectors forget some of what they called durable. */
    | "durability"
    /** The disks of meters forget some of what they called durable. */
    | "meter memory"
    /** One application leaves out the last transaction of a block. */
    | "left out";

/** The world of several organisations as those who live in it see it. */
export interface OrgHost {
    readonly seed: number;
    readonly plan: Plan;
    readonly founding: Founding;
    readonly random: SeededRandom;
    readonly time: SimulatedTime;
    readonly trace: Trace;
    readonly notes: OrgNotes;
    readonly watch: LedgerWatch;
    readonly oracle: OrderingOracle;
    readonly nodes: readonly OrgNode[];
    readonly liars: LiarMeters;
    /** Where measurements begin. */
    readonly startUnix: number;
    readonly startSlot: number;
    readonly broken: Broken | null;
    readonly signatures: SignatureMemory;
    /** Whether the network carries messages between two nodes now. */
    reaches(from: number, to: number): boolean;
    /** Clock of all roles before their skew: it runs faster than the timers. */
    clockMs(): number;
    /** How far a clock may be off at the moment, ms. */
    drawSkewMs(): number;
    /** Whether trouble of this probability strikes now. */
    strikes(probability: number): boolean;
    /** Takes care of work that nobody waits for: how it fails is a finding. */
    inBackground(work: Promise<unknown>, where: string): void;
}
