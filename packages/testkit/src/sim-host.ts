import type { LinkHandler, PublicKey } from "@meterseal/core";
import type { MemoryLink } from "@meterseal/links/memory";
import type { SeededRandom } from "./random.ts";
import type { TestNetwork } from "./records.ts";
import type { SimNotes } from "./sim-notes.ts";
import type { SimulatedTime } from "./sim-time.ts";

/** What a simulated world offers to those who live in it. */
export interface SimHost {
    readonly random: SeededRandom;
    readonly notes: SimNotes;
    readonly time: SimulatedTime;
    readonly network: TestNetwork;
    readonly link: MemoryLink;
    readonly collectorKey: PublicKey;
    readonly meters: readonly { readonly subjectHex: string }[];
    /** The present collector's door; null while it is down. */
    readonly collector: { readonly handler: LinkHandler | null };
    readonly mischief: {
        /** Keeps a message of a meter for later. */
        overhear(from: string, message: Uint8Array): void;
        /** Something false that a meter is told beside a genuine receipt; null mostly. */
        lieTo(subjectHex: string, genuine: Uint8Array): Uint8Array | null;
    };
    /** Clock of all roles before their skew: it runs faster than the timers. */
    clockMs(): number;
    /** How far a clock may be off at the moment. */
    drawSkewMs(): number;
    /** Whether trouble of this probability strikes now. */
    strikes(probability: number): boolean;
    /** Whether a disk that fills up until this instant of virtual time has no room now. */
    isFull(untilMs: number): boolean;
    /** Takes care of work that nobody waits for: how it fails is a finding. */
    watch(work: Promise<unknown>, where: string): Promise<void>;
}
