import { concatBytes, type Signer, toHex, unwrap } from "@meterseal/core";
import { accept, type LedgerState, stateRoot } from "@meterseal/ledger";
import {
    createReceipt,
    createSign1,
    MESSAGE_TYPE,
    type MeterRecord,
    parseReceipt,
    parseRecord,
    RECEIPT_LEVEL,
    type Receipt,
} from "@meterseal/record";
import type { SeededRandom } from "@meterseal/testkit/random";
import {
    TEST_LATER_MS,
    TestChain,
    type TestCollector,
    type TestMeter,
    TestNetwork,
} from "@meterseal/testkit/records";
import { CollectorBed, MeterBed } from "./beds.ts";
import { mutateBytes } from "./mutate.ts";
import { mutateItem } from "./mutate-message.ts";
import { follow, idle, recipe } from "./recipe.ts";
import { StatementSession } from "./statements.ts";
import {
    type FuzzInput,
    type FuzzSession,
    type FuzzTarget,
    type FuzzVerdict,
    requireTyped,
    verdictOf,
} from "./target.ts";

/** A changed payload in a message that this key signs. */
async function forge(
    random: SeededRandom,
    signer: Signer,
    record: MeterRecord,
): Promise<Uint8Array> {
    const { payload } = record.message;
    const changed = mutateItem(random, payload) ?? mutateBytes(random, payload, [payload]);
    return await createSign1(signer, MESSAGE_TYPE.record, changed);
}

async function chainOf(meter: TestMeter): Promise<MeterRecord[]> {
    const chain = new TestChain(meter);
    const records = [await chain.usage(), await chain.usage(), await chain.warning()];
    records.push(await chain.usage(), await chain.epoch(), await chain.usage());
    return records;
}

/** The state machine: a refused entry changes nothing, whatever its signed bytes say. */
class AcceptSession implements FuzzSession {
    readonly make = recipe;
    readonly #network = new TestNetwork("fuzz");
    #meter!: TestMeter;
    #author!: TestCollector;
    #records: readonly MeterRecord[] = [];
    #state!: LedgerState;
    #root = "";

    static async open(): Promise<AcceptSession> {
        const session = new AcceptSession();
        session.#meter = await session.#network.meter("fuzz");
        session.#author = await session.#network.collector("fuzz collector");
        session.#records = await chainOf(session.#meter);
        session.#renew();
        return session;
    }

    #renew(): void {
        const state = this.#network.state();
        for (const { enrolment } of [this.#author, this.#meter]) {
            unwrap(accept(state, { kind: "enrolment", enrolment }, TEST_LATER_MS, () => true));
        }
        this.#state = state;
        this.#root = toHex(stateRoot(state));
        this.#author.last = null;
    }

    async take(input: FuzzInput): Promise<FuzzVerdict> {
        const random = follow(input);
        const signer = idle(this.#meter.signer);
        const upTo = random.below(this.#records.length);
        const records = this.#records.slice(0, upTo);
        const forged = parseRecord(await forge(random, signer, this.#records[upTo] as MeterRecord));
        if (!forged.ok) return verdictOf(forged);
        records.push(forged.value);
        const sorted = records.sort((a, b) => a.chainEpoch - b.chainEpoch || a.seq - b.seq);
        const header = this.#author.header(sorted);
        const vertex = await this.#author.sign(
            random.chance(0.9) ? header : { ...header, round: 1 + random.below(5), size: 1 },
            idle(this.#author.signer),
        );
        const entry = { kind: "vertex", vertex, records: sorted } as const;
        const accepted = accept(this.#state, entry, TEST_LATER_MS, () => true);
        if (accepted.ok) this.#renew();
        else if (toHex(stateRoot(this.#state)) !== this.#root) {
            throw new Error("a refused entry changed the state");
        }
        return verdictOf(accepted);
    }
}

/** The head-end behind its link: answers, and goes on. Signatures count as good. */
async function collectorSession(): Promise<FuzzSession> {
    let bed!: CollectorBed;
    let records: MeterRecord[] = [];
    let left = 0;
    const renew = async (): Promise<void> => {
        bed = await CollectorBed.create();
        records = await chainOf(bed.meter);
        left = 100; // a record that forges the chain ends it
    };
    const requireAlive = (): void => {
        if (bed.fatal.length > 0) throw bed.fatal[0];
    };
    await renew();
    return {
        make: recipe,
        take: async (input) => {
            if (left-- === 0) await renew();
            const random = follow(input);
            const upTo = random.below(records.length);
            const before = random.chance(0.5) ? records.slice(0, upTo) : [];
            const parts = before.map(({ message }) => message.bytes);
            const next = records[upTo] as MeterRecord;
            const forged = random.chance(0.2)
                ? next.message.bytes
                : await forge(random, idle(bed.meter.signer), next);
            parts.push(random.chance(0.2) ? mutateBytes(random, forged, [forged]) : forged);
            let verdict: FuzzVerdict = "accepted";
            try {
                const answers = await bed.send(concatBytes(...parts));
                if (answers.some(({ code }) => code !== 0)) verdict = "refused";
                if (answers.some(({ code }) => code === 13)) throw new Error("an internal error");
            } catch (cause) {
                requireTyped(cause);
                verdict = "refused";
            }
            requireAlive();
            return verdict;
        },
        close: async () => {
            await bed.time.advance(5_000);
            requireAlive();
        },
    };
}

/** The meter: whatever its collector signs, it goes on or stops, and loses no record to a guess. */
async function agentSession(): Promise<FuzzSession> {
    let bed!: MeterBed;
    let left = 0;
    const renew = async (): Promise<void> => {
        bed = await MeterBed.create(6);
        left = 100;
    };
    await renew();
    return {
        make: recipe,
        take: async (input) => {
            if (left-- === 0 || bed.agent.openRecords === 0) await renew();
            const random = follow(input);
            const record = random.pick(await bed.store.outbox());
            const honest: Receipt = {
                subject: bed.subject,
                chainEpoch: record.chainEpoch,
                seq: record.seq,
                recordHash: record.hash,
                level: random.below(3),
                code: random.below(16),
                timeUnix: 1_400_000_000,
                leafIndex: random.below(9),
                checkpoint: { size: 9, root: new Uint8Array(32) },
            };
            const bytes = await createReceipt(bed.collector, honest);
            const { payload } = unwrap(parseReceipt(bytes)).message;
            const changed = mutateItem(random, payload) ?? payload;
            const message = await createSign1(bed.collector, MESSAGE_TYPE.receipt, changed);
            const before = bed.agent.openRecords;
            bed.deliver(random.chance(0.8) ? message : mutateBytes(random, message, [bytes]));
            await bed.time.advance(random.below(6_000));
            const read = parseReceipt(message);
            const isFinal = read.ok && read.value.level === RECEIPT_LEVEL.final;
            if (bed.agent.openRecords < before && !isFinal) {
                throw new Error("a record was let go without a final receipt");
            }
            if (bed.agent.refusal !== null) await renew();
            return read.ok ? "accepted" : "refused";
        },
        close: () => bed.agent.close(),
    };
}

/** Doors behind the signatures. */
export const RULES: readonly FuzzTarget[] = [
    { name: "accept()", share: 50_000, open: () => AcceptSession.open() },
    { name: "accept() of parties", share: 10_000, open: () => StatementSession.open() },
    { name: "collector", share: 20_000, open: collectorSession },
    { name: "meter", share: 20_000, open: agentSession },
];
