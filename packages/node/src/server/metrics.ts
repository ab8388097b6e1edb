import type { Collector } from "@meterseal/collector";
import { type Clock, ERRORS, type ErrorCode } from "@meterseal/core";
import { isMeteringPoint } from "@meterseal/record";
import type { StoreHooks } from "@meterseal/stores";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { LedgerStatus } from "../exchange/status.ts";
import { softwareVersion } from "../version.ts";
import type { ServerEngine } from "./engine.ts";
import { type Facts, readingAge } from "./facts.ts";
import type { Said } from "./said.ts";

/** What the metrics are read from at each request. */
export type MetricSources = {
    readonly facts: Facts;
    readonly said: Said;
    readonly engine: ServerEngine;
    readonly collector: Collector;
    readonly clock: Clock;
};

const PREFIX = "meterseal_";
/** From a fast disk's fsync to a failing one's. */
const COMMIT_BUCKETS_S = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5];
/** Refusals that say nothing about the message: they have counters of their own. */
const NOT_VERIFIED: ReadonlySet<ErrorCode> = new Set(["MS_GAP", "MS_BUSY"]);

/**
 * Counters of a server in the text format of Prometheus. No label ever names a meter: that would
 * tell who lives how, and make a series of each.
 */
export class ServerMetrics {
    readonly #registry = new Registry();
    readonly #verifyFailures: Counter<"reason">;
    readonly #entriesRefused: Counter<"author" | "reason">;
    readonly #gaps: Counter;
    readonly #busy: Counter;
    readonly #boxAccesses: Counter<"result">;
    readonly #commits: Histogram<"write">;
    #commitStartMs = 0;

