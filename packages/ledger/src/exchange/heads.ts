import { fromHex, toHex } from "@meterseal/core";
import type { LedgerState } from "../accept/state.ts";
import { vertexIdOfName } from "../vertex/cid.ts";
import type { AuthorHead } from "./port.ts";

/** Latest vertex of each author in the log, authors ascending; none of those that wrote nothing. */
export function loggedHeads(state: LedgerState): AuthorHead[] {
    const heads: AuthorHead[] = [];
    for (const [author, { lastVertex, round }] of state.authors) {
        if (lastVertex === null) continue;
        heads.push({ author: fromHex(author), round, id: vertexIdOfName(lastVertex) });
    }
    return heads.sort((a, b) => (toHex(a.author) < toHex(b.author) ? -1 : 1));
}
