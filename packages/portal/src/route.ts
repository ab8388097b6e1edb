import { useSyncExternalStore } from "react";

/** Pages of the portal by their hash; the server needs to know nothing of them. */
export const ROUTES = {
    start: "#/",
    neighbourhood: "#/neighbourhood",
    ledger: "#/ledger",
    household: "#/home",
    sharing: "#/sharing",
    bill: "#/bill",
    provider: "#/provider",
} as const;

/** A page. */
export type Route = keyof typeof ROUTES;

function subscribe(onChange: () => void): () => void {
    window.addEventListener("hashchange", onChange);
    return () => window.removeEventListener("hashchange", onChange);
}

function currentHash(): string {
    return window.location.hash;
}

/** Page that a hash names before its question mark; an unknown one is the start. */
export function routeOf(hash: string): Route {
    const path = hash.split("?")[0];
    const known = Object.entries(ROUTES) as [Route, string][];
    return known.find(([, root]) => root === path)?.[0] ?? "start";
}

/** The hash of the address, as it changes: by links, by Back, by {@link goTo}. */
export function useHash(): string {
    return useSyncExternalStore(subscribe, currentHash);
}

/**
 * Goes to a place of the portal, so that Back leads here again. Told at once: the browser tells of a
 * new hash only later, and until then a switch would show the choice before.
 */
export function goTo(hash: string): void {
    if (hash === window.location.hash) return;
    window.history.pushState(null, "", hash);
    window.dispatchEvent(new Event("hashchange"));
}
