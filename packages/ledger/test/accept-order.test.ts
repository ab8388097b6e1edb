import { toHex, unwrap } from "@meterseal/core";
import type { MeterRecord } from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { type SeededRandom, seededRandom, seedOf } from "@meterseal/testkit/random";
import {
    TEST_LATER_MS,
    TEST_START_SLOT,
    TestChain,
    type TestCollector,
    type TestMeter,
    TestNetwork,
} from "@meterseal/testkit/records";
import { describe, expect, it } from "vitest";
import { accept, type Entry } from "../src/accept/accept.ts";
import { StateFacts } from "../src/accept/state-facts.ts";
import { stateRoot } from "../src/accept/state-root.ts";
import { encodeEntry } from "../src/entry.ts";
import { replayEntry } from "../src/replay.ts";
import { codeOf } from "./world.ts";

const SEED = seedOf(8);
const RUNS = 400;

type Made = Extract<Entry, { kind: "vertex" }>;

/** One story: meters that behave and meters that do not, heard by several collectors. */
class Story {
    readonly random: SeededRandom;
    readonly network = new TestNetwork("order", 1);
    readonly meters: TestMeter[] = [];
    readonly collectors: TestCollector[] = [];
    readonly vertices: Made[] = [];

    constructor(seed: number) {
        this.random = seededRandom(seed);
    }

    async write(): Promise<void> {
        const { random, network } = this;
        for (let i = 0; i < 2 + random.below(2); i++) {
            this.collectors.push(await network.collector(`collector ${i}`));
        }
        const heard: MeterRecord[][] = this.collectors.map(() => []);
        for (let i = 0; i < 2; i++) {
            const meter = await network.meter(`meter ${i}`);
            this.meters.push(meter);
            for (const record of await this.#history(meter)) {
                heard[random.below(heard.length)]?.push(record);
                if (random.chance(0.2)) heard[random.below(heard.length)]?.push(record);
            }
        }
        for (const [i, records] of heard.entries()) await this.#batch(this.collectors[i], records);
    }

    /** What one meter signs in its life: in order, and perhaps two stories at once. */
    async #history(meter: TestMeter): Promise<MeterRecord[]> {
        const { random } = this;
        const records: MeterRecord[] = [];
        const chains = [new TestChain(meter)];
        for (let i = 3 + random.below(6); i > 0; i--) {
            const chain = random.pick(chains);
            if (random.chance(0.06)) chains.push(chain.fork());
            if (random.chance(0.12)) records.push(await this.#epoch(chain));
            else records.push(await this.#record(chain));
            if (random.chance(0.08)) chain.seq += 1; // one that nobody ever hears of
            if (random.chance(0.05)) {
                const { message: _, ...again } = records.at(-1) as MeterRecord;
                records.push(
                    await new TestChain(meter).other(again.recordClass, again.body, again),
                );
            }
        }
        return random.chance(0.2) ? random.shuffle(records) : records;
    }

    async #epoch(chain: TestChain): Promise<MeterRecord> {
        const { random } = this;
        if (random.chance(0.2)) {
            chain.chainEpoch += 1;
            chain.seq = 0;
            return await chain.warning(); // opens an epoch without an epoch record
        }
        if (random.chance(0.2)) chain.seq = Math.max(0, chain.seq - 1); // names the one before
        return await chain.epoch(random.chance(0.1) ? { prev: testBytes("wrong", 32) } : {});
    }

