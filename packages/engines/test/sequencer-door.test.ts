import { concatBytes } from "@meterseal/core";
import type { SentVertex } from "@meterseal/ledger";
import { createRevocation } from "@meterseal/record";
import { MemoryServerStore } from "@meterseal/stores/memory";
import {
    TEST_LATER_MS,
    TestChain,
    type TestCollector,
    TestNetwork,
} from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { SequencerDoor } from "../src/branch/index.ts";
import { EmbeddedEngine } from "../src/embedded/index.ts";
import { verify } from "./branch-world.ts";

type Hooks = NonNullable<ConstructorParameters<typeof MemoryServerStore>[0]>;
type Made = Awaited<ReturnType<TestCollector["vertex"]>>;

const clock = { nowMs: () => TEST_LATER_MS };
let network: TestNetwork;
/** Collector of the server that writes the log, and that of a branch. */
let own: TestCollector;
let branch: TestCollector;
let chain: TestChain;
let store: MemoryServerStore;
let engine: EmbeddedEngine;
let door: SequencerDoor;
let fatal: unknown[];
/** Makes the observer of the log fail. */
let isObserverBroken: boolean;

/** Ends the server as a crash does, and starts it on what was durable. */
async function restart(hooks: Hooks = {}): Promise<void> {
    store = store.crash(hooks);
    fatal = [];
    isObserverBroken = false;
    engine = await EmbeddedEngine.open({
        ...{ store, clock, logSigner: network.logSigner },
        observer: {
            entryFinal: () => {
                if (isObserverBroken) throw new Error("out of step");
            },
        },
        onFatal: (cause) => fatal.push(cause),
    });
    door = await SequencerDoor.open({ engine, store, clock, verify, author: own.enrolment.id });
}

const made = async (by: TestCollector): Promise<Made> => await by.vertex([await chain.usage()]);

const sent = ({ records, vertex }: Made): SentVertex => ({
    bytes: vertex.message.bytes,
    body: concatBytes(...records.map(({ message }) => message.bytes)),
});

async function remove({ enrolment }: TestCollector): Promise<void> {
    const request = { network: network.networkId, id: enrolment.id, timeUnix: 1 };
    await engine.submit(await createRevocation(network.operator, request), []);
}

/** Ids of the vertices that the log on disk holds, in order. */
async function logged(...all: Made[]): Promise<number[]> {
    const entries = await Array.fromAsync(store.entries(0));
    const items = entries.map(({ item }) => item.toHex());
    return all.map(({ vertex }) => items.indexOf(vertex.message.bytes.toHex()));
}

const failsAt = (when: keyof Hooks): Hooks => {
    let failed = false;
    return {
        [when]: (point: string) => {
            if (point !== "append" || failed) return; // the disk has room again afterwards
            failed = true;
            throw new Error("injected fault");
        },
    };
};

beforeEach(async () => {
    network = new TestNetwork("door");
    own = await network.collector("sequencer");
    branch = await network.collector("branch");
    const meter = await network.meter();
    chain = new TestChain(meter);
    store = new MemoryServerStore();
    await store.initialize(network.genesis);
    await restart();
    for (const { enrolment } of [own, branch, meter]) {
        await engine.submit(enrolment.message.bytes, []);
    }
});

describe("the door of a sequencer whose disk failed", () => {
    it("says of no vertex that the log has it, and the process is told to stop", async () => {
        await restart(failsAt("beforeCommit"));
        const first = await made(branch);
        for (let i = 0; i < 2; i++) {
            const again = door.offer([sent(first)]);
            await expect(again).rejects.toMatchObject({ code: "MS_STORE_UNWRITABLE" });
        }
        const next = door.offer([sent(await made(branch))]);
        await expect(next).rejects.toMatchObject({ code: "MS_STORE_UNWRITABLE" });
        expect(await logged(first)).toEqual([-1]);
        expect(fatal).toMatchObject([{ code: "MS_STORE_UNWRITABLE" }]);
    });

    it("says so as well where the entry of somebody else failed", async () => {
        await restart(failsAt("beforeCommit"));
        const meter = await network.meter("late");
        const enrolled = engine.submit(meter.enrolment.message.bytes, []);
        await expect(enrolled).rejects.toMatchObject({ code: "MS_STORE_UNWRITABLE" });
        const offered = door.offer([sent(await made(branch))]);
        await expect(offered).rejects.toMatchObject({ code: "MS_STORE_UNWRITABLE" });
        expect(fatal).toHaveLength(1);
    });

    it("blames no author for an observer that failed", async () => {
        isObserverBroken = true;
        const offered = door.offer([sent(await made(branch))]);
        await expect(offered).rejects.toMatchObject({ code: "MS_INTERNAL" });
        expect(door.refused.size).toBe(0);
        expect(fatal).toMatchObject([{ code: "MS_INTERNAL" }]);
    });
});

describe("the door of a sequencer that starts again", () => {
    for (const when of ["beforeCommit", "afterCommit"] as const) {
        it(`has a vertex in the log that a crash ${when} met, though its author is removed`, async () => {
            await restart(failsAt(when));
            const vertex = await made(branch);
            await expect(door.offer([sent(vertex)])).rejects.toThrow();
            await restart();
            await remove(branch);
            expect(await logged(vertex)).toEqual([3]);
            expect(await Array.fromAsync(store.openVertices())).toEqual([]);
            await restart();
            expect(engine.head().size).toBe(5);
        });
    }

    it("brings in all that are open, each after its parents", async () => {
        const all = [await made(branch), await made(branch), await made(branch)] as const;
        const rows = all.map(({ records, vertex }) => {
            return { id: vertex.id.bytes, bytes: vertex.message.bytes, records };
        });
        await store.takeVertices(rows);
        await restart();
        expect(await logged(...all)).toEqual([3, 4, 5]);
        expect(fatal).toEqual([]);
    });

    it("leaves those of its own collector to that one", async () => {
        const { records, vertex } = await made(own);
        await store.insertRecords(records);
        await store.insertVertex(vertex.id.bytes, vertex.message.bytes, records);
        await restart();
        expect(engine.head().size).toBe(3);
        await engine.append(vertex.message.bytes, records);
    });

    it("leaves what the rules refuse where it is, and goes on", async () => {
        const { records, vertex } = await made(branch);
        await store.takeVertices([{ id: vertex.id.bytes, bytes: vertex.message.bytes, records }]);
        await remove(branch);
        await restart();
        expect(engine.head().size).toBe(4);
        expect(await Array.fromAsync(store.openVertices())).toHaveLength(1);
        expect(fatal).toEqual([]);
    });

    it("does not open on a disk that takes nothing", async () => {
        const { records, vertex } = await made(branch);
        await store.takeVertices([{ id: vertex.id.bytes, bytes: vertex.message.bytes, records }]);
        await expect(restart(failsAt("beforeCommit"))).rejects.toMatchObject({
            code: "MS_STORE_UNWRITABLE",
        });
    });
});
