import type { DagVertex } from "../api/dag.ts";

/**
 * The part of the DAG that is known, in the order of the log without a gap. A vertex has an ordinal that
 * stays when older or newer ones are added: those that were there first begin at 0.
 */
export class DagModel {
    readonly vertices: readonly DagVertex[];
    /** Ordinal of the first vertex: 0 or below. */
    readonly first: number;
    /** Authors, each a lane; those of newer vertices first. */
    readonly lanes: readonly string[];
    /** Whether nothing older is missing. */
    readonly isWhole: boolean;
    /** Ordinals from a vertex back to the furthest that it follows, at most. */
    readonly reach: number;

    private constructor(
        vertices: readonly DagVertex[],
        first: number,
        lanes: readonly string[],
        isWhole: boolean,
    ) {
        this.vertices = vertices;
        this.first = first;
        this.lanes = lanes;
        this.isWhole = isWhole;
        this.reach = reachOf(vertices);
    }

    /** Nothing is known yet. */
    static readonly EMPTY: DagModel = new DagModel([], 0, [], false);

    /** With older vertices before the first, the oldest first. */
    withOlder(older: readonly DagVertex[], isWhole: boolean): DagModel {
        const lanes = lanesWith(this.lanes, older);
        const vertices = [...older, ...this.vertices];
        return new DagModel(vertices, this.first - older.length, lanes, isWhole);
    }

    /** With newer vertices behind the last, the oldest first. */
    withNewer(newer: readonly DagVertex[]): DagModel {
        const lanes = lanesWith(this.lanes, newer);
        return new DagModel([...this.vertices, ...newer], this.first, lanes, this.isWhole);
    }

    /** Ordinal behind the last vertex. */
    get end(): number {
        return this.first + this.vertices.length;
    }

    /** The vertex of an ordinal; undefined where there is none. */
    at(ordinal: number): DagVertex | undefined {
        return this.vertices[ordinal - this.first];
    }

    /** Ordinal of the vertex at a place of the log; null where it is not known. */
    ordinalOf(leafIndex: number): number | null {
        const at = positionOf(this.vertices, leafIndex);
        return this.vertices[at]?.leafIndex === leafIndex ? this.first + at : null;
    }

    laneOf({ author }: DagVertex): number {
        return this.lanes.indexOf(author);
    }

    /** The vertex of a lane that is nearest to an ordinal; null where the lane has none. */
    nearestIn(lane: number, ordinal: number): number | null {
        const author = this.lanes[lane];
        for (let away = 0; away < this.vertices.length; away++) {
            if (this.at(ordinal - away)?.author === author) return ordinal - away;
            if (this.at(ordinal + away)?.author === author) return ordinal + away;
        }
        return null;
    }
}

/** First position whose place in the log is not below one. */
function positionOf(vertices: readonly DagVertex[], leafIndex: number): number {
    let [low, high] = [0, vertices.length];
    while (low < high) {
        const middle = (low + high) >> 1;
        if ((vertices[middle]?.leafIndex ?? 0) < leafIndex) low = middle + 1;
        else high = middle;
    }
    return low;
}

function lanesWith(lanes: readonly string[], vertices: readonly DagVertex[]): readonly string[] {
    const all = new Set(lanes);
    for (const { author } of vertices) all.add(author);
    return all.size === lanes.length ? lanes : [...all];
}

function reachOf(vertices: readonly DagVertex[]): number {
    let reach = 0;
    for (const [i, { parents }] of vertices.entries()) {
        for (const { leafIndex } of parents) {
            if (leafIndex === null) continue;
            const at = positionOf(vertices, leafIndex);
            if (vertices[at]?.leafIndex === leafIndex) reach = Math.max(reach, i - at);
        }
    }
    return reach;
}
