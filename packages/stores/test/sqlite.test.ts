import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
    describeGrantBoxCompliance,
    describeMeterStoreCompliance,
    describeServerStoreCompliance,
    type StoreBed,
} from "@meterseal/testkit/store-compliance";
import { openGrantBox, openMeterStore, openServerStore } from "../src/sqlite/index.ts";

async function bedOf<Store>(
    open: (directory: string, options: { hooks: object }) => Promise<Store>,
): Promise<StoreBed<Store>> {
    const directory = await mkdtemp(join(tmpdir(), "meterseal-store-"));
    return {
        open: (hooks = {}) => open(join(directory, "a store"), { hooks }),
        remove: () => rm(directory, { recursive: true }),
    };
}

describeServerStoreCompliance("sqlite", () => bedOf(openServerStore));
describeGrantBoxCompliance("sqlite", () => bedOf(openGrantBox));
describeMeterStoreCompliance("sqlite", () => bedOf(openMeterStore));
