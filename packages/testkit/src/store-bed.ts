import { afterEach, beforeEach, expect } from "vitest";

/** Fault injection of a store: both may throw, before or after its transaction is durable. */
export type CommitHooks = {
    readonly beforeCommit?: (point: string) => void;
    readonly afterCommit?: (point: string) => void;
};

/** A place where one store lives, such as a temporary directory. */
export type StoreBed<Store> = {
    /** Opens the store of this bed; the one that was opened before is closed. */
    open(hooks?: CommitHooks): Promise<Store>;
    /** Removes everything. */
    remove(): Promise<void>;
};

/** The bed of the running test, made anew for each. */
export type CurrentBed<Store> = {
    open(hooks?: CommitHooks): Promise<Store>;
    /** Closes a store and opens it again. */
    reopen(store: Store, hooks?: CommitHooks): Promise<Store>;
};

/** Registers making and removing a bed around each test of the suite. */
export function useBed<Store extends { close(): Promise<void> }>(
    make: () => Promise<StoreBed<Store>>,
): CurrentBed<Store> {
    let bed: StoreBed<Store> | null = null;
    let open: Store | null = null;
    beforeEach(async () => {
        bed = await make();
    });
    afterEach(async () => {
        await open?.close();
        open = null;
        await bed?.remove();
    });
    const current: CurrentBed<Store> = {
        open: async (hooks = {}) => {
            if (bed === null) throw new Error("useBed belongs into a running test");
            open = await bed.open(hooks);
            return open;
        },
        reopen: async (store, hooks = {}) => {
            await store.close();
            return current.open(hooks);
        },
    };
    return current;
}

/** Checks a store as it is, and again after it was closed and opened. */
export async function inBothLives<Store>(
    bed: CurrentBed<Store>,
    store: Store,
    check: (store: Store) => Promise<void>,
): Promise<void> {
    await check(store);
    await check(await bed.reopen(store));
}

/** Hooks that fail once, at one point. */
export function failAt(point: string, when: "beforeCommit" | "afterCommit"): CommitHooks {
    let armed = true;
    return {
        [when]: (reached: string) => {
            if (reached !== point || !armed) return;
            armed = false;
            throw new Error(`injected fault in ${point}`);
        },
    };
}

/** Expects a rejection with one of our codes. */
export async function expectCode(outcome: Promise<unknown>, code: string): Promise<void> {
    await expect(outcome).rejects.toMatchObject({ name: "MetersealError", code });
}
