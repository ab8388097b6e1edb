import type { ReactNode } from "react";
import { type DagVertex, proofPath } from "../api/dag.ts";
import { formatCount, formatCounted, formatMoment, shortHex } from "../format.ts";
import type { DagModel } from "./model.ts";

type VertexCardProps = {
    readonly model: DagModel;
    readonly vertex: DagVertex;
    readonly zone: string;
    onChoose(ordinal: number): void;
};

/** Everything that is known of one vertex, and the way to its proof. */
export function VertexCard({ model, vertex, zone, onChoose }: VertexCardProps): ReactNode {
    const { author, bodyBytes, checkpoint, id, leafIndex, records, round, timeMs } = vertex;
    const facts: readonly (readonly [string, ReactNode])[] = [
        ["Id", <code key="id">{id}</code>],
        ["Collector that signed it", <code key="author">{author}</code>],
        ["Round", formatCount(round)],
        ["Records", `${formatCounted(records, "record")}, ${formatCount(bodyBytes)} bytes`],
        ["Taken into the log", formatMoment(timeMs / 1000, zone)],
        ["Follows", <Parents key="parents" {...{ model, vertex, onChoose }} />],
        [
            "Checkpoint over it",
            checkpoint === null ? "none yet" : `of ${formatCount(checkpoint)} entries`,
        ],
        [
            "Receipt",
            <a key="proof" href={proofPath(vertex)} download={`vertex-${leafIndex}.tlog-proof`}>
                Proof that it stands in the log
            </a>,
        ],
    ];
    return (
        <section className="card" aria-labelledby="vertex-title" data-testid="vertex">
            <h2 id="vertex-title">Vertex at place {formatCount(leafIndex)} of the log</h2>
            <dl className="facts">
                {facts.map(([name, value]) => (
                    <div key={name}>
                        <dt>{name}</dt>
                        <dd>{value}</dd>
                    </div>
                ))}
            </dl>
        </section>
    );
}

function Parents({ model, onChoose, vertex }: Omit<VertexCardProps, "zone">): ReactNode {
    return (
        <ul className="parents">
            {vertex.parents.map(({ id, leafIndex }) => {
                if (leafIndex === null) return <li key={id}>the genesis of the network</li>;
                const ordinal = model.ordinalOf(leafIndex);
                const followed = ordinal === null ? undefined : model.at(ordinal);
                const name = `place ${formatCount(leafIndex)}`;
                if (ordinal === null || followed === undefined) return <li key={id}>{name}</li>;
                const isOwn = followed.author === vertex.author;
                return (
                    <li key={id}>
                        <button type="button" className="link" onClick={() => onChoose(ordinal)}>
                            {name}
                        </button>
                        , {isOwn ? "its own" : `of ${shortHex(followed.author)}`}
                    </li>
                );
            })}
        </ul>
    );
}
