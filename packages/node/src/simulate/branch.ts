import { Collector } from "@meterseal/collector";
import {
    type Clock,
    error,
    type Log,
    type SignatureJob,
    type Signer,
    unwrap,
} from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import { BranchEngine, type BranchPeer } from "@meterseal/engines/branch";
import { type Exchange, stateOfGenesis } from "@meterseal/ledger";
import { createMemoryLink, type MemoryLink } from "@meterseal/links/memory";
import { MemoryServerStore } from "@meterseal/stores/memory";
import { nextTurn, systemClock, systemRandom, systemTimers } from "../clocks.ts";

/** What a simulated branch is made from. */
export type SimulatedBranchOptions = {
    readonly genesis: Uint8Array;
    /** The replay clock. */
    readonly clock: Clock;
    readonly verify: (jobs: readonly SignatureJob[]) => Promise<readonly boolean[]>;
    readonly onFailure: (cause: unknown) => void;
};

const QUIET: Log = { info: () => undefined, warn: () => undefined };

/**
 * A branch in this process: engine and collector of production on a store in memory. Its meter sits in
 * the same case, so that it is itself a node that writes (class 3 of the fourth paper).
 */
export class SimulatedBranch {
    readonly signer: Signer = signerFromPem(generatePrivateKeyPem("es256"));
    /** Author id, 16 bytes. */
    readonly author: Uint8Array = systemRandom.bytes(16);
    /** Where its meters send. */
    readonly link: MemoryLink = createMemoryLink();
    readonly #options: SimulatedBranchOptions;
    #store = new MemoryServerStore();
    #engine: BranchEngine | null = null;
    #collector: Collector | null = null;
    #life = 0;

    constructor(options: SimulatedBranchOptions) {
        this.#options = options;
    }

    get engine(): BranchEngine {
        if (this.#engine === null) throw error("MS_LINK", { got: "a branch that does not run" });
        return this.#engine;
    }

    /** Starts on what is on its disk. */
    async start(sequencer: Exchange, peers: readonly BranchPeer[]): Promise<void> {
        const { clock, genesis, onFailure, verify } = this.#options;
        const life = ++this.#life;
        const onFatal = (cause: unknown): void => {
            if (life === this.#life) onFailure(cause); // after a power cut the old life fails, unheard
        };
        await this.#store.initialize(genesis);
        const collector = new Collector(unwrap(stateOfGenesis(genesis)), {
            ...{ store: this.#store, clock, steadyClock: systemClock, timers: systemTimers },
            ...{ nextTurn, signer: this.signer, author: this.author, keyEpoch: 0 },
            ...{ verify, log: QUIET, onFatal },
        });
        const engine = await BranchEngine.open({
            ...{ store: this.#store, observer: collector, clock: systemClock, log: QUIET },
            ...{ timers: systemTimers, verify, author: this.author, sequencer, peers, onFatal },
            onEvidence: (evidence) => onFailure(new Error(`evidence: ${evidence.kind}`)),
        });
        await collector.start(engine);
        engine.start();
        await collector.listen(this.link.collector);
        this.#engine = engine;
        this.#collector = collector;
    }

    /** Cuts its power: what was not on its disk is gone. */
    async crash(): Promise<void> {
        this.#life++;
        this.#store = this.#store.crash();
        const engine = this.#engine;
        this.#engine = null;
        await this.link.collector.close();
        await engine?.close().catch(() => undefined);
    }

    /** Ends properly. */
    async stop(): Promise<void> {
        await this.#collector?.close();
        await this.#engine?.close();
        this.#life++;
    }
}
