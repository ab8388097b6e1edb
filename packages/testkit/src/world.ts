import type { PublicKey, Signer } from "@meterseal/core";
import { createMemoryLink, type MemoryLink } from "@meterseal/links/memory";
import { STREAM_MODE } from "@meterseal/record";
import { testSigner } from "./keys.ts";
import { type SeededRandom, seededRandom } from "./random.ts";
import { TestCollector, TestNetwork } from "./records.ts";
import { checkLedger } from "./sim-check.ts";
import { SimCollector } from "./sim-collector.ts";
import type { SimHost } from "./sim-host.ts";
import { drawHousehold, drawStart } from "./sim-household.ts";
import { SimMeter } from "./sim-meter.ts";
import { SimMischief } from "./sim-mischief.ts";
import { SimNotes } from "./sim-notes.ts";
import { SimParties } from "./sim-parties.ts";
import { SimulatedTime } from "./sim-time.ts";

/** What a simulation did and found. */
export type WorldReport = {
    readonly seed: number;
    /** Empty where everything held. */
    readonly violations: readonly string[];
    readonly crashes: number;
    /** Writes that found no room. */
    readonly fullDisks: number;
    /** Times that a meter ran out of room and left boundaries out. */
    readonly thinned: number;
    readonly messages: number;
    readonly mischief: number;
    /** Of parties, that were acknowledged. */
    readonly notices: number;
    readonly receipts: number;
    readonly records: number;
    readonly virtualSeconds: number;
};

/** Virtual time with faults, and the time after it in which everything must come right, ms. */
const TROUBLE_MS = 25_000;
const HEAL_LIMIT_MS = 300_000;
/** Seconds of the roles' clock in one second of virtual time: half a slot or a whole one. */
const CLOCK_RATE = 900;
/** How far a clock is off in times of trouble, seconds of the roles' clock. */
const SKEW_SECONDS = 7_200;

/**
 * Runs one simulated network: meters, a collector and its ledger as they are, in virtual time, over
 * a link that loses, doubles and reorders, with crashes at every write point, clocks that are off,
 * partitions and people who mean ill. Equal seeds give equal runs.
 */
export async function runWorld(seed: number): Promise<WorldReport> {
    const world = await SimWorld.create(seed);
    const unhandled = (cause: unknown): void => world.notes.complain(`unhandled: ${String(cause)}`);
    process.on("unhandledRejection", unhandled);
    try {
        return await world.run();
    } finally {
        process.off("unhandledRejection", unhandled);
    }
}

/** The parts of one simulation. */
class SimWorld implements SimHost {
    readonly seed: number;
    readonly random: SeededRandom;
    readonly notes = new SimNotes();
    readonly time = new SimulatedTime();
    readonly network: TestNetwork;
    readonly link: MemoryLink;
    readonly meters: SimMeter[] = [];
    readonly collectorKey: PublicKey;
    collector!: SimCollector;
    mischief!: SimMischief;
    parties!: SimParties;
    readonly #startMs: number;
    #trouble = true;

    private constructor(seed: number, collectorSigner: Signer) {
        this.seed = seed;
        this.random = seededRandom(seed);
        this.collectorKey = collectorSigner.publicKey;
        const open = this.random.chance(0.25);
        this.network = new TestNetwork(
            `world ${seed}`,
            open ? STREAM_MODE.open : STREAM_MODE.sealed,
        );
        this.#startMs = drawStart(this.random) * 1000;
        this.link = this.#makeLink();
    }

    static async create(seed: number): Promise<SimWorld> {
        const signer = testSigner("world collector", "edDsa");
        const world = new SimWorld(seed, signer);
        const { meters, network, random } = world;
        const collector = await network.collector("world collector", { key: signer.publicKey });
        const identity = new TestCollector(network, signer, collector.enrolment);
        const count = 1 + random.below(3);
        for (let i = 0; i < count; i++) {
            const name = `home ${i} of ${seed}`;
            const startUnix = world.#startMs / 1000;
            meters.push(new SimMeter(world, await drawHousehold(random, network, name, startUnix)));
        }
        const traitor = await network.meter(`traitor of ${seed}`, {
            signer: testSigner("traitor", "edDsa"),
        });
        world.mischief = new SimMischief(world, seededRandom(seed ^ 0x5eed), traitor);
        world.collector = new SimCollector(world, identity);
        const homes = meters.map(({ household }) => household.meter);
        world.parties = await SimParties.create(world, network, homes);
        const members = [identity, ...homes, traitor].map(({ enrolment }) => enrolment);
        await world.collector.found([
            ...members.map(({ message }) => message.bytes),
            ...world.parties.messages,
        ]);
        return world;
    }

