import { useCallback, useEffect, useState } from "react";
import { DAG_PAGE, fetchAfter, fetchBefore } from "../api/dag.ts";
import { DagModel } from "./model.ts";

/** Vertices that are fetched without being asked for. */
const UNASKED_MAX = 20_000;
const RETRY_MS = 5_000;

/** The ledger as far as it is fetched. */
export type Dag = {
    readonly model: DagModel;
    /** Size of the log up to which everything is final. */
    readonly size: number;
    readonly isLoading: boolean;
    readonly failed: boolean;
    /** Fetches older vertices than those that are there. */
    readonly more: () => void;
};

/**
 * Fetches the DAG: the newest vertices first, then older ones page by page, and each time the ledger has
 * grown what is new.
 * @param vertices - how many the server says there are; null while it has not answered.
 */
export function useDag(vertices: number | null): Dag {
    const [state, setState] = useState(START);
    const [wanted, setWanted] = useState(UNASKED_MAX);
    const { failed, known, model, size, tries } = state;
    const isOlderDue = !model.isWhole && model.vertices.length < wanted;
    const isDue = isOlderDue || (vertices !== null && vertices !== known);
    // biome-ignore lint/correctness/useExhaustiveDependencies: after a failure it is tried again
    useEffect(() => {
        if (!isDue) return;
        let isGone = false;
        let timer: ReturnType<typeof setTimeout> | undefined;
        const update = (change: (before: State) => State): void => {
            if (!isGone) setState(change);
        };
        const load = isOlderDue ? loadOlder(model) : loadNewer(model, vertices);
        load.then(
            (loaded) => update((before) => ({ ...before, ...loaded, failed: false })),
            () => {
                update((before) => ({ ...before, failed: true }));
                timer = setTimeout(
                    () => update((before) => ({ ...before, tries: before.tries + 1 })),
                    RETRY_MS,
                );
            },
        );
        return () => {
            isGone = true;
            clearTimeout(timer);
        };
    }, [isDue, isOlderDue, model, vertices, tries]);
    const more = useCallback((): void => setWanted((count) => count + UNASKED_MAX), []);
    return { model, size, isLoading: isOlderDue, failed, more };
}

type State = {
    readonly model: DagModel;
    readonly size: number;
    /** How many vertices the server had when it was last asked for newer ones. */
    readonly known: number | null;
    readonly failed: boolean;
    readonly tries: number;
};

const START: State = { model: DagModel.EMPTY, size: 0, known: null, failed: false, tries: 0 };

async function loadOlder(model: DagModel): Promise<Partial<State>> {
    const { size, vertices } = await fetchBefore(model.vertices[0]?.leafIndex ?? null);
    const older = vertices.toReversed();
    return { model: model.withOlder(older, older.length < DAG_PAGE), size };
}

async function loadNewer(model: DagModel, known: number | null): Promise<Partial<State>> {
    const { size, vertices } = await fetchAfter(model.vertices.at(-1)?.leafIndex ?? -1);
    const grown = vertices.length === 0 ? model : model.withNewer(vertices);
    return { model: grown, size, ...(vertices.length < DAG_PAGE ? { known } : {}) };
}
