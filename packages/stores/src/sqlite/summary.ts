import { integerOf } from "./columns.ts";
import type { Queries } from "./queries.ts";

/** Sizes of a store. */
export type StoreCounts = {
    readonly records: number;
    /** Records that are in no vertex yet. */
    readonly looseRecords: number;
    readonly vertices: number;
    readonly logSize: number;
    readonly checkpoints: number;
};

/** Counts the rows of a server store. */
export function countRows(queries: Queries): Promise<StoreCounts> {
    return queries.settle(() => {
        const row = queries.get(
            `SELECT (SELECT count(*) FROM records) AS records,
             (SELECT count(*) FROM records)
              - (SELECT coalesce(sum(last - first + 1), 0) FROM bodies) AS loose,
             (SELECT count(*) FROM vertices) AS vertices,
             (SELECT count(*) FROM log) AS log,
             (SELECT count(*) FROM checkpoints) AS checkpoints`,
        );
        return {
            records: integerOf(row, "records"),
            looseRecords: integerOf(row, "loose"),
            vertices: integerOf(row, "vertices"),
            logSize: integerOf(row, "log"),
            checkpoints: integerOf(row, "checkpoints"),
        };
    });
}
