import { toHex } from "@meterseal/core";
import type {
    AcceptedHashes,
    Chain,
    LedgerState,
    RecordState,
    StreamState,
} from "@meterseal/ledger";

/** What was admitted of one subject and is not all in the log yet. */
type Ahead = { readonly chains: Map<string, Chain>; readonly streams: Map<string, StreamState> };

/**
 * The ledger's state with what was admitted here on top of it: of each subject whose records are on
 * their way to the log, its chains and streams as they will be. So the collector needs no copy of the
 * state of a million meters, only of those that it is ahead of.
 */
export class AheadState implements RecordState {
    readonly keys: LedgerState["keys"];
    readonly keyEnds: LedgerState["keyEnds"];
    readonly revoked: LedgerState["revoked"];
    /** Nobody asks for a root over this. */
    readonly facts: RecordState["facts"] = { touch: () => undefined };
    readonly chains: RecordState["chains"];
    readonly streams: RecordState["streams"];
    readonly #base: LedgerState;
    /** By subject, hexadecimal. */
    readonly #ahead = new Map<string, Ahead>();
    /** Streams that are ahead, by name. */
    readonly #streams = new Map<string, StreamState>();

    /** @param base - of the engine, which alone changes it. */
    constructor(base: LedgerState) {
        this.#base = base;
        this.keys = base.keys;
        this.keyEnds = base.keyEnds;
        this.revoked = base.revoked;
        this.chains = {
            get: (name) =>
                this.#ahead.get(subjectOf(name))?.chains.get(name) ?? base.chains.get(name),
            set: (name, chain) => this.#of(chain.subject).chains.set(name, kept(chain)),
        };
        this.streams = {
            get: (name) => copyOf(this.#streams.get(name)) ?? base.streams.get(name),
            set: (name, stream) => {
                this.#streams.set(name, stream);
                this.#of(stream.subject).streams.set(name, stream);
            },
        };
    }

    /** Subjects that this is ahead of the log with. */
    get size(): number {
        return this.#ahead.size;
    }

    /** True where something of a subject may be ahead of the log. */
    has(subject: Uint8Array): boolean {
        return this.#ahead.size > 0 && this.#ahead.has(toHex(subject));
    }

    /** Forgets a subject again that the log has caught up with; told after each of its entries. */
    settle(subject: Uint8Array): void {
        const own = this.#ahead.get(toHex(subject));
        if (own === undefined) return;
        for (const [name, chain] of own.chains) {
            if (!isReached(chain, this.#base.chains.get(name))) return;
        }
        this.#drop(toHex(subject), own);
    }

    /**
     * Forgets what is ahead in chain epochs from one on, also that they have begun: another key writes them,
     * by a new enrolment.
     */
    forgetEpochs(subject: Uint8Array, fromEpoch: number): void {
        const own = this.#ahead.get(toHex(subject));
        if (own === undefined) return;
        for (const [name, chain] of own.chains) {
            if (chain.epoch >= fromEpoch) own.chains.delete(name);
            else if (chain.epoch === fromEpoch - 1) {
                own.chains.set(name, { ...chain, closed: false, closedBy: null });
            }
        }
        this.settle(subject);
    }

    #drop(subjectHex: string, { streams }: Ahead): void {
        for (const name of streams.keys()) this.#streams.delete(name);
        this.#ahead.delete(subjectHex);
    }

    #of(subject: Uint8Array): Ahead {
        const name = toHex(subject);
        const own = this.#ahead.get(name) ?? { chains: new Map(), streams: new Map() };
        this.#ahead.set(name, own);
        return own;
    }
}

/** Subject in the name of a chain, see `chainKey`. */
function subjectOf(name: string): string {
    return name.slice(0, name.indexOf("/"));
}

/** A stream is changed by whoever asks for it. */
function copyOf(stream: StreamState | undefined): StreamState | undefined {
    return stream === undefined ? undefined : { ...stream };
}

/** True where the log's chain says all that ours does. */
function isReached(own: Chain, logged: Chain | undefined): boolean {
    const isBlank = own.headSeq === 0 && own.frozenAt === null && !own.closed;
    if (logged === undefined) return isBlank;
    if (isBlank) return logged.headSeq === 0;
    const isFrozen = own.frozenAt === null || (logged.frozenAt ?? own.frozenAt + 1) <= own.frozenAt;
    const isAsLong = logged.headSeq >= own.headSeq || logged.frozenAt !== null;
    return isFrozen && isAsLong && (logged.closed || !own.closed);
}

/** A chain as a table keeps it: what was appended is among its hashes. */
function kept(chain: Chain): Chain {
    const pending = new Map(chain.pending);
    if (chain.appended.length === 0) return { ...chain, pending };
    const { appended, hashes } = chain;
    const before = hashes instanceof GrownHashes ? hashes : new GrownHashes(hashes, []);
    return { ...chain, hashes: before.and(appended), appended: [], pending };
}

/** Hashes of the log's table, and those that are not in it yet. */
class GrownHashes implements AcceptedHashes {
    readonly length: number;
    readonly block: number;
    readonly #logged: AcceptedHashes;
    readonly #more: readonly Uint8Array[];

    constructor(logged: AcceptedHashes, more: readonly Uint8Array[]) {
        this.#logged = logged;
        this.#more = more;
        this.block = logged.block;
        this.length = logged.length + more.length;
    }

    at(index: number): Uint8Array {
        const { length } = this.#logged;
        return index < length ? this.#logged.at(index) : (this.#more[index - length] as Uint8Array);
    }

    and(more: readonly Uint8Array[]): GrownHashes {
        return new GrownHashes(this.#logged, [...this.#more, ...more]);
    }
}
