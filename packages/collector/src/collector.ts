import {
    bytesEqual,
    type Clock,
    type CollectorLink,
    type ErrorCode,
    error,
    LIMITS,
    type LinkHandler,
    type Log,
    plainBytes,
    type Signer,
    type Timers,
    toHex,
} from "@meterseal/core";
import {
    type Engine,
    type EngineObserver,
    type Entry,
    type Finality,
    genesisVertexIds,
    type LedgerState,
    type RecordOutcome,
    type RecordStore,
    Tips,
} from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { Admission, holdsRecord } from "./admission.ts";
import { Answers } from "./answers.ts";
import { GroupCommit } from "./group-commit.ts";
import { lastOfChains } from "./last-of-chains.ts";
import { addLastVertices } from "./last-vertices.ts";
import { isLinkTokenValid } from "./link-token.ts";
import { CarryAgain } from "./passed-over.ts";
import { PendingPlaces } from "./pending-places.ts";
import { parseMessage, type Screened, screen } from "./pipeline.ts";
import { RateLimit } from "./rate-limit.ts";
import { ReceiptBook } from "./receipts.ts";
import { StandingSender } from "./standing-sender.ts";
import { takeUp } from "./take-up.ts";
import { type NextTurn, TurnGate } from "./turns.ts";
import { admitAll, type Verdict } from "./verdict.ts";
import { jobOf, type SignatureVerifier, VerifyWindow } from "./verify-window.ts";
import { VertexBuilder } from "./vertex-builder.ts";

/** What a collector works with. */
export type CollectorOptions = {
    readonly store: RecordStore;
    /** Clock of the role, possibly a replay clock: dates receipts and judges record times. */
    readonly clock: Clock;
    /** Real time: rates. */
    readonly steadyClock: Clock;
    readonly timers: Timers;
    /** Resolves in a later turn of the event loop; so no crowd holds up timers and pings. */
    readonly nextTurn: NextTurn;
    readonly signer: Signer;
    /** Author id, 16 bytes, as enrolled. */
    readonly author: Uint8Array;
    readonly keyEpoch: number;
    readonly verify: SignatureVerifier;
    readonly log: Log;
    /** Called once when the store or the engine failed: the process must stop (crash-only). */
    readonly onFatal: (cause: unknown) => void;
    /** Counts what was refused, one call for each record, or for a message that is none. */
    readonly onRefused?: (code: ErrorCode) => void;
};

/** A message whose records are judged, and when they are durable. */
type Taken = Verdict & { readonly durable: Promise<void> };

/** Head-end: takes messages from links, admits records, and carries them to the ledger. */
export class Collector implements LinkHandler, EngineObserver {
    readonly #options: CollectorOptions;
    readonly #admission: Admission;
    readonly #receipts: ReceiptBook;
    readonly #answers: Answers;
    readonly #standing: StandingSender;
    readonly #gate: TurnGate;
    readonly #commits: GroupCommit;
    readonly #window: VerifyWindow;
    readonly #conflictWindow: VerifyWindow;
    readonly #rate: RateLimit;
    readonly #links: CollectorLink[] = [];
    readonly #tips: Tips;
    /** Meters that came to this collector since it started, hexadecimal. */
    readonly #met = new Set<string>();
    readonly #pending = new PendingPlaces();
    readonly #turns = new Map<string, Promise<void>>();
    readonly #work = new Set<Promise<void>>();
    readonly #again: CarryAgain;
    #builder: VertexBuilder | null = null;
    #engine: Engine | null = null;
    #inFlight = 0;
    #closed = false;
    #failed = false;

