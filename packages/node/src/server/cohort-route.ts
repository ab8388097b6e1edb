import {
    createLadder,
    error,
    type Ladder,
    LIMITS,
    parseInstant,
    toHex,
    unixOfSlot,
    unwrap,
} from "@meterseal/core";
import { parseItem } from "@meterseal/ledger";
import { NOTICE_KIND } from "@meterseal/record";
import {
    type Cohort,
    type CohortBoundaries,
    cohortBoundaries,
    cohortHash,
    describeCohort,
    describeSum,
    type MemberPart,
    memberPart,
    parseCohort,
    type SumEnd,
    sumWindows,
    type WindowSum,
} from "@meterseal/seal";
import type { FastifyInstance } from "fastify";
import { memberReadings, saidWindow } from "../monitor/readings.ts";
import type { HttpOptions } from "./http.ts";
import { type IndexedStream, lineOf } from "./indexed-stream.ts";
import { namedBytes } from "./list-query.ts";
import { entryOf } from "./statements.ts";
import { StoreRegisters } from "./store-registers.ts";
import type { Turnstile } from "./turnstile.ts";

type CohortRequest = {
    Params: { hash: string };
    Querystring: { readonly from?: unknown; readonly to?: unknown };
};
type CohortTools = Pick<HttpOptions, "engine" | "facts" | "reader" | "streams">;

/** A cohort of the ledger, and the windows that are asked for. */
type Asked = {
    readonly cohort: Cohort;
    /** Name of the cohort, 32 bytes. */
    readonly hash: Uint8Array;
    readonly ladder: Ladder;
    readonly boundaries: CohortBoundaries;
    /** Places of the windows of this page. */
    readonly windows: readonly number[];
    readonly nextUnix: number | null;
};

/**
 * Adds the route of sums over a cohort: what the sealed registers of all members add up to, window by
 * window, without a key. At most {@link LIMITS.cohortReads} readings an answer; the rest is on further
 * pages.
 */
export function addCohortRoute(
    app: FastifyInstance,
    tools: CohortTools,
    turnstile: Turnstile,
): void {
    app.get<CohortRequest>("/api/v1/cohorts/:hash/sums", ({ params, query }) =>
        turnstile.pass(async () => {
            const notice = namedBytes(params.hash, "cohort", 32);
            return await answerCohort(tools, notice, await readAsked(tools, notice, query));
        }),
    );
}

/** @throws MetersealError MS_NOT_FOUND for a notice that is none of a cohort; MS_USAGE. */
async function readAsked(
    tools: CohortTools,
    notice: Uint8Array,
    query: CohortRequest["Querystring"],
): Promise<Asked> {
    const entry = await entryOf(tools, notice);
    const item = entry.ok ? unwrap(parseItem(entry.value.item)) : null;
    if (item?.kind !== "notice" || item.notice.kind !== NOTICE_KIND.cohort) {
        throw error("MS_NOT_FOUND", { where: `notice ${toHex(notice)} of a cohort` });
    }
    const cohort = unwrap(parseCohort(item.notice.cohort));
    const ladder = unwrap(createLadder(cohort.zone, cohort.slotSeconds));
    const boundaries = unwrap(cohortBoundaries(cohort, ladder));
    const instants = boundaries.slots.map((slot) => unixOfSlot(slot, cohort.slotSeconds));
    const fromUnix = instantOf(query.from, "from", cohort.zone) ?? 0;
    const toUnix = instantOf(query.to, "to", cohort.zone) ?? Number.MAX_SAFE_INTEGER;
    const within = boundaries.indices.flatMap((_, window) => {
        const [begin, end] = [instants[window] as number, instants[window + 1] as number];
        return begin >= fromUnix && end <= toUnix ? window : [];
    });
    const { next, page } = firstPage(within, cohort.members.length);
    return {
        ...{ cohort, ladder, boundaries },
        hash: cohortHash(item.notice.cohort),
        windows: page,
        nextUnix: next === null ? null : (instants[next] as number),
    };
}

/** As many windows as one answer adds up for so many members, and the first of the rest. */
export function firstPage(
    windows: readonly number[],
    members: number,
): { readonly page: readonly number[]; readonly next: number | null } {
    const most = Math.max(1, Math.floor(LIMITS.cohortReads / members));
    return { page: windows.slice(0, most), next: windows[most] ?? null };
}