    async #record(chain: TestChain): Promise<MeterRecord> {
        const { random } = this;
        const changes = random.chance(0.05) ? { prev: testBytes("wrong", 32) } : {};
        if (random.chance(0.3)) return await chain.warning(random.below(100), changes);
        const firstSlot = random.chance(0.07) ? TEST_START_SLOT + random.below(30) : chain.nextSlot;
        const value = BigInt(firstSlot - TEST_START_SLOT + random.below(3));
        const registers = [value, value, value, value + 1n];
        return await chain.usage({ firstSlot, values: { mode: "open", registers } }, changes);
    }

    /** Vertices of one collector over what it heard; parents are what it had seen by then. */
    async #batch(collector: TestCollector | undefined, heard: MeterRecord[]): Promise<void> {
        const { random } = this;
        for (let rest = heard; rest.length > 0 && collector !== undefined; ) {
            const take = 1 + random.below(3);
            const tips =
                random.chance(0.4) && this.vertices.length > 0 ? [random.pick(this.vertices)] : [];
            const foreign = tips.filter(
                (tip) => toHex(tip.vertex.author) !== toHex(collector.enrolment.id),
            );
            const ids = foreign.map((tip) => tip.vertex.id);
            const batch = new Map(rest.slice(0, take).map((r) => [toHex(r.message.hash), r]));
            this.vertices.push(await collector.vertex([...batch.values()], ids));
            rest = rest.slice(take);
        }
    }

    /** The vertices in another order in which every parent comes first. */
    order(): Made[] {
        const ready = (done: ReadonlySet<string>, made: Made): boolean =>
            made.vertex.parents.every((id) => done.has(id.toString()));
        const genesis = [...this.network.rounds]
            .filter(([, round]) => round === 0)
            .map(([id]) => id);
        const done = new Set(genesis);
        const out: Made[] = [];
        let rest = this.vertices;
        while (rest.length > 0) {
            const next = this.random.pick(rest.filter((made) => ready(done, made)));
            out.push(next);
            done.add(next.vertex.id.toString());
            rest = rest.filter((made) => made !== next);
        }
        return out;
    }

    /** State after the enrolments and the vertices in an order. */
    play(order: readonly Made[]): { root: string; summary: string[] } {
        const state = this.network.state();
        for (const { enrolment } of [...this.collectors, ...this.meters]) {
            unwrap(accept(state, { kind: "enrolment", enrolment }, 0, () => true));
        }
        for (const entry of order) {
            if (this.random.chance(0.4)) stateRoot(state); // kept up from here on
            unwrap(accept(state, entry, TEST_LATER_MS, () => true));
        }
        expect(stateRoot(state)).toEqual(new StateFacts().root(state));
        const summary = [...state.chains.values()]
            .map(
                (c) =>
                    `${toHex(c.subject).slice(0, 4)}/${c.epoch}: head ${c.headSeq}, frozen ${c.frozenAt}, closed ${c.closed}, waiting ${[...c.pending.keys()].sort().join()}`,
            )
            .filter((line) => !line.endsWith("head 0, frozen null, closed false, waiting "))
            .sort();
        return { root: toHex(stateRoot(state)), summary };
    }
}

describe("accept() in any order of delivery", () => {
    it(`C6 gives the same state for the same vertices (seed ${SEED})`, {
        timeout: 60_000,
    }, async () => {
        const seen = { frozen: 0, closed: 0, waiting: 0, plain: 0 };
        for (let run = 0; run < RUNS; run++) {
            const story = new Story(SEED * 1000 + run);
            await story.write();
            const first = story.play(story.order());
            const text = first.summary.join("\n");
            seen.frozen += /frozen \d/.test(text) ? 1 : 0;
            seen.closed += /closed true/.test(text) ? 1 : 0;
            seen.waiting += /waiting \d/.test(text) ? 1 : 0;
            seen.plain += /frozen \d|waiting \d/.test(text) ? 0 : 1;
            for (let again = 0; again < 5; again++) {
                const other = story.play(story.order());
                expect(other, `METERSEAL_SEED=${SEED}, run ${run}`).toEqual(first);
            }
        }
        expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(RUNS / 20);
    });

    it("gives the same state when a log is played twice, entry by entry", async () => {
        const story = new Story(SEED);
        await story.write();
        const play = (): string[] => {
            const state = story.network.state();
            const enrolments = [...story.collectors, ...story.meters].map(
                ({ enrolment }) => enrolment,
            );
            for (const [i, { message }] of enrolments.entries()) {
                unwrap(replayEntry(state, { timeMs: i, item: message.bytes }, []));
            }
            return story.vertices.map(({ vertex, records }) => {
                const body = records.map((record) => record.message.bytes);
                const entry = { timeMs: TEST_LATER_MS, item: vertex.message.bytes };
                expect(codeOf(replayEntry(state, entry, body))).toBe("ok");
                return `${toHex(encodeEntry(entry)).length} ${toHex(stateRoot(state))}`;
            });
        };
        expect(play()).toEqual(play());
    });

    it("needs no particular signature of a record: a copy signed again is the same record", async () => {
        const network = new TestNetwork("order", 0);
        const meter = await network.meter();
        const [a, b] = [await network.collector("a"), await network.collector("b")];
        const chain = new TestChain(meter);
        await chain.warning();
        const second = await chain.warning(2);
        const { message: _, ...payload } = second;
        const copy = await new TestChain(meter).other(payload.recordClass, payload.body, {
            ...payload,
            signer: testSigner("meter"),
        });
        expect(toHex(copy.message.hash)).toBe(toHex(second.message.hash));
        const one = await a.vertex([second]);
        const other = await b.vertex([copy]);
        const play = (order: Made[]): string => {
            const state = network.state();
            for (const { enrolment } of [a, b, meter]) {
                unwrap(accept(state, { kind: "enrolment", enrolment }, 0));
            }
            for (const entry of order) unwrap(accept(state, entry, TEST_LATER_MS));
            return toHex(stateRoot(state));
        };
        expect(play([one, other])).toBe(play([other, one]));
    });
});
