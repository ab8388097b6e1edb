import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useVault, type Vault } from "./use-vault.ts";
import type { HomeMessage, OpenHome, Problem, Stage } from "./vault/messages.ts";
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
} & Pick<Vault, "call" | "hasSigner">;

const KEY_FILE_MAX_BYTES = 65_536;
const NONE: HouseholdState = { kind: "none" };

/** Holds the worker that holds the key; the key is written nowhere unless its holder asks. */
export function useHousehold(): Household {
    const [state, setState] = useState<HouseholdState>(NONE);
    const isQuiet = useRef(false);
    const [isRemembered, setRemembered] = useState<boolean | null>(null);
    useEffect(() => {
        loadRemembered().then(
            (kept) => setRemembered(kept !== null),
            () => setRemembered(false),
        );
    }, []);

    const onMessage = useCallback((message: HomeMessage): void => {
        if (message.type === "remembered") setRemembered(true);
        if (message.type === "stage" && isQuiet.current) return;
        setState((before) => step(before, message));
    }, []);
    const onError = useCallback(() => setState({ kind: "failed", problem: NO_WORKER }), []);
    const vault = useVault(onMessage, onError);
    const { ask, call, end, hasSigner, start } = vault;

    /** Begins anew, as somebody asked for. */
    const begin = useCallback((): (() => boolean) => {
        isQuiet.current = false;
        setState({ kind: "opening", stage: "key" });
        return start();
    }, [start]);
    const open = useCallback(
        (file: File): void => {
            const isCurrent = begin();
            if (file.size > KEY_FILE_MAX_BYTES) {
                setState({ kind: "failed", problem: TOO_LARGE });
                return;
            }
            const read = async (): Promise<void> => {
                const text = await file.text();
                if (isCurrent()) ask({ type: "open", text });
            };
            read().catch(() => setState({ kind: "failed", problem: UNREADABLE }));
        },
        [ask, begin],
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
            begin();
            ask({ type: "unlock", passphrase });
        },
        [ask, begin],
    );
    const forgetRemembered = useCallback((): void => {
        void dropRemembered().then(() => setRemembered(false));
    }, []);
    const acts = useMemo(
        () => ({ open, refresh, close, remember, unlock, forgetRemembered, call }),
        [open, refresh, close, remember, unlock, forgetRemembered, call],
    );
    return useMemo(
        () => ({ ...acts, state, isRemembered, hasSigner }),
        [acts, state, isRemembered, hasSigner],
    );
}

/** State after a message of the worker. Data that is open stays while it is refreshed. */
function step(before: HouseholdState, message: HomeMessage): HouseholdState {
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
