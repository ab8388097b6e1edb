import { error, LIMITS, toHex } from "@meterseal/core";
import type { BranchStore, LedgerState, SentVertex, Vertex, VertexAnswer } from "@meterseal/ledger";
import type { Sign1 } from "@meterseal/record";
import type { VerifySignatures } from "../signature-jobs.ts";
import { type Evicted, Orphans } from "./orphans.ts";
import type { PendingDag } from "./pending.ts";
import { type ScreenedVertex, screenVertex } from "./screen.ts";

/** Two vertices that one author signed for one place. */
export type ForkEvidence = {
    readonly kind: "vertex fork";
    /** Author, hexadecimal. */
    readonly author: string;
    /** The whole signed messages. */
    readonly known: Uint8Array;
    readonly other: Uint8Array;
};

/** What an inbox works with. */
export type InboxOptions = {
    readonly state: LedgerState;
    readonly pending: PendingDag;
    readonly store: Pick<BranchStore, "storedVertex" | "takeVertices">;
    readonly verify: VerifySignatures;
    /** The vertex is on disk and attaches. */
    readonly onTaken: () => void;
    readonly onVerified: (message: Sign1) => void;
    readonly onFork: (evidence: ForkEvidence) => void;
};

/** Takes vertices of other branches in before the log has them: a union of sets, in any order. */
export class Inbox {
    readonly #options: InboxOptions;
    readonly #orphans = new Orphans();
    readonly #refused = new Map<string, number>();
    #queue: Promise<unknown> = Promise.resolve();

    constructor(options: InboxOptions) {
        this.#options = options;
    }

    /** Vertices that wait for parents. */
    get orphans(): number {
        return this.#orphans.size;
    }

    /** Orphans that were dropped for want of room, by author. */
    get evicted(): Evicted {
        return this.#orphans.evicted;
    }

    /** Vertices that were refused, by code. */
    get refused(): ReadonlyMap<string, number> {
        return this.#refused;
    }

    /**
     * Takes vertices, one page at a time; what is answered "taken" is on disk.
     * @throws MetersealError MS_BUSY where no more of others can be kept.
     */
    offer(vertices: readonly SentVertex[]): Promise<VertexAnswer[]> {
        const answered = this.#queue.then(() => this.#takeAll(vertices));
        this.#queue = answered.catch(() => undefined);
        return answered;
    }

    /** Lets vertices in whose parents came with the log. */
    async release(): Promise<void> {
        if (this.#orphans.size > 0) await this.offer([]);
    }

    async #takeAll(vertices: readonly SentVertex[]): Promise<VertexAnswer[]> {
        const { pending, state, verify } = this.#options;
        const answers: VertexAnswer[] = [];
        for (const sent of vertices) {
            if (pending.counts.foreign >= LIMITS.foreignVertices) {
                const expected = `at most ${LIMITS.foreignVertices} vertices that are not in the log`;
                throw error("MS_BUSY", { expected });
            }
            const screened = await screenVertex(state, sent, verify);
            const answer = screened.ok ? await this.#take(screened.value) : screened.error.code;
            if (answer !== "taken" && answer !== "waits") {
                this.#refused.set(answer, (this.#refused.get(answer) ?? 0) + 1);
            }
            answers.push(answer);
        }
        await this.#releaseOrphans();
        return answers;
    }

    async #releaseOrphans(): Promise<void> {
        const { has } = this.#options.pending;
        for (let ready = this.#orphans.release(has); ready.length > 0; ) {
            for (const vertex of ready) await this.#take(vertex);
            ready = this.#orphans.release(has);
        }
    }

    async #take(screened: ScreenedVertex): Promise<VertexAnswer> {
        const { vertex } = screened;
        const fit = this.#options.pending.fit(vertex);
        switch (fit.kind) {
            case "known":
                return "taken";
            case "orphan":
                this.#orphans.add(screened, fit.missing);
                return "waits";
            case "wrong round":
                return "MS_VERTEX_PARENTS";
            case "frozen":
                return "MS_FROZEN";
            case "fork":
                await this.#keepFork(vertex);
                return "MS_VERTEX_FORK";
            case "attaches":
                await this.#attach(screened);
                return "taken";
        }
    }

    async #attach({ records, vertex }: ScreenedVertex): Promise<void> {
        const { onTaken, onVerified, pending, store } = this.#options;
        const { bytes } = vertex.message;
        await store.takeVertices([{ id: vertex.id.bytes, bytes, records }]);
        pending.add(vertex);
        for (const record of records) onVerified(record.message);
        onTaken();
    }

    /** The other vertex of that place, where it is here. */
    async #keepFork(vertex: Vertex): Promise<void> {
        const { onFork, pending, state, store } = this.#options;
        const author = toHex(vertex.author);
        const rivals = pending.inOrder().filter((each) => each.author === author);
        const rival =
            rivals.find(({ round }) => round === vertex.round)?.name ??
            rivals.at(-1)?.name ??
            state.authors.get(author)?.lastVertex;
        const stored = rival == null ? null : await store.storedVertex(pending.idOf(rival));
        if (stored === null) return;
        onFork({ kind: "vertex fork", author, known: stored.bytes, other: vertex.message.bytes });
    }
}
