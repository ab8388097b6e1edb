import { toHex, unwrap } from "@meterseal/core";
import { accept, parseEntry, stateOfGenesis, stateRoot } from "@meterseal/ledger";
import { ROLE, STREAM_MODE } from "@meterseal/record";
import { openServerStore } from "@meterseal/stores/sqlite";
import { PLACES } from "../files.ts";
import type { MeterClass } from "./meter.ts";
import type { Draws } from "./random.ts";

/** What a ledger came to, told from its store alone. */
export type LedgerOutcome = {
    /** State root after the log, hexadecimal. */
    readonly root: string;
    /** The same after the vertices in another order, in which parents come first. */
    readonly shuffledRoot: string;
    readonly entries: number;
    readonly vertices: number;
    /** Vertices that name one of another author: there branches meet. */
    readonly merges: number;
    readonly authors: number;
    /** Records that count, and those that came twice because their meter changed its collector. */
    readonly records: number;
    readonly duplicates: number;
    /** Records by class of meter and mode of stream, such as "2 sealed". */
    readonly kinds: Readonly<Record<string, number>>;
};

type Entry = Parameters<typeof accept>[1];

/**
 * Replays the log of a data directory, and its vertices once more in an order by chance.
 * @param classOf class of a meter by its subject, hexadecimal.
 */
export async function readOutcome(
    dataDir: string,
    classOf: ReadonlyMap<string, MeterClass>,
    draws: Draws,
): Promise<LedgerOutcome> {
    const store = await openServerStore(PLACES.server(dataDir), { readOnly: true });
    try {
        const genesis = (await store.genesis()) ?? new Uint8Array();
        const state = unwrap(stateOfGenesis(genesis));
        const entries: Entry[] = [];
        const authorOf = new Map<string, string>();
        const counts = { merges: 0, records: 0, duplicates: 0 };
        const kinds: Record<string, number> = {};
        for await (const { body, item, timeMs } of store.entries(0)) {
            const entry = unwrap(parseEntry(item, body));
            const { outcomes } = unwrap(accept(state, entry, timeMs, () => true));
            entries.push(entry);
            if (entry.kind !== "vertex") continue;
            const author = toHex(entry.vertex.author);
            const known = entry.vertex.parents.map((parent) => authorOf.get(parent.toString()));
            if (known.some((each) => each !== undefined && each !== author)) counts.merges++;
            authorOf.set(entry.vertex.id.toString(), author);
            for (const [i, record] of entry.records.entries()) {
                if (outcomes[i]?.kind === "duplicate") counts.duplicates++;
                else counts.records++;
                const kind = kindOf(toHex(record.subject));
                if (outcomes[i]?.kind !== "duplicate") kinds[kind] = (kinds[kind] ?? 0) + 1;
            }
        }
        function kindOf(subject: string): string {
            const enrolment = state.subjects.get(subject);
            const mode = enrolment?.streams[0]?.mode === STREAM_MODE.open ? "open" : "sealed";
            const isObserved = enrolment?.role === ROLE.gateway;
            return `${isObserved ? 1 : (classOf.get(subject) ?? 2)} ${mode}`;
        }
        return {
            root: toHex(stateRoot(state)),
            shuffledRoot: shuffled(genesis, entries, state.lastTimeMs, draws),
            entries: entries.length,
            vertices: authorOf.size,
            authors: new Set(authorOf.values()).size,
            ...counts,
            kinds,
        };
    } finally {
        await store.close();
    }
}

/** State root after the same entries, the vertices as they attach in an order by chance. */
function shuffled(
    genesis: Uint8Array,
    entries: readonly Entry[],
    timeMs: number,
    draws: Draws,
): string {
    const state = unwrap(stateOfGenesis(genesis));
    for (const entry of entries) {
        if (entry.kind !== "vertex") unwrap(accept(state, entry, timeMs, () => true));
    }
    let rest = draws.shuffle(entries.filter((entry) => entry.kind === "vertex"));
    while (rest.length > 0) {
        const later = rest.filter((entry) => !accept(state, entry, timeMs, () => true).ok);
        if (later.length === rest.length) return "a vertex that attaches nowhere";
        rest = later;
    }
    return toHex(stateRoot(state));
}

/**
 * True where all came to one state and nothing is left over.
 * @param roots state roots, hexadecimal; at least one.
 * @param troubles records that are not final, faults of `verify`, and branches that failed.
 */
export function isMerged({
    roots,
    troubles,
}: {
    readonly roots: readonly string[];
    readonly troubles: number;
}): boolean {
    return new Set(roots).size === 1 && troubles === 0;
}
