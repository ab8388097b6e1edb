import { type MetersealError, type Result, toHex } from "@meterseal/core";
import type { MeterRecord } from "@meterseal/record";
import {
    TEST_LATER_MS,
    TestChain,
    type TestCollector,
    type TestMeter,
    TestNetwork,
} from "@meterseal/testkit/records";
import { expect } from "vitest";
import { type Accepted, accept, type Entry } from "../src/accept/accept.ts";
import type { RecordOutcome } from "../src/accept/record-rules.ts";
import { type Chain, chainKey, type LedgerState } from "../src/accept/state.ts";
import { StateFacts } from "../src/accept/state-facts.ts";
import { stateRoot } from "../src/accept/state-root.ts";

/** A state with one collector and one meter enrolled, and short ways to what tests ask of it. */
export class World {
    readonly network: TestNetwork;
    readonly state: LedgerState;
    readonly collector: TestCollector;
    readonly meter: TestMeter;
    readonly chain: TestChain;

    constructor(network: TestNetwork, collector: TestCollector, meter: TestMeter) {
        this.network = network;
        this.collector = collector;
        this.meter = meter;
        this.state = network.state();
        this.chain = new TestChain(meter);
        stateRoot(this.state); // kept up from here on
        expect(codeOf(this.enrol(collector))).toBe("ok");
        expect(codeOf(this.enrol(meter))).toBe("ok");
    }

    static async open(mode = 0, options: Parameters<TestNetwork["meter"]>[1] = {}): Promise<World> {
        const network = new TestNetwork("network", mode);
        return new World(network, await network.collector(), await network.meter("meter", options));
    }

    get root(): string {
        const root = toHex(stateRoot(this.state));
        expect(root).toBe(toHex(new StateFacts().root(this.state)));
        return root;
    }

    enrol(who: Pick<TestMeter, "enrolment">, timeMs = this.state.lastTimeMs): Result<Accepted> {
        return accept(this.state, { kind: "enrolment", enrolment: who.enrolment }, timeMs);
    }

    accept(entry: Entry, timeMs = TEST_LATER_MS): Result<Accepted> {
        return accept(this.state, entry, timeMs);
    }

    /** Puts records into the collector's next vertex and hands it in; says what became of each. */
    async take(records: readonly MeterRecord[], timeMs = TEST_LATER_MS): Promise<string[]> {
        const entry = await this.collector.vertex(records);
        const accepted = this.accept(entry, timeMs);
        if (!accepted.ok) throw accepted.error;
        return accepted.value.outcomes.map(nameOf);
    }

    chainState(epoch = 0, subject: Uint8Array = this.meter.subject): Chain | undefined {
        return this.state.chains.get(chainKey(subject, epoch));
    }
}

/** A refusal leaves no trace: code and unchanged root. */
export function expectRefused(
    world: World,
    entry: Entry,
    code: string,
    timeMs = TEST_LATER_MS,
): void {
    const before = world.root;
    const time = world.state.lastTimeMs;
    expect(codeOf(world.accept(entry, timeMs))).toBe(code);
    expect(world.root).toBe(before);
    expect(world.state.lastTimeMs).toBe(time);
}

/** Code of a refusal, or "ok". */
export function codeOf(result: Result<unknown>): string {
    return result.ok ? "ok" : result.error.code;
}

/** Outcome as one word: what happened, or the code. */
export function nameOf(outcome: RecordOutcome): string {
    return outcome.kind === "refused" ? (outcome.error as MetersealError).code : outcome.kind;
}