    constructor() {
        const registers = [this.#registry];
        collectDefaultMetrics({ register: this.#registry, prefix: PREFIX });
        this.#verifyFailures = new Counter({
            name: `${PREFIX}verify_failures_total`,
            help: "Records and messages refused by a check, by error code",
            labelNames: ["reason"],
            registers,
        });
        // From zero on, so that the first failure is an increase.
        for (const code of Object.keys(ERRORS) as ErrorCode[]) {
            if (ERRORS[code].receipt === null || NOT_VERIFIED.has(code)) continue;
            this.#verifyFailures.inc({ reason: code }, 0);
        }
        this.#entriesRefused = new Counter({
            name: `${PREFIX}entries_refused_total`,
            help: "Vertices and other entries that the ledger refused, by the collector that they name",
            labelNames: ["author", "reason"],
            registers,
        });
        this.#gaps = new Counter({
            name: `${PREFIX}chain_gap_total`,
            help: "Records that came before an earlier one of their chain",
            registers,
        });
        this.#busy = new Counter({
            name: `${PREFIX}busy_total`,
            help: "Records and messages that were told to wait: too many at once, or too fast",
            registers,
        });
        this.#boxAccesses = new Counter({
            name: `${PREFIX}box_accesses_total`,
            help: "Requests of recipients and strangers for a message of the grant box",
            labelNames: ["result"],
            registers,
        });
        for (const result of ["granted", "refused"]) this.#boxAccesses.inc({ result }, 0);
        this.#commits = new Histogram({
            name: `${PREFIX}commit_seconds`,
            help: "Time until a transaction of the store is on disk",
            labelNames: ["write"],
            buckets: COMMIT_BUCKETS_S,
            registers,
        });
        const build = new Gauge({
            name: `${PREFIX}build_info`,
            help: "Always 1; the release is a label",
            labelNames: ["version"],
            registers,
        });
        build.set({ version: softwareVersion() }, 1);
    }

    /** Times the commits of the store; goes into its options. */
    readonly storeHooks: StoreHooks = {
        beforeCommit: () => {
            this.#commitStartMs = performance.now();
        },
        afterCommit: (write) => {
            this.#commits.observe({ write }, (performance.now() - this.#commitStartMs) / 1000);
        },
    };

    /** Counts a refused record or message. */
    refused(code: ErrorCode): void {
        if (code === "MS_GAP") this.#gaps.inc();
        if (code === "MS_BUSY") this.#busy.inc();
        if (!NOT_VERIFIED.has(code)) this.#verifyFailures.inc({ reason: code });
    }

    /** Counts an entry that the ledger refused; `author` null where no enrolled collector is named. */
    entryRefused(author: string | null, code: ErrorCode): void {
        this.#entriesRefused.inc({ author: author ?? "unknown", reason: code });
    }

    /** Counts a request for a message of the grant box. */
    boxAccess(granted: boolean): void {
        this.#boxAccesses.inc({ result: granted ? "granted" : "refused" });
    }

    /** Adds what is read from the roles of a started server. */
    watch({ clock, collector, engine, facts, said }: MetricSources): void {
        // Totals over the whole log: they go on where they stood before a restart.
        this.#total("readings_ingested", "Register boundaries in the log", () => {
            return facts.totals.readings;
        });
        this.#total("records_ingested", "Records in the log", () => facts.totals.records);
        this.#total("vertices", "Vertices in the log", () => facts.totals.vertices);
        const age = (): { newest: number; oldest: number } => readingAge(facts, clock.nowMs());
        this.#gauge("reading_age_seconds", "Age of the newest reading of all", () => age().newest);
        this.#gauge(
            "reading_age_max_seconds",
            "Age of the newest reading of the meter that has been silent longest",
            () => age().oldest,
        );
        this.#gauge("log_entries", "Size of the log", () => engine.head().size);
        this.#gauge("meters", "Meters enrolled", () => {
            return [...engine.state.subjects.values()].filter(isMeteringPoint).length;
        });
        this.#gauge("parties", "Households, providers and monitors", () => {
            return engine.state.parties.size;
        });
        this.#total("notices", "Notices of parties in the log", () => said.notices.length);
        this.#total("tariffs", "Tariffs of providers in the log", () => said.tariffs.length);
        const chains = () => [...engine.state.chains.values()];
        this.#gauge("pending_records", "Records in the log that wait for an earlier one", () => {
            return chains().reduce((sum, chain) => sum + chain.pending.size, 0);
        });
        this.#gauge("frozen_chains", "Chains with two histories: a key is used twice", () => {
            return chains().filter((chain) => chain.frozenAt !== null).length;
        });
        this.#gauge("messages_in_flight", "Messages taken and not answered yet", () => {
            return collector.inFlight;
        });
    }

    /** Adds what is read from the ledger's standing among other servers; 0 where there are none. */
    watchLedger(status: () => LedgerStatus, clock: Clock): void {
        const branch = () => {
            const found = status();
            return found.role === "branch" ? found : null;
        };
        this.#gauge("branch_waiting_vertices", "Vertices here that the log does not hold", () => {
            const { own = 0, foreign = 0 } = branch()?.waiting ?? {};
            return own + foreign;
        });
        this.#gauge("branch_cut_off_seconds", "Time since the sequencer last answered", () => {
            const sequencer = branch()?.sequencer;
            if (sequencer === undefined || sequencer.state === "connected") return 0;
            return Math.max(0, (clock.nowMs() - sequencer.sinceMs) / 1000);
        });
        this.#gauge("orphan_vertices", "Vertices of others whose parents have not come", () => {
            const found = status();
            if (found.role === "validator") return 0;
            return found.role === "branch" ? found.waiting.orphans : found.orphans;
        });
        this.#gauge("ledger_evidence", "Proofs of a fault of the log or of a collector", () => {
            return branch()?.evidence ?? 0;
        });
    }

    /** All metrics, in the text format. */
    async render(): Promise<{ type: string; text: string }> {
        return { type: this.#registry.contentType, text: await this.#registry.metrics() };
    }

    #total(name: string, help: string, read: () => number): void {
        new Counter({
            name: `${PREFIX}${name}_total`,
            help,
            registers: [this.#registry],
            collect() {
                this.reset();
                this.inc(read());
            },
        });
    }

    #gauge(name: string, help: string, read: () => number): void {
        new Gauge({
            name: PREFIX + name,
            help,
            registers: [this.#registry],
            collect() {
                this.set(read());
            },
        });
    }
}
