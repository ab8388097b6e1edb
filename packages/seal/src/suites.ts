import { error, fail, ok, type Result } from "@meterseal/core";
import type { Suite } from "./suite.ts";
import { mmoSuite } from "./suite-mmo.ts";

/**
 * The suite of a stream descriptor.
 * @returns MS_VERSION for a byte that names no suite fit for streams; suite 0 exists in tests only.
 */
export function suiteOf(id: number): Result<Suite> {
    if (id === mmoSuite.id) return ok(mmoSuite);
    return fail(error("MS_VERSION", { expected: "seal suite 1", got: String(id) }));
}
