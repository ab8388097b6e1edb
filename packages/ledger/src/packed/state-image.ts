import { bytesEqual, error, type Result, unwrap } from "@meterseal/core";
import {
    attempt,
    decodeCbor,
    encodeCbor,
    malformed,
    toArray,
    toBytes,
    toInteger,
} from "@meterseal/record";
import type { LedgerState } from "../accept/state.ts";
import type { MerkleLog as Log } from "../merkle/log.ts";
import { MerkleLog } from "../merkle/log.ts";
import { stateOfGenesis } from "../replay.ts";
import { restOf, takeRest } from "./state-rest.ts";

/**
 * Layout of the pages and of what goes with them; another one is not read. A change of what
 * `accept()` decides is a change of this number, too.
 */
const VERSION = 3;
const PIECES_MAX = 16_777_216;
const LISTS_MAX = 256;

/** A state with its log, as an image has them. */
export type ImagedLedger = { readonly state: LedgerState; readonly log: Log };

/**
 * State and log in pieces: a head, then pages as they lie in memory, views of them, so whoever writes
 * the pieces does so before the state goes on. An image is a help for one machine, not a format: the
 * log says what is true, and every start compares.
 */
export function imageOfLedger({ log, state }: ImagedLedger): Uint8Array[] {
    const facts = state.facts.image(state);
    const lists = [...listsOf(state).map(({ save }) => save()), ...log.image(), ...(facts ?? [])];
    const head = encodeCbor([
        VERSION,
        state.networkId,
        log.image().length,
        facts?.length ?? 0,
        lists.map(({ length }) => length),
        restOf(state),
    ]);
    return [head, ...lists.flat()];
}

/**
 * Takes an image back; the pieces become the state's own. Fails with MS_MALFORMED for anything that is
 * no image of this layout, MS_GENESIS for one of another network.
 */
export function ledgerOfImage(
    genesis: Uint8Array,
    pieces: readonly Uint8Array[],
): Result<ImagedLedger> {
    return attempt(() => {
        const [version, network, levels, factLists, counts, rest] = toArray(
            decodeCbor(pieces[0] ?? new Uint8Array()),
            "state image",
            6,
        );
        if (version !== VERSION) malformed("state image", `version ${VERSION}`);
        const state = unwrap(stateOfGenesis(genesis));
        if (!bytesEqual(toBytes(network, "network", 32), state.networkId)) {
            throw error("MS_GENESIS", { where: "state image", expected: "this network's" });
        }
        const lists = split(pieces.slice(1), toArray(counts, "lists", LISTS_MAX));
        const own = listsOf(state);
        for (const { load } of own) load(lists.shift() ?? malformed("state image", "its lists"));
        const log = MerkleLog.ofImage(lists.splice(0, toInteger(levels, "levels", 1, 64)));
        if (toInteger(factLists, "facts", 0, 64) > 0) state.facts.restore(lists);
        state.keys.index.restored();
        state.subjects.index.restored();
        state.streams.index.restored();
        state.streamIds.restored();
        takeRest(state, rest);
        state.size = log.size;
        state.chains.restored();
        return { state, log };
    });
}

type List = { readonly save: () => Uint8Array[]; readonly load: (pages: Uint8Array[]) => void };

/** What of the state lies in pages, always in this order. */
function listsOf(state: LedgerState): List[] {
    const { chains, enrolments, keys, streamIds, streams, subjects } = state;
    return [
        enrolments.heap,
        ...[keys, subjects, chains, streams].flatMap(({ index, rows }) => [index.pages, rows]),
        chains.hashes.pages,
        streamIds.pages,
    ].map((list) => ({
        save: () => list.image(),
        load: (pages) => list.restore(pages),
    }));
}

function split(pieces: readonly Uint8Array[], counts: readonly unknown[]): Uint8Array[][] {
    let at = 0;
    const lists = counts.map((count) => {
        const end = at + toInteger(count, "pages", 0, PIECES_MAX);
        const list = pieces.slice(at, end);
        at = end;
        return list;
    });
    if (at !== pieces.length) malformed("state image", `${at} pages`);
    return lists;
}
