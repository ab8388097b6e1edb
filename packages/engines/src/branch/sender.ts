import type { BranchStore, Exchange, VertexAnswer } from "@meterseal/ledger";
import type { PendingVertex } from "./pending.ts";
import { readPage } from "./sent.ts";

/** A vertex that is not in the log yet is offered again after this time, taken or refused. */
const OFFER_AGAIN_MS = 30_000;

type Answered = { readonly answer: VertexAnswer; readonly untilMs: number };

/** Offers vertices to somebody, page by page, and remembers what was refused. */
export class Sender {
    readonly #store: Pick<BranchStore, "storedVertex">;
    readonly #nowMs: () => number;
    readonly #answers = new Map<string, Answered>();

    constructor(store: Pick<BranchStore, "storedVertex">, nowMs: () => number) {
        this.#store = store;
        this.#nowMs = nowMs;
    }

    /** Vertices that were answered with something else than "taken", and with what. */
    refused(): Map<string, VertexAnswer> {
        const refused = [...this.#answers].filter(([, { answer }]) => answer !== "taken");
        return new Map(refused.map(([name, { answer }]) => [name, answer]));
    }

    /**
     * Offers vertices, each after its parents; those behind a refused one wait with it.
     * @returns how many were taken.
     */
    async send(to: Pick<Exchange, "offer">, vertices: readonly PendingVertex[]): Promise<number> {
        this.#forget(vertices);
        const held = new Set<string>();
        const wanted = vertices.filter(({ name, parents }) => {
            const answer = this.#answers.get(name)?.answer;
            if (answer === "taken") return false;
            const isHeld = answer !== undefined || parents.some((parent) => held.has(parent));
            if (isHeld) held.add(name);
            return !isHeld;
        });
        let taken = 0;
        for (let at = 0; at < wanted.length; ) {
            const page = await readPage(this.#store, wanted, at);
            if (page.sent.length > 0) {
                const answers = await to.offer(page.sent);
                taken += this.#note(page.vertices, answers);
                if (answers.some((answer) => answer !== "taken")) return taken;
            }
            at = page.next;
        }
        return taken;
    }

    #note(vertices: readonly PendingVertex[], answers: readonly VertexAnswer[]): number {
        let taken = 0;
        for (const [i, { name }] of vertices.entries()) {
            const answer = answers[i] ?? "MS_INTERNAL";
            if (answer === "taken") taken++;
            this.#answers.set(name, { answer, untilMs: this.#nowMs() + OFFER_AGAIN_MS });
        }
        return taken;
    }

    /** Forgets answers that are old, and those about vertices that are no longer on their way. */
    #forget(vertices: readonly PendingVertex[]): void {
        if (this.#answers.size === 0) return;
        const names = new Set(vertices.map(({ name }) => name));
        for (const [name, { untilMs }] of this.#answers) {
            if (untilMs <= this.#nowMs() || !names.has(name)) this.#answers.delete(name);
        }
    }
}
