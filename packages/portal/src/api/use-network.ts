import { useEffect, useState } from "react";
import { fetchMeters, fetchNetwork, type Meter, type Network } from "./client.ts";

/** What the portal knows of the server; what it last said stays when it falls silent. */
export type NetworkView = {
    readonly network: Network | null;
    readonly meters: readonly Meter[];
    /** When the server last answered, milliseconds since 1970; null where it never did. */
    readonly answeredAtMs: number | null;
    readonly unreachable: boolean;
};

const INTERVAL_MS = 4_000;
/** While a replay goes on, so that the page visibly moves. */
const INTERVAL_REPLAY_MS = 2_000;
/** Longest wait after the server fell silent; each failure doubles the wait. */
const INTERVAL_SILENT_MS = 30_000;
const NOTHING: NetworkView = {
    network: null,
    meters: [],
    answeredAtMs: null,
    unreachable: false,
};

/** Whether the time of the network goes on faster than the clock on the wall. */
export function isReplaying({ clock }: Network): boolean {
    return clock.replay != null && !clock.replay.ended;
}

/** Asks the server every few seconds while the page is visible. */
export function useNetwork(): NetworkView {
    const [view, setView] = useState(NOTHING);
    useEffect(() => {
        let stopped = false;
        let timer: ReturnType<typeof setTimeout> | undefined;
        let waitMs = INTERVAL_MS;
        const ask = async (): Promise<void> => {
            try {
                const [network, meters] = await Promise.all([fetchNetwork(), fetchMeters()]);
                if (stopped) return;
                waitMs = isReplaying(network) ? INTERVAL_REPLAY_MS : INTERVAL_MS;
                setView({ network, meters, answeredAtMs: Date.now(), unreachable: false });
            } catch {
                waitMs = Math.min(waitMs * 2, INTERVAL_SILENT_MS);
                if (!stopped) setView((before) => ({ ...before, unreachable: true }));
            }
        };
        const loop = async (): Promise<void> => {
            if (document.visibilityState === "visible") await ask();
            if (!stopped) timer = setTimeout(() => void loop(), waitMs);
        };
        const onVisible = (): void => {
            if (document.visibilityState === "visible") void ask();
        };
        document.addEventListener("visibilitychange", onVisible);
        void loop();
        return () => {
            stopped = true;
            clearTimeout(timer);
            document.removeEventListener("visibilitychange", onVisible);
        };
    }, []);
    return view;
}
