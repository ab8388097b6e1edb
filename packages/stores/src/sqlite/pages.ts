import { setImmediate } from "node:timers/promises";
import type { Row } from "./columns.ts";
import type { Database } from "./database.ts";

const PAGE_ROWS = 256;

/**
 * Goes through a table in pages and lets other work of the process run between them. No statement
 * stays open, so a writer may go on; rows that it adds behind the last one seen are found too.
 *
 * @param read rows behind a place, at most so many, in order.
 * @param place where a row stands: what `read` takes as its first argument.
 */
export async function* pages<Place, Item>(
    database: Database,
    start: Place,
    read: (after: Place, limit: number) => Row[],
    item: (row: Row) => Item,
    place: (item: Item) => Place,
): AsyncGenerator<Item, void, undefined> {
    let after = start;
    while (true) {
        const from = after;
        const items = await database.settle(() => read(from, PAGE_ROWS).map(item));
        yield* items;
        const last = items.at(-1);
        if (last === undefined || items.length < PAGE_ROWS) return;
        after = place(last);
        await setImmediate();
    }
}
