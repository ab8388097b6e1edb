import { toHex, unwrap } from "@meterseal/core";
import type { MeterRecord } from "@meterseal/record";
import { type SeededRandom, seededRandom, seedOf } from "@meterseal/testkit/random";
import { TEST_LATER_MS, TestChain, TestNetwork } from "@meterseal/testkit/records";
import { describe, expect, it } from "vitest";
import { accept, type Entry } from "../src/accept/accept.ts";
import type { LedgerState } from "../src/accept/state.ts";
import { stateRoot } from "../src/accept/state-root.ts";
import { summarizeBody } from "../src/vertex/body.ts";
import { genesisVertexIds } from "../src/vertex/cid.ts";
import { Tips } from "../src/vertex/tips.ts";

const SEED = seedOf(4);
const SEEDS = 1_000;
const BRANCHES = 4;

type Made = Extract<Entry, { kind: "vertex" }>;

/** Four branches that write by the tip rule while they are cut off, and merge now and then. */
async function write(
    random: SeededRandom,
): Promise<{ readonly vertices: Made[]; readonly start: () => LedgerState }> {
    const network = new TestNetwork("branches");
    const genesis = genesisVertexIds(network.networkId);
    const collectors = await Promise.all(
        Array.from({ length: BRANCHES }, (_, i) => network.collector(`branch ${i}`)),
    );
    const sights = collectors.map(({ enrolment }) => new Tips(enrolment.id, genesis));
    const meters = await Promise.all([0, 1, 2].map((i) => network.meter(`meter ${i}`)));
    const chains = meters.map((meter) => new TestChain(meter));
    const kept = meters.map((): MeterRecord[] => []);
    const branches = collectors.map((): Made[] => []);
    const vertices: Made[] = [];
    for (let step = 0; step < 14; step++) {
        const i = random.below(BRANCHES);
        const [own, sight, collector] = [branches[i], sights[i], collectors[i]];
        if (own === undefined || sight === undefined || collector === undefined) throw new Error();
        if (random.chance(0.3)) {
            const others = random.pick(branches).filter((made) => !own.includes(made));
            for (const made of others) {
                own.push(made);
                sight.add(made.vertex, step);
            }
            continue;
        }
        const m = random.below(chains.length);
        const records = kept[m] as MeterRecord[];
        if (random.chance(0.8)) records.push(await (chains[m] as TestChain).usage());
        // A meter that came from elsewhere resends what is not final, or begins beyond a gap.
        const sent = records.slice(-1 - random.below(3));
        if (sent.length === 0) continue;
        const header = { ...collector.header(sent), ...summarizeBody(sent), ...sight.next() };
        const made: Made = { kind: "vertex", vertex: await collector.sign(header), records: sent };
        own.push(made);
        sight.add(made.vertex, step);
        vertices.push(made);
    }
    const start = (): LedgerState => {
        const state = network.state();
        for (const { enrolment } of [...collectors, ...meters]) {
            unwrap(accept(state, { kind: "enrolment", enrolment }, 0, () => true));
        }
        return state;
    };
    return { vertices, start };
}

/** What became of records, and what kept vertices waiting, over all runs. */
type Met = Record<string, number>;

/** Plays vertices as they come by chance; one that lacks a parent waits for it. */
function merge(
    random: SeededRandom,
    state: LedgerState,
    vertices: readonly Made[],
    met: Met,
): string {
    const count = (what: string): void => {
        met[what] = (met[what] ?? 0) + 1;
    };
    let rest = random.shuffle([...vertices, ...vertices.filter(() => random.chance(0.2))]);
    while (rest.length > 0) {
        const waiting: Made[] = [];
        for (const made of rest) {
            const accepted = accept(state, made, TEST_LATER_MS, () => true);
            if (accepted.ok) for (const { kind } of accepted.value.outcomes) count(kind);
            else count(accepted.error.code);
            if (accepted.ok || accepted.error.code === "MS_VERTEX_DUPLICATE") continue;
            expect(["MS_VERTEX_PARENTS", "MS_VERTEX_FORK"]).toContain(accepted.error.code);
            waiting.push(made);
        }
        expect(waiting.length).toBeLessThan(rest.length);
        rest = waiting;
    }
    return toHex(stateRoot(state));
}

describe("branches that were cut off", () => {
    it(`merge by set union to one state root in any order of delivery (seed ${SEED})`, {
        timeout: 120_000,
    }, async () => {
        const met: Met = {};
        for (let seed = 0; seed < SEEDS; seed++) {
            const random = seededRandom(SEED * 100_000 + seed);
            const { start, vertices } = await write(random);
            const roots = new Set<string>();
            for (let order = 0; order < 4; order++) {
                roots.add(merge(random, start(), vertices, met));
            }
            expect(roots.size, `METERSEAL_SEED=${SEED}, run ${seed}`).toBe(1);
        }
        const kinds = ["accepted", "duplicate", "pending", "MS_VERTEX_PARENTS"];
        for (const kind of [...kinds, "MS_VERTEX_DUPLICATE"]) {
            expect(met[kind], JSON.stringify(met)).toBeGreaterThan(SEEDS / 10);
        }
    });
});
