import { error } from "@meterseal/core";
import type { Enrolment } from "@meterseal/record";
import {
    type AcceptedHashes,
    type Chain,
    chainKey,
    type RecordState,
    type StreamState,
    streamKey,
} from "./state.ts";

const NO_HASHES: AcceptedHashes = {
    length: 0,
    block: 0,
    at: () => {
        throw error("MS_INTERNAL", { where: "chain", got: "a hash of a chain that has none" });
    },
};

/**
 * Changes of one entry on top of a state: reads fall through, writes stay here until
 * {@link Draft.commit}. An entry that is refused leaves no trace.
 */
export class Draft {
    readonly state: RecordState;
    readonly #chains = new Map<string, Chain>();
    readonly #streams = new Map<string, StreamState>();
    /** The chain asked for last, by the record that asks: the rules ask several times for each. */
    #last: { readonly subject: Uint8Array; readonly chain: Chain } | null = null;

    constructor(state: RecordState) {
        this.state = state;
    }

    /** Enrolment of a key id (hex). */
    enrolmentOf(kidHex: string): Enrolment | undefined {
        return this.state.keys.get(kidHex);
    }

    /** Chain for writing; undefined when it has not begun. */
    chain(subject: Uint8Array, epoch: number): Chain | undefined {
        const last = this.#last;
        if (last?.subject === subject && last.chain.epoch === epoch) return last.chain;
        const chain = this.#find(subject, epoch);
        if (chain !== undefined) this.#last = { subject, chain };
        return chain;
    }

    #find(subject: Uint8Array, epoch: number): Chain | undefined {
        const key = chainKey(subject, epoch);
        const own = this.#chains.get(key);
        if (own !== undefined) return own;
        const committed = this.state.chains.get(key);
        if (committed === undefined) return undefined;
        const copy = { ...committed, appended: [], pending: new Map(committed.pending) };
        this.#chains.set(key, copy);
        return copy;
    }

    /** Begins a chain, or begins it anew, whose first record names this hash as its predecessor. */
    beginChain(subject: Uint8Array, epoch: number, anchor: Uint8Array): Chain {
        const chain: Chain = {
            subject: subject.slice(),
            epoch,
            anchor: anchor.slice(),
            headSeq: 0,
            headHash: anchor.slice(),
            hashes: NO_HASHES,
            appended: [],
            pending: new Map(),
            frozenAt: null,
            closed: false,
            closedBy: null,
        };
        this.#chains.set(chainKey(subject, epoch), chain);
        this.#last = null;
        return chain;
    }

    /** Stream for writing; undefined when it is not enrolled. */
    stream(stream: Uint8Array, sealEpoch: number): StreamState | undefined {
        const key = streamKey(stream, sealEpoch);
        const own = this.#streams.get(key);
        if (own !== undefined) return own;
        const copy = this.state.streams.get(key);
        if (copy !== undefined) this.#streams.set(key, copy);
        return copy;
    }

    /** Makes the changes part of the state; the draft is empty then. */
    commit(): void {
        for (const [key, chain] of this.#chains) {
            this.state.chains.set(key, chain);
            this.state.facts.touch("chain", key);
        }
        for (const [key, stream] of this.#streams) {
            this.state.streams.set(key, stream);
            this.state.facts.touch("stream", key);
        }
        this.#chains.clear();
        this.#streams.clear();
        this.#last = null;
    }
}
