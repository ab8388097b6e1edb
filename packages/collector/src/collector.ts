import {
    type Clock,
    type CollectorLink,
    error,
    fromHex,
    LIMITS,
    type LinkHandler,
    type Log,
    type MetersealError,
    plainBytes,
    type Signer,
    type Timers,
    toHex,
    unwrap,
} from "@meterseal/core";
import type {
    Engine,
    EngineObserver,
    Entry,
    Finality,
    LedgerState,
    RecordStore,
    Vertex,
} from "@meterseal/ledger";
import { type MeterRecord, parseRecord } from "@meterseal/record";
import { Admission } from "./admission.ts";
import { GroupCommit } from "./group-commit.ts";
import { isLinkTokenValid } from "./link-token.ts";
import { parseMessage, type Screened, screen } from "./pipeline.ts";
import { RateLimit } from "./rate-limit.ts";
import { ReceiptBook } from "./receipts.ts";
import { type SignatureVerifier, VerifyWindow } from "./verify-window.ts";
import { VertexBuilder } from "./vertex-builder.ts";

/** What a collector works with. */
export type CollectorOptions = {
    readonly store: RecordStore;
    /** Clock of the role, possibly a replay clock: dates receipts and judges record times. */
    readonly clock: Clock;
    /** Real time: rates. */
    readonly steadyClock: Clock;
    readonly timers: Timers;
    readonly signer: Signer;
    /** Author id, 16 bytes, as enrolled. */
    readonly author: Uint8Array;
    readonly keyEpoch: number;
    readonly verify: SignatureVerifier;
    readonly log: Log;
    /** Called once when the store or the engine failed: the process must stop (crash-only). */
    readonly onFatal: (cause: unknown) => void;
};

/** Head-end: takes messages from links, admits records, and carries them to the ledger. */
export class Collector implements LinkHandler, EngineObserver {
    readonly #options: CollectorOptions;
    readonly #admission: Admission;
    readonly #receipts: ReceiptBook;
    readonly #commits: GroupCommit;
    readonly #window: VerifyWindow;
    readonly #rate: RateLimit;
    readonly #links: CollectorLink[] = [];
    readonly #own: Vertex[] = [];
    readonly #turns = new Map<string, Promise<void>>();
    readonly #lastUnsigned = new Map<string, number>();
    #builder: VertexBuilder | null = null;
    #engine: Engine | null = null;
    #inFlight = 0;

    /** @param state initial state of the network, for the collector alone. */
    constructor(state: LedgerState, options: CollectorOptions) {
        this.#options = options;
        this.#admission = new Admission(state);
        this.#receipts = new ReceiptBook(options.signer, options.clock);
        this.#commits = new GroupCommit(options.store, options.timers);
        this.#window = new VerifyWindow(options.verify);
        this.#rate = new RateLimit(options.steadyClock);
    }

