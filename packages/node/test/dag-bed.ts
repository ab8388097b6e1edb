import { join } from "node:path";
import { EmbeddedEngine } from "@meterseal/engines/embedded";
import type { MeterRecord } from "@meterseal/record";
import { openServerStore, type ServerStore } from "@meterseal/stores/sqlite";
import { testKeyPem } from "@meterseal/testkit/keys";
import { type SeededRandom, seededRandom } from "@meterseal/testkit/random";
import {
    TEST_START_UNIX,
    TestChain,
    type TestCollector,
    TestNetwork,
} from "@meterseal/testkit/records";
import { claimDirectory, PLACES, writeSecret } from "../src/files.ts";

const NAME = "dag bed";
/** Seconds between two vertices, at most. */
const STEP_SECONDS = 120;
/** Time in which a record is signed before the log takes it in at the earliest, seconds. */
const AHEAD_SECONDS = 1;

/** Probability that a collector loses its line to the others at a vertex of its own, or finds it again. */
const CUT_RATE = 0.05;
const MEND_RATE = 0.2;

/** How large a ledger is made, and how. */
export type DagPlan = {
    readonly authors: number;
    readonly vertices: number;
    readonly seed?: number;
};

type Written = Awaited<ReturnType<TestCollector["vertex"]>>;

/** A collector with the one meter that sends to it. */
type Branch = {
    readonly collector: TestCollector;
    readonly chain: TestChain;
    /** Vertices that the log does not hold yet: it is cut off. */
    waiting: Written[];
    /** Its vertex before the last one. */
    second: Written["vertex"]["id"] | null;
    isCut: boolean;
};

/**
 * Makes a data directory whose ledger several collectors have written, with the rules and the store of
 * production: each goes on alone while it is cut off, and follows the others' vertices when it is not.
 */
export async function writeDagLedger(dataDir: string, plan: DagPlan): Promise<void> {
    claimDirectory(dataDir);
    const keys = PLACES.serverKeys(dataDir);
    writeSecret(join(keys, "operator.pem"), testKeyPem(`${NAME} operator`, "edDsa"));
    writeSecret(join(keys, "log.pem"), testKeyPem(`${NAME} log`, "edDsa"));
    const network = new TestNetwork(NAME);
    const store = await openServerStore(PLACES.server(dataDir));
    try {
        await store.initialize(network.genesis);
        const clock = new BedClock();
        const engine = await EmbeddedEngine.open({
            ...{ store, clock, logSigner: network.logSigner },
            observer: { entryFinal: () => {} },
        });
        const branches = await enrolBranches(network, engine, plan.authors);
        await new Writer({ store, engine, clock, branches }, plan).run();
        engine.close();
    } finally {
        await store.close();
    }
}

class BedClock {
    unix = TEST_START_UNIX + 7_200;
    nowMs(): number {
        return this.unix * 1000;
    }
}

async function enrolBranches(
    network: TestNetwork,
    engine: EmbeddedEngine,
    count: number,
): Promise<Branch[]> {
    const branches: Branch[] = [];
    for (let i = 0; i < count; i++) {
        const collector = await network.collector(`${NAME} collector ${i}`);
        const meter = await network.meter(`${NAME} meter ${i}`);
        for (const { enrolment } of [collector, meter]) {
            await engine.submit(enrolment.message.bytes, []);
        }
        branches.push({
            collector,
            chain: new TestChain(meter),
            waiting: [],
            second: null,
            isCut: false,
        });
    }
    return branches;
}

type WriterTools = {
    readonly store: ServerStore;
    readonly engine: EmbeddedEngine;
    readonly clock: BedClock;
    readonly branches: readonly Branch[];
};

class Writer {
    readonly #tools: WriterTools;
    readonly #random: SeededRandom;
    #left: number;

    constructor(tools: WriterTools, plan: DagPlan) {
        this.#tools = tools;
        this.#left = plan.vertices;
        this.#random = seededRandom(plan.seed ?? 1);
    }

    async run(): Promise<void> {
        const { branches, clock } = this.#tools;
        for (; this.#left > 0; this.#left--) {
            clock.unix += 1 + AHEAD_SECONDS + this.#random.below(STEP_SECONDS);
            const branch = this.#random.pick(branches);
            if (this.#random.chance(branch.isCut ? MEND_RATE : CUT_RATE))
                branch.isCut = !branch.isCut;
            if (!branch.isCut) await this.#deliver(branch);
            branch.waiting.push(await this.#write(branch));
            if (!branch.isCut) await this.#deliver(branch);
        }
        for (const branch of branches) await this.#deliver(branch);
    }

    /** The next vertex of a collector: over its own latest ones, and over what it sees of the others. */
    async #write(branch: Branch): Promise<Written> {
        const { chain, collector, isCut, second } = branch;
        const { branches, clock } = this.#tools;
        const records: MeterRecord[] = [];
        chain.timeUnix = clock.unix - AHEAD_SECONDS - 1;
        for (let i = this.#random.below(3); i >= 0; i--) records.push(await chain.warning(i));
        const others = branches.filter((each) => each.collector !== collector && !each.isCut);
        const seen = isCut
            ? []
            : this.#random
                  .shuffle(others)
                  .slice(0, this.#random.below(3))
                  .flatMap((other) => other.collector.last ?? []);
        branch.second = collector.last;
        return await collector.vertex(
            records,
            seen.length > 0 || second === null ? seen : [second],
        );
    }

    async #deliver(branch: Branch): Promise<void> {
        const { engine, store } = this.#tools;
        for (const { records, vertex } of branch.waiting) {
            await store.insertRecords(records);
            await store.insertVertex(vertex.id.bytes, vertex.message.bytes, records);
            await engine.submit(vertex.message.bytes, records);
        }
        branch.waiting = [];
    }
}
