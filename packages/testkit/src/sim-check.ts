import { bytesEqual, toHex, unwrap } from "@meterseal/core";
import { EmbeddedEngine } from "@meterseal/engines/embedded";
import {
    entryLeafHash,
    MerkleLog,
    replayEntry,
    stateOfGenesis,
    stateRoot,
    verifyInclusion,
} from "@meterseal/ledger";
import { type MeterRecord, parseRecord, RECORD_CLASS } from "@meterseal/record";
import type { SimCollector } from "./sim-collector.ts";
import type { SimHost } from "./sim-host.ts";
import { checkRegisters } from "./sim-household.ts";
import type { SimMeter } from "./sim-meter.ts";
import { placeOf, type SeenFinal } from "./sim-notes.ts";
import type { SimParties } from "./sim-parties.ts";

/** A simulated world as the checks need it. */
type CheckedWorld = Omit<SimHost, "meters" | "collector"> & {
    readonly meters: readonly SimMeter[];
    readonly collector: SimCollector;
    readonly parties: SimParties;
};

/** The log of a simulation, replayed from the genesis with every signature checked again. */
type Replayed = {
    readonly log: MerkleLog;
    /** Root of the tree at each size. */
    readonly roots: readonly Uint8Array[];
    readonly items: readonly Uint8Array[];
    readonly records: readonly MeterRecord[];
    /** Leaf of each record, by hash. */
    readonly leaves: ReadonlyMap<string, number>;
};

/** Checks a simulated world after it healed; what does not hold goes into its notes. */
export async function checkLedger(world: CheckedWorld): Promise<void> {
    const { collector, meters, network, notes } = world;
    const replayed = await replay(world);
    notes.requireAcknowledged(
        replayed.records.map(({ message }) => message.bytes),
        "in the ledger",
    );
    world.parties.check(replayed.items);
    for (const final of notes.finals) checkFinal(world, replayed, final);
    for (const meter of meters) {
        const { agent, household, subjectHex } = meter;
        const own = replayed.records.filter(({ subject }) => toHex(subject) === subjectHex);
        own.sort((a, b) => a.seq - b.seq);
        own.forEach(({ message, seq }, i) => {
            const written = notes.written.get(placeOf(household.meter.subject, 0, i + 1));
            if (seq !== i + 1 || written !== toHex(message.hash)) {
                notes.complain(`${household.name}: record ${i + 1} of the ledger is not its own`);
            }
        });
        if (agent?.recordCount !== own.length) {
            notes.complain(`${household.name} wrote other records than the ledger has`);
        }
        const kept = agent === null ? [] : await meter.outbox();
        if (kept.length > 0) notes.complain(`${household.name} keeps ${kept.length} records`);
        notes.counts.thinned += own.filter(
            ({ recordClass }) => recordClass === RECORD_CLASS.warning,
        ).length;
        checkRegisters(household, network.networkId, own, notes);
    }
    if ((await collector.disk.looseRecords()).length > 0) notes.complain("loose records are left");
    if ((await Array.fromAsync(collector.disk.openVertices())).length > 0)
        notes.complain("open vertices are left");
}

async function replay(world: CheckedWorld): Promise<Replayed> {
    const { collector, network, notes } = world;
    const state = unwrap(stateOfGenesis(network.genesis));
    const log = new MerkleLog();
    const roots = [log.root()];
    const items: Uint8Array[] = [];
    const records: MeterRecord[] = [];
    const leaves = new Map<string, number>();
    for await (const { body, index, item, timeMs } of collector.disk.entries(0)) {
        const accepted = replayEntry(state, { timeMs, item }, body);
        if (!accepted.ok) notes.complain(`entry ${index}: ${accepted.error.message}`);
        log.append(entryLeafHash({ timeMs, item }));
        roots.push(log.root());
        items.push(item);
        for (const bytes of body) {
            const record = unwrap(parseRecord(bytes));
            records.push(record);
            leaves.set(toHex(record.message.hash), index);
        }
    }
    if (collector.engine === null) notes.complain("the collector is down");
    else if (!bytesEqual(stateRoot(state), stateRoot(collector.engine.state))) {
        notes.complain("replay of the log gives another state");
    }
    const reopened = await EmbeddedEngine.open({
        store: collector.disk,
        clock: { nowMs: () => 0 },
        logSigner: network.logSigner,
        observer: { entryFinal: () => undefined },
    });
    if (!bytesEqual(stateRoot(reopened.state), stateRoot(state))) {
        notes.complain("the engine opens to another state");
    }
    return { log, roots, items, records, leaves };
}

function checkFinal(world: CheckedWorld, replayed: Replayed, final: SeenFinal): void {
    const { leafIndex: index, checkpoint, recordHash, seq } = final;
    const where = `final receipt of record ${seq}`;
    const { log, leaves, roots } = replayed;
    if (leaves.get(toHex(recordHash)) !== index) {
        world.notes.complain(`${where}: its record is not in leaf ${index}`);
        return;
    }
    const root = checkpoint === undefined ? undefined : roots[checkpoint.size];
    if (checkpoint === undefined || root === undefined || !bytesEqual(root, checkpoint.root)) {
        world.notes.complain(`${where}: its checkpoint is none of the log's`);
        return;
    }
    const path = log.inclusionPath(index, checkpoint.size);
    const leafHash = log.leafHash(index);
    const included = verifyInclusion({ leafHash, index, path, size: checkpoint.size, root });
    if (!included) world.notes.complain(`${where}: its leaf is not in its checkpoint`);
}
