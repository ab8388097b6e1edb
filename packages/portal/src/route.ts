import { useSyncExternalStore } from "react";

/** Pages of the portal by their hash; the server needs to know nothing of them. */
export const ROUTES = { neighbourhood: "#/", household: "#/home" } as const;

/** A page. */
export type Route = keyof typeof ROUTES;

function subscribe(onChange: () => void): () => void {
    window.addEventListener("hashchange", onChange);
    return () => window.removeEventListener("hashchange", onChange);
}

function currentRoute(): Route {
    return window.location.hash.startsWith(ROUTES.household) ? "household" : "neighbourhood";
}

/** The page that the address names; an unknown hash is the neighbourhood. */
export function useRoute(): Route {
    return useSyncExternalStore(subscribe, currentRoute);
}