    /** Clock of all roles before their skew: it runs faster than the timers. */
    clockMs(): number {
        return this.#startMs + this.time.nowMs() * CLOCK_RATE;
    }

    /** How far a clock may be off at the moment. */
    drawSkewMs(): number {
        if (!this.#trouble || this.random.chance(0.5)) return 0;
        return (this.random.below(2 * SKEW_SECONDS) - SKEW_SECONDS) * 1000;
    }

    /** Whether trouble of this probability strikes now. */
    strikes(probability: number): boolean {
        return this.#trouble && this.random.chance(probability);
    }

    /** Whether a disk that fills up until this instant of virtual time has no room now. */
    isFull(untilMs: number): boolean {
        return this.#trouble && this.time.nowMs() < untilMs;
    }

    /** Takes care of work that nobody waits for: how it fails is a finding. */
    async watch(work: Promise<unknown>, where: string): Promise<void> {
        try {
            await work;
        } catch (cause) {
            this.notes.failure(where, cause);
        }
    }

    /** Lives through the trouble, heals, and checks everything. */
    async run(): Promise<WorldReport> {
        await this.collector.start();
        for (const meter of this.meters) {
            meter.skewMs = this.drawSkewMs();
            await meter.start();
        }
        this.#scheduleTrouble();
        await this.time.advance(TROUBLE_MS);
        this.#heal();
        const finished = await this.time.until(
            () => this.collector.engine !== null && this.meters.every(({ done }) => done),
            HEAL_LIMIT_MS,
        );
        await this.time.advance(5_000);
        if (!finished) this.notes.complain(this.#unfinished());
        await checkLedger(this);
        return {
            seed: this.seed,
            violations: this.notes.violations,
            ...this.notes.counts,
            records: this.notes.written.size,
            virtualSeconds: this.time.nowMs() / 1000,
        };
    }

    #makeLink(): MemoryLink {
        const random = seededRandom(this.seed + 1);
        const calm = random.chance(0.2);
        return createMemoryLink({
            // 1 − 2⁻³²: no loss, no duplicate
            random: () => (this.#trouble ? random.below(2 ** 32) / 2 ** 32 : 0.999_999_999),
            lossRate: calm ? 0 : random.below(20) / 100,
            duplicateRate: calm ? 0 : random.below(30) / 100,
            delayMs: { from: 1, to: 2 + random.below(random.pick([5, 200, 2_000])) },
            timers: this.time,
            ackTimeoutMs: 4_000,
            receiveTimeoutMs: 3_000,
        });
    }

    #scheduleTrouble(): void {
        const { collector, link, meters, parties, random, time } = this;
        const at = (callback: () => void): void => {
            time.after(random.below(TROUBLE_MS), () => this.#trouble && callback());
        };
        for (let i = random.below(3); i > 0; i--) {
            at(() => {
                if (collector.engine !== null) collector.crash();
            });
        }
        for (let i = random.below(4); i > 0; i--) at(() => random.pick(meters).crash());
        for (let i = random.below(4); i > 0; i--) {
            at(() => link.cut(random.chance(0.5) ? undefined : random.pick(meters).subjectHex));
        }
        for (let i = random.below(3); i > 0; i--) {
            at(() => {
                const { subjectHex } = random.pick(meters);
                collector.partitioned.add(subjectHex);
                link.cut(subjectHex);
                const delayMs = random.below(random.pick([8_000, 20_000]));
                time.after(delayMs, () => collector.partitioned.delete(subjectHex));
            });
        }
        for (let i = random.below(3); i > 0; i--) {
            at(() => {
                collector.skewMs = this.drawSkewMs();
            });
        }
        for (let i = random.below(3); i > 0; i--) {
            at(() => {
                const disk = random.chance(0.5) ? collector : random.pick(meters);
                disk.fullUntilMs = time.nowMs() + random.below(6_000);
            });
        }
        for (let i = random.below(30); i > 0; i--) {
            at(() => {
                // What comes of it is the collector's business; busy or gone is an answer too.
                this.mischief.strike().catch(() => undefined);
            });
        }
        for (let i = parties.random.below(8); i > 0; i--) {
            const delayMs = parties.random.below(TROUBLE_MS);
            time.after(delayMs, () => void this.watch(parties.speak(), "parties"));
        }
    }

    #heal(): void {
        this.#trouble = false;
        this.collector.skewMs = 0;
        this.collector.partitioned.clear();
        for (const meter of this.meters) meter.skewMs = 0;
    }

    #unfinished(): string {
        const open = this.meters.map(({ agent, household }) => {
            const refusal = agent?.refusal;
            const why = refusal ? `, refused with ${refusal.code} at ${refusal.seq}` : "";
            return `${household.name}: ${agent?.openRecords ?? "down"} open${why}`;
        });
        return `not everything became final (${open.join("; ")})`;
    }
}