    /** @param state initial state of the network, for the collector alone. */
    constructor(state: LedgerState, options: CollectorOptions) {
        this.#options = options;
        this.#admission = new Admission(state);
        this.#tips = new Tips(options.author, genesisVertexIds(state.networkId));
        this.#receipts = new ReceiptBook(options.signer, options.clock);
        const { log, steadyClock } = options;
        this.#answers = new Answers({
            receipts: this.#receipts,
            links: this.#links,
            log,
            steadyClock,
        });
        this.#standing = new StandingSender({
            book: this.#receipts,
            nextTurn: options.nextTurn,
            send: (subjectHex, receipt) => this.#answers.send(subjectHex, receipt),
            onFailure: (cause) => log.warn("receipt not sent", { cause: String(cause) }),
        });
        this.#gate = new TurnGate(options.nextTurn);
        this.#commits = new GroupCommit(options.store, options.timers);
        this.#window = new VerifyWindow(options.verify, LIMITS.verifyWindow);
        this.#conflictWindow = new VerifyWindow(options.verify, LIMITS.conflictWindow);
        this.#rate = new RateLimit(options.steadyClock);
        this.#again = new CarryAgain({
            ...{ admission: this.#admission, log, steadyClock },
            commit: (records) => this.#commit(records),
            inBackground: (work) => this.#inBackground(work.catch(() => undefined)), // told by fail
        });
    }

    /**
     * Begins work on an engine that has told this collector of its whole log: hands over vertices
     * and records that a crash left behind.
     */
    async start(engine: Engine): Promise<void> {
        const { author, clock, keyEpoch, log, nextTurn, signer, steadyClock, store, timers } =
            this.#options;
        this.#engine = engine;
        const builder = new VertexBuilder(engine, {
            store,
            ...{ clock, steadyClock, timers },
            nextTurn,
            signer,
            author,
            keyEpoch,
            tips: this.#tips,
            log,
            onFailure: (cause) => this.fail(cause),
        });
        await addLastVertices(this.#tips, engine.state, store);
        await takeUp({
            ...{ author, builder, store },
            admission: this.#admission,
            receipts: this.#receipts,
            passed: this.#again.notHeldBy(engine.state),
        });
        this.#builder = builder;
        this.#again.start(builder);
    }

    /** Messages under way: taken from a link and not answered yet. */
    get inFlight(): number {
        return this.#inFlight;
    }

    /** Listens on a link and returns its address. */
    async listen(link: CollectorLink): Promise<string> {
        this.#links.push(link);
        return await link.listen(this);
    }

    /** Stops the links, and waits until all that was stored is final. */
    async close(): Promise<void> {
        this.#closed = true;
        await Promise.all(this.#links.map((link) => link.close()));
        await Promise.allSettled(this.#work);
        await this.#builder?.flush();
        await Promise.allSettled(this.#work);
    }

    /** Judges by the engine's state, and looks up what is behind its beginning (EngineObserver). */
    begin(state: LedgerState): void {
        this.#admission.share(state);
        this.#receipts.lookUpIn({
            state,
            head: () => this.#requireEngine().head(),
            leafOf: (place, hash) => this.#options.store.leafOfRecord(place, hash),
        });
    }

    /** Follows the log: the admission's view, and what is on disk (EngineObserver). */
    entryLogged(entry: Entry, timeMs: number): void {
        const released = this.#admission.follow(entry, timeMs, this.#options.clock.nowMs());
        if (released.length > 0) this.#inBackground(this.#takeReleased(released));
        const isRemoval = entry.kind === "revocation";
        if (isRemoval && bytesEqual(entry.revocation.id, this.#options.author)) {
            this.#options.log.warn("the operator removed this collector: it takes nothing more");
        }
        if (entry.kind !== "vertex") return;
        this.#tips.add(entry.vertex, this.#engine?.head().size ?? 0);
        for (const record of lastOfChains(entry.records, (each) => this.#isAccepted(each))) {
            this.#receipts.noteStored(record);
        }
    }

    /** Hands out final receipts for the chains' records; others are evidence (EngineObserver). */
    entryFinal(
        entry: Entry,
        timeMs: number,
        finality: Finality,
        outcomes: readonly RecordOutcome[],
    ): void {
        if (entry.kind !== "vertex") return;
        const isOwn = bytesEqual(entry.vertex.author, this.#options.author);
        if (isOwn) this.#again.note(entry.records, outcomes, timeMs);
        for (const record of lastOfChains(entry.records, (each) => this.#isAccepted(each))) {
            this.#noteFinal(record, finality);
        }
        for (const released of this.#pending.follow(entry.records, outcomes, finality)) {
            if (this.#isAccepted(released.record))
                this.#noteFinal(released.record, released.finality);
        }
    }

    #noteFinal(record: MeterRecord, finality: Finality | null): void {
        if (finality === null) this.#receipts.noteUnplaced(record);
        else this.#receipts.noteFinal(record, finality);
        const subjectHex = toHex(record.subject);
        // Others hear of it from their own collector, or here when they come and ask.
        if (this.#builder === null || !this.#met.has(subjectHex)) return;
        this.#inBackground(this.#standing.send(subjectHex, record));
    }

    /** True when the ledger holds the record in its chain; the admission may be ahead of it. */
    #isAccepted(record: MeterRecord): boolean {
        const engine = this.#engine;
        return engine === null ? this.#admission.holds(record) : holdsRecord(engine.state, record);
    }

    /** Lets a meter in whose token is signed by a key enrolled for the subject (LinkHandler). */
    async authenticate(subjectHex: string, token: Uint8Array): Promise<boolean> {
        return await isLinkTokenValid(token, subjectHex, {
            enrolmentOf: (kid) => this.#admission.enrolmentOf(kid),
            verify: async (message, key) => {
                const [valid] = await this.#window.verify([jobOf(message, key)]);
                return valid === true;
            },
            networkId: this.#requireEngine().state.networkId,
        });
    }

    /** From now on the meter is told what becomes final; it asks by sending what it holds (LinkHandler). */
    connected(subjectHex: string): void {
        this.#met.add(subjectHex);
    }

    /** Takes one message; resolves when its records are durable or answered (LinkHandler). */
    async receive(subjectHex: string, message: Uint8Array): Promise<void> {
        const isFull =
            this.#inFlight >= LIMITS.ingestMessages ||
            this.#builder?.isFullFor(subjectHex) === true;
        if (this.#closed || this.#failed || isFull) {
            this.#options.onRefused?.("MS_BUSY");
            throw error("MS_BUSY");
        }
        // The ledger takes nothing more of a removed author: a receipt would promise what nobody keeps.
        if (this.#requireEngine().state.revoked.has(toHex(this.#options.author))) {
            this.#options.onRefused?.("MS_FROZEN");
            throw error("MS_FROZEN", { got: "a collector that was removed" });
        }
        this.#inFlight++;
        const work = this.#take(subjectHex, message);
        this.#work.add(work);
        try {
            await work;
        } finally {
            this.#work.delete(work);
            this.#inFlight--;
        }
    }

    async #take(subjectHex: string, message: Uint8Array): Promise<void> {
        await this.#builder?.room();
        await this.#gate.enter(message.length);
        const records = parseMessage(plainBytes(message));
        if (!records.ok) {
            this.#options.onRefused?.(records.error.code);
            await this.#answers.reject(subjectHex, records.error);
            return;
        }
        this.#met.add(subjectHex);
        const { durable, refusals, standing } = await this.#takeTurn(subjectHex, records.value);
        await durable;
        if (this.#failed) throw error("MS_INTERNAL");
        if (standing !== null) await this.#standing.send(subjectHex, standing);
        for (const refusal of refusals) await this.#answers.refuse(subjectHex, refusal);
    }

    /** Verifies at once, admits in the order in which the messages of a subject came. */
    async #takeTurn(subjectHex: string, records: readonly MeterRecord[]): Promise<Taken> {
        const options = {
            admission: this.#admission,
            window: this.#window,
            conflictWindow: this.#conflictWindow,
            rate: this.#rate,
        };
        const screened = screen(options, subjectHex, records);
        screened.catch(() => undefined); // awaited below, perhaps much later
        const before = this.#turns.get(subjectHex) ?? Promise.resolve();
        const admitted = before.then(async () => this.#admit(await screened));
        const turn = admitted.then(
            () => undefined,
            () => undefined,
        );
        this.#turns.set(subjectHex, turn);
        try {
            return await admitted;
        } finally {
            if (this.#turns.get(subjectHex) === turn) this.#turns.delete(subjectHex);
        }
    }

    /** Applies the rules; what is admitted goes to the disk in the same order. */
    #admit(screened: readonly Screened[]): Taken {
        const { clock, onRefused = () => undefined } = this.#options;
        const verdict = admitAll(this.#admission, screened, clock.nowMs(), onRefused);
        const durable = this.#store(verdict.stored, verdict.standing);
        durable.catch(() => undefined); // awaited by the caller
        return { ...verdict, durable };
    }

    /** Resolves when the records are durable, and what the standing is about as well. */
    async #store(records: readonly MeterRecord[], standing: MeterRecord | null): Promise<void> {
        const waits = standing !== null && !this.#receipts.isStored(standing);
        if (records.length === 0 && !waits) return;
        const added = await this.#commit(records);
        for (const record of lastOfChains(records, (each) => this.#admission.holds(each))) {
            this.#receipts.noteStored(record);
        }
        this.#builder?.add([...added]);
    }

    /** Resolves with those that wait for a vertex now and did not before, once all are on disk. */
    async #commit(records: readonly MeterRecord[]): Promise<ReadonlySet<MeterRecord>> {
        try {
            const added = new Set(await this.#commits.commit(records));
            const engine = this.#requireEngine();
            for (const record of records) engine.markVerified(record.message);
            return added;
        } catch (cause) {
            this.fail(cause); // memory is ahead of the disk: stop, never acknowledge
            throw cause;
        }
    }

    /** Stores records that waited for one that another collector has brought, and says so. */
    async #takeReleased(records: readonly MeterRecord[]): Promise<void> {
        try {
            await this.#store(records, null);
        } catch {
            return; // the collector has failed, and stops
        }
        for (const record of lastOfChains(records, (each) => this.#admission.holds(each))) {
            await this.#standing.send(toHex(record.subject), record);
        }
    }

    /** Stops for good, once, as where its engine failed: nothing is acknowledged from here on. */
    fail(cause: unknown): void {
        if (this.#failed) return;
        this.#failed = true;
        this.#answers.end();
        this.#options.onFatal(cause);
    }

    #inBackground(work: Promise<void>): void {
        const tracked = work.finally(() => this.#work.delete(tracked));
        this.#work.add(tracked);
    }

    #requireEngine(): Engine {
        if (this.#engine === null) throw error("MS_BUSY", { expected: "a started collector" });
        return this.#engine;
    }
}