    /**
     * Begins work on an engine that has told this collector of its whole log: hands over vertices
     * and records that a crash left behind.
     */
    async start(engine: Engine): Promise<void> {
        const { author, keyEpoch, onFatal, signer, store, timers } = this.#options;
        this.#engine = engine;
        const parse = (bytes: Uint8Array): MeterRecord => unwrap(parseRecord(bytes));
        for (const { bytes, body } of await store.openVertices()) {
            await engine.submit(bytes, body.map(parse));
        }
        const builder = new VertexBuilder(engine, this.#own, {
            store,
            timers,
            signer,
            author,
            keyEpoch,
            onFailure: onFatal,
        });
        const loose = (await store.looseRecords()).map(parse);
        for (const record of loose) {
            this.#admission.admit(record, engine.state.lastTimeMs);
            this.#receipts.noteStored(record);
            engine.markVerified(record.message);
        }
        builder.add(loose);
        this.#builder = builder;
    }

    /** Listens on a link and returns its address. */
    async listen(link: CollectorLink): Promise<string> {
        this.#links.push(link);
        return await link.listen(this);
    }

    /** Stops the links, and waits until all that was stored is final. */
    async close(): Promise<void> {
        await Promise.all(this.#links.map((link) => link.close()));
        await Promise.all(this.#turns.values());
        await this.#builder?.flush();
    }

    /** Follows the log: the admission's view, and the final receipts (EngineObserver). */
    entryFinal(entry: Entry, timeMs: number, finality: Finality): void {
        this.#admission.follow(entry, timeMs);
        if (entry.kind === "enrolment") return;
        if (toHex(entry.vertex.author) === toHex(this.#options.author))
            this.#own.push(entry.vertex);
        if (this.#own.length > 2) this.#own.shift();
        const last = new Map<string, MeterRecord>();
        for (const record of entry.records) {
            this.#receipts.noteFinal(record, finality);
            last.set(toHex(record.subject), record);
        }
        if (this.#builder === null) return; // replaying the log at start: nobody is connected
        for (const [subjectHex, record] of last) {
            this.#inBackground(this.#sendStanding(subjectHex, record));
        }
    }

    /** Lets a meter in whose token is signed by a key enrolled for the subject (LinkHandler). */
    async authenticate(subjectHex: string, token: Uint8Array): Promise<boolean> {
        return await isLinkTokenValid(token, subjectHex, {
            enrolmentOf: (kid) => this.#admission.enrolmentOf(kid),
            verify: (message, key) => this.#window.verify(message, key),
            networkId: this.#requireEngine().state.networkId,
        });
    }

    /** Nothing to do: a meter that connects asks by sending what it holds (LinkHandler). */
    connected(): void {}

    /** Takes one message; resolves when its records are durable or answered (LinkHandler). */
    async receive(subjectHex: string, message: Uint8Array): Promise<void> {
        if (this.#inFlight >= LIMITS.ingestMessages) throw error("MS_BUSY");
        this.#inFlight++;
        try {
            const records = parseMessage(plainBytes(message));
            if (!records.ok) {
                await this.#answerMalformed(subjectHex, records.error);
                return;
            }
            await this.#takeTurn(subjectHex, records.value);
        } finally {
            this.#inFlight--;
        }
    }

    /** Verifies at once, admits in the order in which the messages of a subject came. */
    async #takeTurn(subjectHex: string, records: readonly MeterRecord[]): Promise<void> {
        const options = {
            admission: this.#admission,
            window: this.#window,
            rate: this.#rate,
            clock: this.#options.clock,
        };
        const screened = Promise.all(records.map((record) => screen(options, subjectHex, record)));
        const before = this.#turns.get(subjectHex) ?? Promise.resolve();
        const admitted = before.then(async () => this.#admitAll(subjectHex, await screened));
        const turn = admitted.then(
            () => undefined,
            () => undefined,
        );
        this.#turns.set(subjectHex, turn);
        try {
            const finish = await admitted;
            await finish();
        } finally {
            if (this.#turns.get(subjectHex) === turn) this.#turns.delete(subjectHex);
        }
    }

    /** Applies the rules in order; what comes back waits for the disk and answers the meter. */
    #admitAll(subjectHex: string, screened: readonly Screened[]): () => Promise<void> {
        const timeMs = this.#options.clock.nowMs();
        const stored: MeterRecord[] = [];
        const answers: (() => Promise<Uint8Array>)[] = [];
        let standing: MeterRecord | null = null;
        const refuse = (record: MeterRecord, refusal: MetersealError, nextSeq?: number): void => {
            answers.push(() => this.#receipts.refusal(record, refusal, nextSeq));
        };
        for (const item of screened) {
            const { record } = item;
            if (item.kind === "refused") {
                refuse(record, item.error);
                continue;
            }
            const outcome = this.#admission.admit(record, timeMs);
            if (outcome.kind === "accepted") {
                stored.push(record, ...outcome.released);
                standing = outcome.released.at(-1) ?? record;
            } else if (outcome.kind === "duplicate") standing = record;
            else if (outcome.kind === "pending") refuse(record, error("MS_GAP"), outcome.nextSeq);
            else if (outcome.kind === "refused") {
                const next = (this.#admission.head(record)?.seq ?? 0) + 1;
                refuse(record, outcome.error, outcome.error.code === "MS_GAP" ? next : undefined);
            } else {
                stored.push(record); // two histories signed by one key: the ledger keeps both
                refuse(record, error("MS_FROZEN", { got: outcome.error.message }));
            }
        }
        return async () => {
            await this.#store(stored);
            if (standing !== null) await this.#sendStanding(subjectHex, standing);
            for (const answer of answers) await this.#send(subjectHex, await answer());
        };
    }

    async #store(records: readonly MeterRecord[]): Promise<void> {
        if (records.length === 0) return;
        try {
            await this.#commits.commit(records);
        } catch (cause) {
            this.#options.onFatal(cause); // memory is ahead of the disk: stop, never acknowledge
            throw cause;
        }
        const engine = this.#requireEngine();
        for (const record of records) {
            this.#receipts.noteStored(record);
            engine.markVerified(record.message);
        }
        this.#builder?.add(records);
    }

    async #sendStanding(subjectHex: string, record: MeterRecord): Promise<void> {
        for (const receipt of await this.#receipts.standing(record)) {
            await this.#send(subjectHex, receipt);
        }
    }

    /** Unsigned, and at most one a second to each sender: garbage must not buy answers. */
    async #answerMalformed(subjectHex: string, refusal: MetersealError): Promise<void> {
        const nowMs = this.#options.steadyClock.nowMs();
        if (nowMs - (this.#lastUnsigned.get(subjectHex) ?? 0) < 1000) return;
        this.#lastUnsigned.set(subjectHex, nowMs);
        this.#options.log.warn("message refused", { subject: subjectHex, code: refusal.code });
        await this.#send(subjectHex, this.#receipts.malformed(fromHex(subjectHex), refusal));
    }

    async #send(subjectHex: string, message: Uint8Array): Promise<void> {
        for (const link of this.#links) {
            if (await link.deliver(subjectHex, message)) return;
        }
    }

    #inBackground(work: Promise<void>): void {
        work.catch((cause: unknown) => {
            this.#options.log.warn("receipt not sent", { cause: String(cause) });
        });
    }

    #requireEngine(): Engine {
        if (this.#engine === null) throw error("MS_BUSY", { expected: "a started collector" });
        return this.#engine;
    }
}