async function answerCohort(tools: CohortTools, notice: Uint8Array, asked: Asked): Promise<object> {
    const { boundaries, cohort, hash, nextUnix, windows } = asked;
    const parts: MemberPart[][] = cohort.groups.map(() => []);
    const members: object[] = [];
    for (const [own, { party, stream: id }] of cohort.members.entries()) {
        const sums = await memberSums(tools, asked, id);
        const said = sums.windows.map((sum) =>
            saidWindow(describeSum(sum, cohort.slotSeconds, sums.groups, cohort.groups)),
        );
        for (const [i, group] of cohort.groups.entries()) {
            const readings = memberReadings(cohort, boundaries, group, said);
            parts[i]?.push(memberPart(cohort, hash, boundaries, group, own, null, readings));
        }
        members.push({
            party: toHex(party),
            stream: toHex(id),
            measured: windows.filter((window) => parts[0]?.[own]?.isPresent[window]).length,
            records: recordsOf(sums.windows),
            proofs: pathOf(id, cohort, boundaries, windows),
        });
    }
    return {
        notice: toHex(notice),
        cohort: toHex(hash),
        feeder: cohort.feeder,
        month: cohort.month,
        zone: cohort.zone,
        slotSeconds: cohort.slotSeconds,
        level: cohort.level,
        scale: cohort.scale,
        windows: describeCohort(cohort, boundaries, parts, windows),
        members,
        nextUnix,
    };
}

/** Windows of a member's stream; none where the stream is not the one of the cohort. */
async function memberSums(
    { engine, reader, streams }: CohortTools,
    { boundaries, cohort, ladder, windows }: Asked,
    id: Uint8Array,
): Promise<{ readonly groups: readonly number[]; readonly windows: readonly WindowSum[] }> {
    const none = { groups: [], windows: [] };
    const [first] = windows;
    const stream = await streams.find(id);
    if (stream === null || first === undefined || !fits(stream, cohort)) return none;
    const line = await lineOf(stream, engine.state, reader);
    const registers = new StoreRegisters(stream, engine.state, reader);
    const edges = boundaries.slots.slice(first, first + windows.length + 1);
    const source = registers.endOf.bind(registers);
    const sums = await sumWindows({ line, ladder, edges, nearest: null, source });
    return { groups: stream.descriptor.groups, windows: sums };
}

function fits({ descriptor }: IndexedStream, cohort: Cohort): boolean {
    const { groups, slotSeconds, zone } = descriptor;
    const isSame = slotSeconds === cohort.slotSeconds && zone === cohort.zone;
    return isSame && cohort.groups.every((group) => groups.includes(group));
}

/** Records with an end of a window, each once, in chain order. */
function recordsOf(sums: readonly WindowSum[]): object[] {
    const records = new Map<string, SumEnd["record"]>();
    for (const { from, to } of sums.flatMap(({ parts }) => parts)) {
        for (const { record } of [from, to]) {
            records.set(`${record.chainEpoch}/${record.seq}`, record);
        }
    }
    return [...records.values()]
        .sort((a, b) => a.chainEpoch - b.chainEpoch || a.seq - b.seq)
        .map(({ chainEpoch, hash, seq }) => ({ chainEpoch, seq, hash: toHex(hash) }));
}

/** Path of the evidence of a member's windows. */
function pathOf(
    stream: Uint8Array,
    { slotSeconds }: Cohort,
    { slots }: CohortBoundaries,
    windows: readonly number[],
): string {
    const [first = 0] = windows;
    const [from, to] = [first, first + windows.length].map((at) =>
        unixOfSlot(slots[at] ?? 0, slotSeconds),
    );
    return `/api/v1/streams/${toHex(stream)}/evidence?from=${from}&to=${to}`;
}

function instantOf(value: unknown, where: string, zone: string): number | null {
    if (value === undefined) return null;
    if (typeof value !== "string") throw error("MS_USAGE", { where, expected: "it once" });
    return /^\d{1,11}$/.test(value) ? Number(value) : unwrap(parseInstant(value, zone));
}
