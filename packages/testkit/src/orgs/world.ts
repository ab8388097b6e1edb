import { slotOfUnix } from "@meterseal/core";
import type { Boundary } from "@meterseal/meter";
import { createRevocation, encodeCbor, FLAG } from "@meterseal/record";
import { type SeededRandom, seededRandom } from "../random.ts";
import type { SimHousehold } from "../sim-household.ts";
import { SimulatedTime } from "../sim-time.ts";
import { foundedStore, SEQUENCER } from "./branches.ts";
import { checkWorld } from "./final-checks.ts";
import { Forger } from "./forger.ts";
import { COLLECTORS, type Founding, foundingOf, masterOf, ORGANISATIONS } from "./founding.ts";
import type { Broken, OrgHost } from "./host.ts";
import { LedgerWatch } from "./ledger-watch.ts";
import { LiarMeters } from "./liar-meters.ts";
import { OrgNotes } from "./notes.ts";
import { type OracleHost, OrderingOracle, organisationOf, txHash } from "./oracle.ts";
import { OrgMeter } from "./org-meter.ts";
import { OrgNode } from "./org-node.ts";
import { drawPlan, HONEST, type Plan } from "./plan.ts";
import { SignatureMemory } from "./signature-memory.ts";
import { type Finding, Trace } from "./trace.ts";

export type { Broken } from "./host.ts";

/** What a run did and found. */
export type OrgReport = {
    readonly seed: number;
    readonly size: Plan["size"];
    readonly profile: Plan["profile"];
    /** Empty where everything held. */
    readonly findings: readonly Finding[];
    /** Hash of everything that happened: equal for equal seeds. */
    readonly traceHash: string;
    readonly steps: number;
    readonly blocks: number;
    readonly records: number;
    readonly virtualSeconds: number;
    /** How often each kind of thing happened. */
    readonly counts: Readonly<Record<string, number>>;
    /** How often each invariant was looked at. */
    readonly checked: Readonly<Record<string, number>>;
};

/** How a run is made. */
export type OrgOptions = {
    /** A rule that is broken on purpose. */
    readonly broken?: Broken;
    /** Told of each step. */
    readonly watch?: (line: string) => void;
};

/** Time after the trouble in which everything must come right, ms. */
const HEAL_LIMIT_MS = 400_000;
/** Seconds of the roles' clock in one second of virtual time: a slot. */
const CLOCK_RATE = 900;
/** How far a clock is off in times of trouble, seconds of the roles' clock. */
const SKEW_SECONDS = 7_200;
/** 2013-03-30T18:00Z: a change of clocks lies ahead. */
const START_UNIX = 1_364_666_400;

/**
 * Runs one network of four organisations, twelve collectors and 200 meters: all roles as they are, in
 * virtual time, over a network and disks that fail, among people who mean ill. Equal seeds give equal
 * runs.
 */
export async function runOrganisations(seed: number, options: OrgOptions = {}): Promise<OrgReport> {
    const random = seededRandom(seed ^ 0x0a6a);
    const plan = drawPlan(random);
    const world = new OrgWorld(seed, plan, await foundingOf(plan.mode), random, options);
    const unhandled = (cause: unknown): void => world.notes.complain(`unhandled: ${String(cause)}`);
    process.on("unhandledRejection", unhandled);
    try {
        return await world.run();
    } finally {
        process.off("unhandledRejection", unhandled);
    }
}

/** The parts of one run. */
class OrgWorld implements OrgHost {
    readonly time = new SimulatedTime();
    readonly trace: Trace;
    readonly notes: OrgNotes;
    readonly watch: LedgerWatch;
    readonly oracle: OrderingOracle;
    readonly nodes: OrgNode[] = [];
    readonly meters: OrgMeter[] = [];
    readonly liars: LiarMeters;
    readonly forger: Forger;
    readonly broken: Broken | null;
    readonly startUnix = START_UNIX;
    readonly startSlot: number = slotOfUnix(START_UNIX, 900) + 1;
    readonly signatures: SignatureMemory;
    /** Group of each organisation: those of one group reach each other. */
    readonly #groups: number[] = Array.from({ length: ORGANISATIONS }, () => 0);
    readonly #chain: OracleHost["chain"] = [];
    readonly seed: number;
    readonly plan: Plan;
    readonly founding: Founding;
    readonly random: SeededRandom;
    #trouble = true;

