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
const NOTHING: NetworkView = {
    network: null,
    meters: [],
    answeredAtMs: null,
    unreachable: false,
};

/** Asks the server every few seconds while the page is visible. */
export function useNetwork(): NetworkView {
    const [view, setView] = useState(NOTHING);
    useEffect(() => {
        let stopped = false;
        let timer: ReturnType<typeof setTimeout> | undefined;
        const ask = async (): Promise<void> => {
            try {
                const [network, meters] = await Promise.all([fetchNetwork(), fetchMeters()]);
                if (stopped) return;
                setView({ network, meters, answeredAtMs: Date.now(), unreachable: false });
            } catch {
                if (!stopped) setView((before) => ({ ...before, unreachable: true }));
            }
        };
        const loop = async (): Promise<void> => {
            if (document.visibilityState === "visible") await ask();
            if (!stopped) timer = setTimeout(() => void loop(), INTERVAL_MS);
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
