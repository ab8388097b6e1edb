import { error } from "@meterseal/core";
import type { Exchange, Heads, LogPage, SentVertex, VertexAnswer } from "@meterseal/ledger";
import type { Draws } from "./random.ts";

/** Share of messages and of answers that vanish on a link that is up. */
const LOSS = 0.15;

/** A link that is cut now and then, and loses requests and answers while it stands. */
export class UnreliableExchange implements Exchange {
    /** False while the link is cut. */
    up = true;
    readonly #far: () => Exchange;
    readonly #draws: Draws;

    constructor(far: () => Exchange, draws: Draws) {
        this.#far = far;
        this.#draws = draws;
    }

    logPage(fromIndex: number): Promise<LogPage> {
        return this.#cross((far) => far.logPage(fromIndex));
    }

    heads(): Promise<Heads> {
        return this.#cross((far) => far.heads());
    }

    missing(heads: Heads): Promise<readonly SentVertex[]> {
        return this.#cross((far) => far.missing(heads));
    }

    offer(vertices: readonly SentVertex[]): Promise<readonly VertexAnswer[]> {
        return this.#cross((far) => far.offer(vertices));
    }

    submit(item: Uint8Array): Promise<unknown> {
        return this.#cross((far) => far.submit(item));
    }

    /** What was asked may have been done where the answer is lost: the same comes again. */
    async #cross<Answer>(ask: (far: Exchange) => Promise<Answer>): Promise<Answer> {
        this.#fail("a request");
        const answer = await ask(this.#far());
        this.#fail("an answer");
        return answer;
    }

    #fail(what: string): void {
        if (!this.up) throw error("MS_LINK", { got: "the link is cut" });
        if (this.#draws.next() < LOSS) throw error("MS_LINK", { got: `${what} was lost` });
    }
}
