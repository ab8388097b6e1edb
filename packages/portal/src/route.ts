import { useSyncExternalStore } from "react";

/** Pages of the portal by their hash; the server needs to know nothing of them. */
export const ROUTES = {
    start: "#/",
    neighbourhood: "#/neighbourhood",
    household: "#/home",
} as const;

/** A page. */
export type Route = keyof typeof ROUTES;

function subscribe(onChange: () => void): () => void {
    window.addEventListener("hashchange", onChange);
    return () => window.removeEventListener("hashchange", onChange);
}

function currentRoute(): Route {
    const { hash } = window.location;
    if (hash.startsWith(ROUTES.household)) return "household";
    return hash.startsWith(ROUTES.neighbourhood) ? "neighbourhood" : "start";
}

/** The page that the address names; an unknown hash is the start. */
export function useRoute(): Route {
    return useSyncExternalStore(subscribe, currentRoute);
}
