import { bytesEqual, LIMITS, toHex, unwrap } from "@meterseal/core";
import {
    accept,
    chainKey,
    type Entry,
    entryLeafHash,
    hashAt,
    type LedgerState,
    MerkleLog,
    messageOf,
    stateOfGenesis,
    stateRoot,
} from "@meterseal/ledger";
import { type MeterRecord, verifySign1 } from "@meterseal/record";
import type { SeededRandom } from "../random.ts";
import { checkRegisters } from "../sim-household.ts";
import { placeOf } from "../sim-notes.ts";
import type { OrgHost } from "./host.ts";
import type { Logged } from "./ledger-watch.ts";
import type { OrgMeter } from "./org-meter.ts";
import { checkProofs } from "./proof-checks.ts";

/** Households whose records are opened at the end of each run: it takes long. */
const OPENED = 2;
/** An entry time later than every record. */
const LATE_MS = 8e12;

/** The world as the last checks need it. */
export type CheckedWorld = OrgHost & { readonly meters: readonly OrgMeter[] };

/** Checks a world after it healed; what does not hold goes into its trace. */
export async function checkWorld(world: CheckedWorld, random: SeededRandom): Promise<void> {
    const { founding, trace, watch } = world;
    const state = unwrap(stateOfGenesis(founding.network.genesis));
    const log = new MerkleLog();
    const roots = [log.root()];
    for (const [index, { entry, timeMs }] of watch.log.entries()) {
        const accepted = accept(state, entry, timeMs, world.signatures.check);
        trace.check("I5", accepted.ok, () => `leaf ${index} is refused when it is replayed`);
        log.append(entryLeafHash({ timeMs, item: messageOf(entry).bytes }));
        roots.push(log.root());
    }
    checkNodes(world, state, log);
    checkOrder(world, state, random);
    checkReplay(world, state);
    checkForks(world, state);
    checkChains(world, state);
    await checkMeters(world, state, random);
    await checkProofs(world, { log, roots }, random);
}

/** All nodes agree, with each other and with a replay of the log. */
function checkNodes({ nodes, trace }: OrgHost, state: LedgerState, log: MerkleLog): void {
    const root = stateRoot(state);
    for (const { engine, index } of nodes) {
        const isUp = engine !== null;
        trace.check("I8", isUp, () => `node ${index} is not up after the faults have ended`);
        if (!isUp) continue;
        const isSame = engine.log.size === log.size && bytesEqual(engine.log.root(), log.root());
        trace.check("I5", isSame, () => `node ${index} has another log than its replay`);
        if (engine.log.size !== log.size) continue;
        const agrees = index % 4 !== 0 || bytesEqual(stateRoot(engine.state), root);
        trace.check("I4", agrees, () => `node ${index} has another state than the replay`);
    }
}

/** The same entries in another order that respects parents give the same state. */
function checkOrder(
    { founding, signatures, trace, watch }: OrgHost,
    state: LedgerState,
    random: SeededRandom,
): void {
    const shuffled = reorder(watch.log, random);
    const other = unwrap(stateOfGenesis(founding.network.genesis));
    let refused = 0;
    for (const entry of shuffled)
        if (!accept(other, entry, LATE_MS, signatures.check).ok) refused++;
    trace.check("I4", refused === 0, () => `${refused} entries are refused in another order`);
    const wereEarly = watch.outcomes.some((outcomes) =>
        outcomes?.some((each) => each.kind === "refused" && each.error.code === "MS_CLOCK"),
    );
    if (wereEarly) return; // dates are judged at the time of the entry: another set is accepted
    const isSame = bytesEqual(stateRoot(other), stateRoot(state));
    trace.check("I4", isSame, () => "another order of the same entries gives another state");
}

/** Entries in another order: memberships first, removals last, vertices behind their parents. */
function reorder(log: readonly Logged[], random: SeededRandom): Entry[] {
    const entries = log.map(({ entry }) => entry);
    const first = entries.filter(({ kind }) => kind !== "vertex" && kind !== "revocation");
    const last = entries.filter(({ kind }) => kind === "revocation");
    const waiting = random.shuffle(entries.filter(({ kind }) => kind === "vertex"));
    const open = new Set(
        waiting.map((entry) => (entry.kind === "vertex" ? entry.vertex.id.toString() : "")),
    );
    const sorted: Entry[] = [];
    while (waiting.length > 0) {
        const at = waiting.findIndex(
            (entry) =>
                entry.kind === "vertex" &&
                entry.vertex.parents.every((parent) => !open.has(parent.toString())),
        );
        const [next] = waiting.splice(Math.max(0, at), 1);
        if (next?.kind !== "vertex") break;
        open.delete(next.vertex.id.toString());
        sorted.push(next);
    }
    return [...first, ...sorted, ...last];
}

