import { type ReactNode, useEffect, useState } from "react";
import { formatCount, formatMoment, shortHex } from "../format.ts";
import type { DagModel } from "./model.ts";

type VertexTableProps = {
    readonly model: DagModel;
    readonly chosen: number | null;
    readonly zone: string;
    onChoose(ordinal: number): void;
};

/** Rows of the table at one time. */
const ROWS = 50;

/** The same as the picture in words: the newest vertices first, a page at a time. */
export function VertexTable({ model, chosen, zone, onChoose }: VertexTableProps): ReactNode {
    const [isOpen, setOpen] = useState(false);
    /** Ordinal behind the first row; null for the newest vertices. */
    const [end, setEnd] = useState<number | null>(null);
    useEffect(() => {
        if (chosen !== null) setEnd((before) => endFor(chosen, before ?? model.end, model));
    }, [chosen, model]);
    const to = Math.min(model.end, end ?? model.end);
    const from = Math.max(model.first, to - ROWS);
    return (
        <details onToggle={(event) => setOpen(event.currentTarget.open)} data-testid="dag-table">
            <summary>Show as table</summary>
            {isOpen && (
                <>
                    <table className="vertices">
                        <caption className="hidden">
                            Vertices of the ledger, the newest first
                        </caption>
                        <thead>
                            <tr>
                                <th scope="col">Place</th>
                                <th scope="col">Collector</th>
                                <th scope="col" className="number wide">
                                    Round
                                </th>
                                <th scope="col" className="number">
                                    Records
                                </th>
                                <th scope="col">Follows</th>
                                <th scope="col" className="wide">
                                    Taken in
                                </th>
                            </tr>
                        </thead>
                        <tbody>
                            {Array.from({ length: to - from }, (_, i) => to - 1 - i).map(
                                (ordinal) => (
                                    <Row
                                        key={ordinal}
                                        {...{ model, ordinal, chosen, zone, onChoose }}
                                    />
                                ),
                            )}
                        </tbody>
                    </table>
                    <p className="actions">
                        <button
                            type="button"
                            className="button"
                            aria-disabled={to >= model.end}
                            onClick={() => setEnd(Math.min(model.end, to + ROWS))}
                        >
                            Newer
                        </button>
                        <button
                            type="button"
                            className="button"
                            aria-disabled={from <= model.first}
                            onClick={() => setEnd(Math.max(model.first + ROWS, to - ROWS))}
                        >
                            Older
                        </button>
                    </p>
                </>
            )}
        </details>
    );
}

/** End of the page on which a vertex stands: the present one where that has it. */
function endFor(ordinal: number, end: number, model: DagModel): number {
    if (ordinal < end && ordinal >= end - ROWS) return end;
    return Math.min(model.end, ordinal + Math.ceil(ROWS / 2));
}

type RowProps = VertexTableProps & { readonly ordinal: number };

function Row({ chosen, model, onChoose, ordinal, zone }: RowProps): ReactNode {
    const vertex = model.at(ordinal);
    if (vertex === undefined) return null;
    const { author, leafIndex, parents, records, round, timeMs } = vertex;
    const places = parents.map((parent) =>
        parent.leafIndex === null ? "genesis" : formatCount(parent.leafIndex),
    );
    return (
        <tr aria-current={ordinal === chosen ? "true" : undefined}>
            <th scope="row">
                <button type="button" className="link" onClick={() => onChoose(ordinal)}>
                    {formatCount(leafIndex)}
                </button>
            </th>
            <td>
                <code title={author}>{shortHex(author)}</code>
            </td>
            <td className="number wide">{formatCount(round)}</td>
            <td className="number">{formatCount(records)}</td>
            <td>{[...new Set(places)].join(", ")}</td>
            <td className="wide">{formatMoment(timeMs / 1000, zone)}</td>
        </tr>
    );
}
