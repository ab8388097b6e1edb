import { type ReactNode, useEffect, useRef, useState } from "react";
import type { NetworkView } from "../api/use-network.ts";
import { formatCount, formatCounted } from "../format.ts";
import { ROUTES } from "../route.ts";
import "../styles/ledger.css";
import { Notice } from "../ui/notice.tsx";
import { DagPicture } from "./picture.tsx";
import { type Dag, useDag } from "./use-dag.ts";
import { VertexCard } from "./vertex-card.tsx";
import { VertexTable } from "./vertex-table.tsx";

/** How the ledger grew: who wrote what, whose vertices it follows, and which checkpoints cover it. */
export function LedgerPage({ view }: { readonly view: NetworkView }): ReactNode {
    const dag = useDag(view.network?.ledger.vertices ?? null);
    const [chosen, setChosen] = useState<number | null>(null);
    const heading = useRef<HTMLHeadingElement>(null);
    useEffect(() => heading.current?.focus(), []);
    const { model } = dag;
    const vertex = chosen === null ? undefined : model.at(chosen);
    // The ledger has no zone of its own: the meters have, and mostly one.
    const zone = view.meters[0]?.zone ?? "UTC";
    return (
        <div className="page">
            <div className="headline">
                <p>
                    <a href={ROUTES.neighbourhood}>Neighbourhood</a>
                </p>
                <h1 ref={heading} tabIndex={-1}>
                    How the ledger grew
                </h1>
                <p className="lead">
                    Each collector writes what its meters sent into vertices, also while it is cut
                    off from the others. A vertex names those that it follows; where a line comes
                    from another lane, one collector took up what another had written. Nothing that
                    is followed can be changed or taken out without it showing.
                </p>
            </div>
            <section className="card" aria-labelledby="dag-title">
                <h2 id="dag-title">Vertices, from the oldest to the newest</h2>
                <Found dag={dag} />
                {model.vertices.length > 0 && (
                    <>
                        <DagPicture
                            model={model}
                            chosen={chosen}
                            zone={zone}
                            onChoose={setChosen}
                        />
                        <p className="hint">
                            Above: when the log took vertices in. Below: sizes of the log that a
                            signed checkpoint covers. A name at the left is the beginning of a
                            collector's id.
                        </p>
                        <VertexTable
                            model={model}
                            chosen={chosen}
                            zone={zone}
                            onChoose={setChosen}
                        />
                    </>
                )}
            </section>
            <div aria-live="polite">
                {vertex !== undefined && (
                    <VertexCard model={model} vertex={vertex} zone={zone} onChoose={setChosen} />
                )}
            </div>
        </div>
    );
}

/** How much of the ledger is here. */
function Found({ dag }: { readonly dag: Dag }): ReactNode {
    const { failed, isLoading, model, more, size } = dag;
    const count = model.vertices.length;
    if (count === 0 && !isLoading) return <p className="empty">There are no vertices yet.</p>;
    return (
        <>
            {failed && (
                <Notice kind="fault" title="The server does not answer" code="MS_LINK">
                    <p>What is drawn is what it said before; it is asked again by itself.</p>
                </Notice>
            )}
            <p className="hint" data-testid="dag-found" data-loading={isLoading}>
                {isLoading
                    ? `${formatCounted(count, "vertex", "vertices")} until now, fetching older ones …`
                    : `${formatCounted(count, "vertex", "vertices")} of ${formatCounted(model.lanes.length, "collector")}, in a log of ${formatCount(size)} entries.`}
            </p>
            {!isLoading && !model.isWhole && (
                <p className="actions">
                    <button type="button" className="button" onClick={more}>
                        Fetch older vertices
                    </button>
                </p>
            )}
        </>
    );
}