    constructor(
        seed: number,
        plan: Plan,
        founding: Founding,
        random: SeededRandom,
        options: OrgOptions,
    ) {
        this.seed = seed;
        this.plan = plan;
        this.founding = founding;
        this.random = random;
        this.broken = options.broken ?? null;
        this.trace = new Trace(options.watch ?? null);
        this.notes = new OrgNotes(this.trace);
        this.watch = new LedgerWatch(this.trace);
        this.signatures = new SignatureMemory(founding.signatures);
        this.oracle = new OrderingOracle(this.#oracleHost(), COLLECTORS);
        for (let i = 0; i < COLLECTORS; i++) this.nodes.push(new OrgNode(this, i));
        for (let i = 0; i < HONEST; i++) {
            const home = random.below(COLLECTORS);
            this.meters.push(new OrgMeter(this, i, this.#household(i), home));
        }
        this.liars = new LiarMeters(
            this,
            seededRandom(seed ^ 0x11a5),
            founding.meters.slice(HONEST),
        );
        this.forger = new Forger(this, seededRandom(seed ^ 0xf0c6));
    }

    clockMs(): number {
        return START_UNIX * 1000 + this.time.nowMs() * CLOCK_RATE;
    }

    reaches(from: number, to: number): boolean {
        return this.#groups[organisationOf(from)] === this.#groups[organisationOf(to)];
    }

    drawSkewMs(): number {
        if (!this.#trouble || this.random.chance(0.6)) return 0;
        return (this.random.below(2 * SKEW_SECONDS) - SKEW_SECONDS) * 1000;
    }

    strikes(probability: number): boolean {
        return this.#trouble && this.random.chance(probability);
    }

    inBackground(work: Promise<unknown>, where: string): void {
        work.catch((cause: unknown) => this.notes.failure(where, cause));
    }

    /** Lives through the trouble, heals, and checks everything. */
    async run(): Promise<OrgReport> {
        if (this.plan.profile === "branches") {
            for (const node of this.nodes)
                node.found(await foundedStore(this.founding, node.index));
        }
        for (const node of this.nodes) this.inBackground(node.start(), `node ${node.index}`);
        this.#round();
        for (const meter of this.meters) {
            meter.skewMs = this.drawSkewMs();
            const delayMs = this.random.below(this.plan.troubleMs / 2);
            this.time.after(delayMs, () =>
                this.inBackground(meter.start(), `meter ${meter.index}`),
            );
        }
        this.#scheduleTrouble();
        await this.time.advance(this.plan.troubleMs);
        this.#heal();
        const isFinished = await this.time.until(() => this.#isEnough(), HEAL_LIMIT_MS);
        if (this.#isFound()) return this.#report();
        this.trace.check("I8", isFinished, () => this.#unfinished());
        await this.time.advance(3_000);
        // A last vertex of repetitions may be under way to some: all are looked at in one moment.
        await this.time.until(() => this.#isEnough(), HEAL_LIMIT_MS);
        this.#checkForgeries();
        await checkWorld(this, seededRandom(this.seed ^ 0xc4ec));
        return this.#report();
    }

    #report(): OrgReport {
        const { counts, checked, findings, step } = this.trace;
        return {
            seed: this.seed,
            size: this.plan.size,
            profile: this.plan.profile,
            findings,
            traceHash: this.trace.hash(),
            steps: step,
            blocks: this.#chain.length,
            records: this.notes.written.size,
            virtualSeconds: Math.round(this.time.nowMs() / 1000),
            counts: { ...counts, messages: this.notes.counts.messages },
            checked,
        };
    }

    #round(): void {
        if (this.plan.profile === "branches") return;
        this.inBackground(this.oracle.round(), "oracle");
        this.time.after(this.plan.roundMs, () => this.#round());
    }

    /** True where a rule is broken on purpose and was found to be. */
    #isFound(): boolean {
        return this.broken !== null && this.trace.findings.length > 0;
    }

    #isEnough(): boolean {
        const last = this.#chain.length;
        const size = this.nodes[SEQUENCER]?.engine?.log.size;
        if (this.#isFound()) return true;
        return (
            this.meters.every(({ isDone }) => isDone) &&
            this.nodes.every(({ engine }) => engine !== null) &&
            (this.plan.profile === "branches"
                ? this.nodes.every(({ engine }) => engine?.log.size === size)
                : this.oracle.nodes.every(({ height, isOnline }) => isOnline && height === last))
        );
    }

    #unfinished(): string {
        const open = this.meters.filter(({ isDone }) => !isDone);
        const one = open[0];
        const node = one === undefined ? undefined : this.nodes[one.home];
        const behind = this.oracle.nodes.filter(({ height }) => height < this.#chain.length);
        return (
            `${open.length} meters have records that are not final, the first ${one?.index} with ` +
            `${one?.agent?.openRecords} at collector ${one?.home} (up: ${node?.isUp}); ` +
            `${behind.length} nodes are behind`
        );
    }

    #heal(): void {
        this.trace.note("heal", "");
        this.#trouble = false;
        this.#groups.fill(0);
        for (const each of [...this.nodes, ...this.meters]) each.skewMs = 0;
    }

    #scheduleTrouble(): void {
        const { plan, random, time } = this;
        const at = (times: number, callback: () => void): void => {
            for (let i = 0; i < times; i++) {
                time.after(random.below(plan.troubleMs), () => this.#trouble && callback());
            }
        };
        at(plan.crashes, () => {
            const node = random.pick(this.nodes);
            if (node.engine !== null) node.crash();
        });
        at(plan.meterCrashes, () => {
            const meter = random.pick(this.meters);
            if (meter.agent !== null) meter.crash();
        });
        at(plan.roams, () => random.pick(this.meters).roam());
        at(plan.partitions, () => this.#partition());
        at(plan.leaps, () => {
            const one = random.pick([...this.nodes, ...this.meters]);
            one.skewMs = this.drawSkewMs();
        });
        at(plan.meterLies, () => this.inBackground(this.liars.strike(), "lying meter"));
        if (plan.profile === "cometbft") {
            at(plan.forgeries, () => this.inBackground(this.forger.strike(), "forger"));
        }
        if (plan.removed !== null) at(1, () => this.inBackground(this.#remove(), "operator"));
        const { doubleVoter } = plan;
        if (doubleVoter !== null) at(1, () => this.oracle.catchDoubleVote(doubleVoter));
    }

    /** Parts the organisations for a while: two and two, or one from the others. */
    #partition(): void {
        const { random, time, trace } = this;
        const away = random.shuffle([0, 1, 2, 3]).slice(0, 1 + random.below(2));
        for (const organisation of away) this.#groups[organisation] = 1;
        trace.note("partition", away.join());
        time.after(500 + random.below(6_000), () => {
            for (const organisation of away) this.#groups[organisation] = 0;
            trace.note("joined", away.join());
        });
    }

    /** The operator removes a collector for cause. */
    async #remove(): Promise<void> {
        const { operator, networkId } = this.founding.network;
        const id = this.founding.collectors[this.plan.removed ?? 0]?.enrolment.id;
        if (id === undefined) return;
        const timeUnix = Math.floor(this.clockMs() / 1000);
        const item = await createRevocation(operator, { network: networkId, id, timeUnix });
        if (this.plan.profile === "branches") {
            this.#submit(item);
            return;
        }
        const tx = encodeCbor([item, []]);
        this.trace.note("remove", `collector ${this.plan.removed}`);
        const offer = async (): Promise<void> => {
            const node = this.oracle.nodes[this.random.below(COLLECTORS)];
            const answer = await node?.offer(tx).catch(() => null);
            if (answer === null || answer === undefined) this.time.after(500, () => void offer());
        };
        await offer();
    }

    /** The operator's message goes to whoever writes the log, until it is there. */
    #submit(item: Uint8Array): void {
        const { engine } = this.nodes[SEQUENCER] ?? { engine: null };
        const again = (): void => void this.time.after(1_000, () => this.#submit(item));
        if (engine === null) again();
        else engine.append(item, []).catch(() => undefined);
    }

    /** What was forged is in no block, or was refused there for the right reason. */
    #checkForgeries(): void {
        const taken = new Set<string>();
        for (const { codes, txs } of this.#chain) {
            for (const [i, tx] of txs.entries()) {
                const hash = txHash(tx);
                const code = codes?.[i] ?? "not executed";
                const isFirst = code === "" && !taken.has(hash);
                if (code === "") taken.add(hash);
                const forged = this.forger.made.get(hash);
                // A replayed vertex was genuine the first time.
                if (forged?.isReplay === true && isFirst) continue;
                if (forged !== undefined) this.forger.check(forged, code);
            }
        }
    }

    #oracleHost(): OracleHost {
        const { founding, random, time, trace } = this;
        return {
            time,
            random,
            trace,
            chain: this.#chain,
            appState: founding.appState,
            startMs: START_UNIX * 1000,
            validators: founding.validators,
            reaches: (from, to) => this.reaches(from, to),
            hears: (node) => this.#groups[organisationOf(node)] === this.#majority(),
            clockMs: (node) => this.nodes[node]?.clock.nowMs() ?? 0,
            strikes: (probability) => this.strikes(probability),
            forge: (proposer, honest) => this.forger.propose(proposer, honest),
        };
    }

    /** Group in which blocks are made: the larger one. */
    #majority(): number {
        const away = this.#groups.filter((group) => group === 1).length;
        return 2 * away > ORGANISATIONS ? 1 : 0;
    }

    /** What a meter measures: few boundaries, of which some are missing. */
    #household(index: number): SimHousehold {
        const { founding, plan, random } = this;
        const meter = founding.meters[index];
        if (meter === undefined) throw new Error("a meter of the founding");
        const truth: Boundary[] = [];
        let registers = meter.descriptor.groups.map(() => BigInt(random.below(2 ** 31)));
        let slot = this.startSlot + random.below(Math.ceil(plan.troubleMs / 2_000));
        for (let left = 1 + random.below(plan.boundaries); left > 0; left--) {
            const isMissing = random.chance(0.1);
            if (!isMissing) registers = registers.map((wh) => wh + BigInt(random.below(4_000)));
            truth.push({ slot, registers, flag: isMissing ? FLAG.missing : 0 });
            slot += random.chance(0.08) ? 2 + random.below(5) : 1;
        }
        return {
            name: `meter ${index}`,
            meter,
            master: masterOf(plan.mode, index),
            truth,
            recordBoundaries: plan.recordBoundaries,
            memory: null,
        };
    }
}
