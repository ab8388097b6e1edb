import { useEffect, useRef } from "react";
import type { NetworkView } from "../api/use-network.ts";
import type { Household } from "./use-household.ts";

/** Shortest time between two refreshes by themselves. */
const REST_MS = 5_000;
/** A device that takes long to verify rests so many times as long before it does so again. */
const REST_FACTOR = 10;

/**
 * Fetches and verifies an open home again when its meter has reported more, at most every five
 * seconds. Polling pauses while the page is hidden, and this with it.
 */
export function useLiveHousehold({ state, refresh }: Household, { meters }: NetworkView): void {
    const seen = useRef<{ meter: string; records: number; atMs: number } | null>(null);
    const home = state.kind === "open" ? state.home : null;
    const isBusy = state.kind !== "open" || state.refreshing !== null;
    useEffect(() => {
        if (home === null) {
            seen.current = null;
            return;
        }
        const records = meters.find(({ subject }) => subject === home.meter)?.records;
        if (records === undefined) return;
        if (seen.current?.meter !== home.meter) {
            seen.current = { meter: home.meter, records: home.records, atMs: Date.now() };
        }
        const { current } = seen;
        const restMs = Math.max(REST_MS, home.openMs * REST_FACTOR);
        if (isBusy || records <= current.records || Date.now() - current.atMs < restMs) return;
        seen.current = { meter: home.meter, records, atMs: Date.now() };
        refresh({ quietly: true });
    }, [home, isBusy, meters, refresh]);
}