/** The whole log once more changes nothing. */
function checkReplay({ signatures, trace, watch }: OrgHost, state: LedgerState): void {
    const before = stateRoot(state);
    let taken = 0;
    for (const { entry } of watch.log) {
        const again = accept(state, entry, LATE_MS, signatures.check);
        if (again.ok) taken++;
    }
    const isSame = taken === 0 && bytesEqual(stateRoot(state), before);
    trace.check("I3", isSame, () => `${taken} entries of the log are taken a second time`);
}

/** Whoever signed two histories is frozen where they part, and the two records prove it. */
function checkForks({ trace, watch }: OrgHost, state: LedgerState): void {
    const byPlace = new Map<string, MeterRecord>();
    for (const record of recordsOf(watch.log)) {
        const place = placeOf(record.subject, record.chainEpoch, record.seq);
        const twin = byPlace.get(place);
        byPlace.set(place, twin ?? record);
        if (twin === undefined || bytesEqual(twin.message.hash, record.message.hash)) continue;
        const key = state.subjects.get(toHex(record.subject))?.key;
        const isProof =
            key !== undefined && [twin, record].every(({ message }) => verifySign1(message, key));
        trace.check("I11", isProof, () => `two records at ${place} that are no proof`);
        const chain = state.chains.get(chainKey(record.subject, record.chainEpoch));
        const isFrozen = (chain?.frozenAt ?? Number.POSITIVE_INFINITY) <= record.seq;
        trace.check("I11", isFrozen, () => `${place} was signed twice and is not frozen`);
    }
}

/** Chains are unbroken, of members alone, and no more of their records wait than may. */
function checkChains({ founding, trace, watch }: OrgHost, state: LedgerState): void {
    const records = recordsOf(watch.log);
    const byHash = new Map(records.map((record) => [toHex(record.message.hash), record]));
    const members = new Set(founding.meters.map(({ subject }) => toHex(subject)));
    for (const chain of state.chains.values()) {
        let prev = chain.anchor;
        for (let seq = 1; seq <= chain.headSeq; seq++) {
            const hash = hashAt(chain, seq);
            const record = hash === undefined ? undefined : byHash.get(toHex(hash));
            const follows = record?.seq === seq && bytesEqual(record.prev, prev);
            const name = placeOf(chain.subject, chain.epoch, seq);
            trace.check("I2", follows, () => `${name} does not follow the record before`);
            prev = hash ?? prev;
        }
        const isMember = members.has(toHex(chain.subject));
        trace.check("I10", isMember, () => `${toHex(chain.subject)} is no member`);
        const isBounded = chain.pending.size <= LIMITS.pendingRecords;
        trace.check("I14", isBounded, () => `${chain.pending.size} records wait`);
    }
}

function recordsOf(log: readonly Logged[]): MeterRecord[] {
    return log.flatMap(({ entry }) => (entry.kind === "vertex" ? entry.records : []));
}

/** Everything that honest meters wrote is in the ledger, once, and nothing else of theirs. */
async function checkMeters(
    world: CheckedWorld,
    state: LedgerState,
    random: SeededRandom,
): Promise<void> {
    const { founding, meters, notes, trace, watch } = world;
    const opened = new Set(random.shuffle(meters).slice(0, OPENED));
    for (const meter of meters) {
        const { agent, household, subjectHex } = meter;
        const chain = state.chains.get(`${subjectHex}/0`);
        const count = agent?.recordCount ?? -1;
        const isWhole = chain?.headSeq === count && chain.frozenAt === null;
        trace.check(
            "I9",
            isWhole,
            () => `${household.name} wrote ${count} records and the ledger has ${chain?.headSeq}`,
        );
        if (chain === undefined) continue;
        for (let seq = 1; seq <= chain.headSeq; seq++) {
            const place = placeOf(household.meter.subject, 0, seq);
            const hash = hashAt(chain, seq);
            const isOwn = hash !== undefined && notes.written.get(place) === toHex(hash);
            trace.check("I1", isOwn, () => `${place} is not what the meter wrote`);
        }
        const kept = agent === null ? [] : await meter.outbox();
        trace.check(
            "I9",
            kept.length === 0,
            () => `${household.name} keeps ${kept.length} records`,
        );
        if (!opened.has(meter)) continue;
        const own = recordsOf(watch.log).filter(({ subject }) => toHex(subject) === subjectHex);
        const bySeq = [...new Map(own.map((record) => [record.seq, record])).values()];
        bySeq.sort((a, b) => a.seq - b.seq);
        checkRegisters(household, founding.network.networkId, bySeq, notes);
    }
}
