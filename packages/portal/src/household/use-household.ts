import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { FromVault, OpenHome, Problem, Stage, ToVault } from "./vault/messages.ts";
import { dropRemembered, loadRemembered } from "./vault/remembered.ts";

/** How far the opening of a household has come. */
export type HouseholdState =
    | { readonly kind: "none" }
    | { readonly kind: "opening"; readonly stage: Stage }
    | { readonly kind: "failed"; readonly problem: Problem }
    | {
          readonly kind: "open";
          readonly home: OpenHome;
          /** What goes on while the data stays on the page. */
          readonly refreshing: Stage | null;
          readonly problem: Problem | null;
      };

/** The household of this page and what can be done with it. */
export type Household = {
    readonly state: HouseholdState;
    open(file: File): void;
    /** Fetches and verifies again; quietly where nobody asked, so that the page does not flicker. */
    refresh(options?: { readonly quietly: boolean }): void;
    /** Ends the worker and with it the key, and drops what it opened. */
    close(): void;
    /** Whether an encrypted key file lies on this device; null while that is not known. */
    readonly isRemembered: boolean | null;
    remember(passphrase: string): void;
    unlock(passphrase: string): void;
    /** Removes the encrypted key file from this device; an open home stays open. */
    forgetRemembered(): void;
};

const KEY_FILE_MAX_BYTES = 65_536;
const NONE: HouseholdState = { kind: "none" };

/** Holds the worker that holds the key; the key is written nowhere unless its holder asks. */
export function useHousehold(): Household {
    const [state, setState] = useState<HouseholdState>(NONE);
    const worker = useRef<Worker | null>(null);
    const isQuiet = useRef(false);
    const [isRemembered, setRemembered] = useState<boolean | null>(null);
    useEffect(() => {
        loadRemembered().then(
            (kept) => setRemembered(kept !== null),
            () => setRemembered(false),
        );
    }, []);

    const end = useCallback((): void => {
        worker.current?.terminate();
        worker.current = null;
    }, []);
    useEffect(() => end, [end]);

    const ask = useCallback((request: ToVault): void => {
        worker.current?.postMessage(request);
    }, []);

    /** Begins anew, as somebody asked for, with a worker of its own. */
    const start = useCallback((): Worker => {
        end();
        isQuiet.current = false;
        setState({ kind: "opening", stage: "key" });
        const next = new Worker(new URL("./vault/worker.ts", import.meta.url), { type: "module" });
        next.addEventListener("message", (event: MessageEvent<FromVault>) => {
            if (next !== worker.current) return;
            const message = event.data;
            if (message.type === "remembered") setRemembered(true);
            if (message.type === "stage" && isQuiet.current) return;
            setState((before) => step(before, message));
        });
        next.addEventListener("error", () => {
            if (next === worker.current) setState({ kind: "failed", problem: NO_WORKER });
        });
        worker.current = next;
        return next;
    }, [end]);

    const open = useCallback(
        (file: File): void => {
            const own = start();
            if (file.size > KEY_FILE_MAX_BYTES) {
                setState({ kind: "failed", problem: TOO_LARGE });
                return;
            }
            const read = async (): Promise<void> => {
                const text = await file.text();
                if (own === worker.current) ask({ type: "open", text });
            };
            read().catch(() => setState({ kind: "failed", problem: UNREADABLE }));
        },
        [ask, start],
    );
    const refresh = useCallback(
        ({ quietly } = { quietly: false }): void => {
            isQuiet.current = quietly;
            if (!quietly) setState((before) => step(before, { type: "stage", stage: "fetch" }));
            ask({ type: "refresh" });
        },
        [ask],
    );
    const close = useCallback((): void => {
        end();
        setState(NONE);
    }, [end]);
    const remember = useCallback(
        (passphrase: string): void => ask({ type: "remember", passphrase }),
        [ask],
    );
    const unlock = useCallback(
        (passphrase: string): void => {
            start();
            ask({ type: "unlock", passphrase });
        },
        [ask, start],
    );
    const forgetRemembered = useCallback((): void => {
        void dropRemembered().then(() => setRemembered(false));
    }, []);

    return useMemo(
        () => ({
            state,
            isRemembered,
            open,
            refresh,
            close,
            remember,
            unlock,
            forgetRemembered,
        }),
        [state, isRemembered, open, refresh, close, remember, unlock, forgetRemembered],
    );
}

/** State after a message of the worker. Data that is open stays while it is refreshed. */
function step(before: HouseholdState, message: FromVault): HouseholdState {
    switch (message.type) {
        case "stage":
            return before.kind === "open"
                ? { ...before, refreshing: message.stage, problem: null }
                : { kind: "opening", stage: message.stage };
        case "failed":
            return before.kind === "open"
                ? { ...before, refreshing: null, problem: message.problem }
                : { kind: "failed", problem: message.problem };
        case "remembered":
            return before;
        case "opened":
            return { kind: "open", home: message.home, refreshing: null, problem: null };
    }
}

const TOO_LARGE: Problem = {
    code: "MS_KEY_FILE",
    title: "This is not a Meterseal key file",
    text: "It is far larger than a key file. Choose the file that was made when your home joined, often called key.json.",
};

const UNREADABLE: Problem = {
    code: "MS_KEY_FILE",
    title: "The browser could not read this file",
    text: "It may have been moved, or it is a folder. Choose the key file again.",
};

const NO_WORKER: Problem = {
    code: "MS_INTERNAL",
    title: "The part that opens your data did not start",
    text: "The server may be down, or the browser too old. Reload the page and try again.",
};
