import { assert } from "@meterseal/core";
import type { CID } from "multiformats/cid";

/**
 * Parents of an author's next vertex while no other author is in sight: its own last one and the
 * one before, filled up with the genesis vertices (ledger note 5.1).
 *
 * @param own the author's latest vertices, newest first.
 */
export function soloParents(own: readonly CID[], genesis: readonly [CID, CID]): CID[] {
    const parents = [...own.slice(0, 2), ...[...genesis].reverse()].slice(0, 2);
    assert(parents.length === 2, "a vertex has at least two parents");
    return parents;
}
