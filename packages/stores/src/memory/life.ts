import { error } from "@meterseal/core";
import type { StoreHooks, WritePoint } from "../hooks.ts";

/**
 * Life of a store in memory: transactions with fault injection, and an end. What a transaction has
 * applied counts as durable, so a crash loses only what was not applied.
 */
export class Life {
    readonly #hooks: StoreHooks;
    #end: "closed" | "crashed" | null = null;

    constructor(hooks: StoreHooks) {
        this.#hooks = hooks;
    }

    /** Runs a read; rejects when the store is closed or has crashed. */
    read<T>(body: () => T): Promise<T> {
        return new Promise((resolve) => {
            this.#requireOpen();
            resolve(body());
        });
    }

    /**
     * Runs a transaction.
     * @param plan checks everything, changes nothing, and returns what applies the changes.
     */
    write(point: WritePoint, plan: () => () => void): Promise<void> {
        return this.read(() => {
            const apply = plan();
            this.#hooks.beforeCommit?.(point);
            apply();
            this.#hooks.afterCommit?.(point);
        });
    }

    /** Ends the life; every later call rejects. */
    end(how: "closed" | "crashed"): void {
        this.#end ??= how;
    }

    #requireOpen(): void {
        if (this.#end === null) return;
        throw error("MS_STORE_UNWRITABLE", { where: "memory", got: `a ${this.#end} store` });
    }
}
