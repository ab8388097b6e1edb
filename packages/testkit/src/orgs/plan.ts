import { STREAM_MODE } from "@meterseal/record";
import type { SeededRandom } from "../random.ts";
import { COLLECTORS, METERS, ORGANISATIONS } from "./founding.ts";

/** What kind of run a seed makes. */
export type Plan = {
    /** Four validators with CometBFT, or one server that writes the log and eleven branches. */
    readonly profile: "cometbft" | "branches";
    /** Whether streams are sealed or open (STREAM_MODE). */
    readonly mode: number;
    readonly size: "small" | "middle" | "full";
    /** Virtual time with faults, ms. */
    readonly troubleMs: number;
    /** Boundaries that a meter measures: at least one, at most so many. */
    readonly boundaries: number;
    /** Boundaries in a record, at most. */
    readonly recordBoundaries: number;
    /** Time between two rounds of the oracle, ms. */
    readonly roundMs: number;
    /** Share of messages that vanish and that arrive twice. */
    readonly lossRate: number;
    readonly duplicateRate: number;
    /** Longest time of a message under way, ms. */
    readonly delayMs: number;
    /** Longest time of a write on a server's disk, ms. */
    readonly syncMs: number;
    /** Probability of a crash at each write of a server. */
    readonly crashRate: number;
    /** Times that each kind of trouble strikes. */
    readonly crashes: number;
    readonly meterCrashes: number;
    readonly partitions: number;
    readonly leaps: number;
    readonly roams: number;
    readonly forgeries: number;
    readonly meterLies: number;
    /** Collector that the operator removes; null for none. */
    readonly removed: number | null;
    /** Collector that keeps records to itself, and whose key signs false vertices; null for none. */
    readonly lyingCollector: number | null;
    /** Organisation whose proposer lies; null for none. */
    readonly lyingProposer: number | null;
    /** Organisation whose validator votes twice; null for none. */
    readonly doubleVoter: number | null;
};

/** Meters that lie; the others are honest. */
const LIARS = 12;
export const HONEST: number = METERS - LIARS;

/** Draws what a seed does: most are small, some are full of records and trouble. */
export function drawPlan(random: SeededRandom): Plan {
    const draw = random.below(20);
    const size = draw === 0 ? "full" : draw < 4 ? "middle" : "small";
    const weight = { small: 1, middle: 2, full: 4 }[size];
    const calm = random.chance(0.1);
    const some = (most: number): number => (calm ? 0 : random.below(weight * most + 1));
    const maybe = <T>(probability: number, value: T): T | null =>
        !calm && random.chance(probability) ? value : null;
    const lyingProposer = maybe(0.3, random.below(ORGANISATIONS));
    const lyingCollector = maybe(0.4, 1 + random.below(COLLECTORS - 1));
    const other = 1 + random.below(COLLECTORS - 1);
    return {
        mode: random.chance(0.3) ? STREAM_MODE.open : STREAM_MODE.sealed,
        size,
        troubleMs: 6_000 + 3_000 * weight + random.below(4_000),
        boundaries: random.pick([1, 1, 2, 3]) * weight,
        recordBoundaries: 1 + random.below(4),
        roundMs: 400 + random.below(1_600),
        lossRate: calm ? 0 : random.below(15) / 100,
        duplicateRate: calm ? 0 : random.below(20) / 100,
        delayMs: 2 + random.below(random.pick([5, 100, 1_500])),
        syncMs: 1 + random.below(random.pick([2, 20, 200])),
        crashRate: calm ? 0 : random.pick([0, 0.005, 0.02]),
        crashes: some(2),
        meterCrashes: some(6),
        partitions: some(2),
        leaps: some(3),
        roams: some(20),
        forgeries: some(8),
        meterLies: some(15),
        removed: lyingCollector === other ? null : maybe(0.25, other),
        lyingCollector,
        lyingProposer,
        doubleVoter: lyingProposer === null ? maybe(0.05, random.below(ORGANISATIONS)) : null,
        profile: random.chance(0.3) ? "branches" : "cometbft",
    };
}
