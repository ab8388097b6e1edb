import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
    describeMeterStoreCompliance,
    describeServerStoreCompliance,
    type StoreBed,
} from "@meterseal/testkit/store-compliance";
import { openMeterStore, openServerStore } from "../src/sqlite/index.ts";

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
describeMeterStoreCompliance("sqlite", () => bedOf(openMeterStore));
