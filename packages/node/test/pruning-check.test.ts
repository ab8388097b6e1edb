import { unwrap } from "@meterseal/core";
import { accept, type Entry, parseStoredRecord, summaryOf } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import {
    TEST_LATER_MS,
    TEST_START_UNIX,
    TestChain,
    type TestCollector,
    type TestMeter,
    TestNetwork,
} from "@meterseal/testkit/records";
import { describe, expect, it } from "vitest";
import { Findings } from "../src/verify/findings.ts";
import { PruningCheck } from "../src/verify/pruning-check.ts";

/** Behind all records of the tests. */
const BEFORE_UNIX = TEST_START_UNIX + 86_400;

/** A log of one meter, and what a walk over it finds where summaries stand in the place of some records. */
class Walk {
    readonly chain: TestChain;
    readonly #collector: TestCollector;
    readonly #log: Entry[];
    /** Different for each entry: a log takes none twice. */
    #timeUnix = 1;

    private constructor(collector: TestCollector, meter: TestMeter) {
        this.#collector = collector;
        this.chain = new TestChain(meter);
        this.#log = [collector, meter].map(({ enrolment }) => ({ kind: "enrolment", enrolment }));
    }

    static async open(): Promise<Walk> {
        const network = new TestNetwork("pruned");
        return new Walk(await network.collector(), await network.meter());
    }

    async carry(...records: MeterRecord[]): Promise<void> {
        this.#log.push(await this.#collector.vertex(records));
    }

    /** States what is left of all records so far; as if there were no records, for sums have tests of their own. */
    async prune(): Promise<void> {
        const range = { beforeUnix: BEFORE_UNIX, size: this.#log.length };
        const { network } = this.#collector;
        const pruning = await network.pruning({ ...range, timeUnix: this.#timeUnix++ });
        this.#log.push({ kind: "pruning", pruning });
    }

    /** Where and why records at some places of the chain must not have been pruned. */
    faults(pruned: readonly MeterRecord[], isJudged = true): string[] {
        const state = this.#collector.network.state();
        const findings = new Findings();
        const ranges = this.#log.flatMap((entry) =>
            entry.kind === "pruning" ? [entry.pruning] : [],
        );
        const check = new PruningCheck(findings, state, ranges);
        for (const [leafIndex, entry] of this.#log.entries()) {
            const accepted = unwrap(accept(state, entry, TEST_LATER_MS, () => true));
            if (entry.kind === "pruning") check.addPruning(entry.pruning, leafIndex);
            if (entry.kind !== "vertex") continue;
            for (const [i, record] of entry.records.entries()) {
                const isGone = pruned.some(({ message }) => message.bytes === record.message.bytes);
                const left = isGone ? unwrap(parseStoredRecord(summaryOf(record))) : record;
                check.addRecord(left, leafIndex, accepted.outcomes[i]);
            }
        }
        check.finish(isJudged);
        return findings.faults.flatMap(({ message, where }) => {
            const why = /although (.*)\.$/.exec(message)?.[1];
            return why === undefined ? [] : [`${where.slice(-3)} ${why}`];
        });
    }
}

describe("verify of what is left of pruned records", () => {
    it("names the head of a chain, and nothing before it", async () => {
        const walk = await Walk.open();
        const records = [await walk.chain.usage(), await walk.chain.usage()] as const;
        await walk.carry(...records);
        await walk.prune();
        expect(walk.faults(records)).toEqual(["0/2 it is the head of its chain"]);
        expect(walk.faults(records.slice(0, 1))).toEqual([]);
        expect(walk.faults(records, false)).toEqual([]);
    });

    it("names what the rules did not simply take: it came before its turn", async () => {
        const walk = await Walk.open();
        const [a, b, c] = [
            await walk.chain.usage(),
            await walk.chain.usage(),
            await walk.chain.usage(),
        ];
        await walk.carry(b);
        await walk.carry(a);
        await walk.carry(c);
        await walk.prune();
        expect(walk.faults([a, b])).toEqual(["0/2 the rules did not simply take it"]);
        expect(walk.faults([a])).toEqual([]);
    });

    it("names a chain that was frozen already, and none that froze later", async () => {
        for (const isLater of [false, true]) {
            const walk = await Walk.open();
            const first = await walk.chain.usage();
            const twin = walk.chain.fork();
            const second = await walk.chain.usage();
            await walk.carry(first, second, await walk.chain.usage());
            if (isLater) await walk.prune();
            const other = await twin.usage({ count: 3 });
            await walk.carry(other);
            await walk.prune();
            const found = walk.faults([first, second]);
            expect(found).toEqual(isLater ? [] : ["0/2 its chain is frozen"]);
            expect(walk.faults([other])).toContain("0/2 the rules did not simply take it");
        }
    });
});
