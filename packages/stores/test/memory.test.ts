import { utf8 } from "@meterseal/core";
import {
    describeGrantBoxCompliance,
    describeMeterStoreCompliance,
    describeServerStoreCompliance,
    type StoreBed,
} from "@meterseal/testkit/store-compliance";
import { describe, expect, it } from "vitest";
import { MemoryGrantBox, MemoryMeterStore, MemoryServerStore } from "../src/memory/index.ts";

/** Bed whose store opens again on what the one before left. */
function bedOf<Store extends { crash(hooks: object): Store }>(
    make: (hooks: object) => Store,
): StoreBed<Store> {
    let store: Store | null = null;
    return {
        open: (hooks = {}) => {
            store = store === null ? make(hooks) : store.crash(hooks);
            return Promise.resolve(store);
        },
        remove: () => Promise.resolve(),
    };
}

describeServerStoreCompliance("memory", () =>
    Promise.resolve(bedOf((hooks) => new MemoryServerStore(hooks))),
);
describeMeterStoreCompliance("memory", () =>
    Promise.resolve(bedOf((hooks) => new MemoryMeterStore(hooks))),
);
describeGrantBoxCompliance("memory", () =>
    Promise.resolve(bedOf((hooks) => new MemoryGrantBox(hooks))),
);

describe("a crash in memory", () => {
    it("ends the old store and keeps what was durable", async () => {
        const store = new MemoryServerStore();
        await store.initialize(utf8("genesis"));
        const next = store.crash();
        await expect(store.genesis()).rejects.toMatchObject({ code: "MS_STORE_UNWRITABLE" });
        expect(await next.genesis()).toEqual(utf8("genesis"));
    });
    it("does not show later changes of the caller's bytes", async () => {
        const store = new MemoryMeterStore();
        const state = utf8("state");
        await store.append(state, null);
        state.fill(0);
        expect(await store.state()).toEqual(utf8("state"));
    });
});
