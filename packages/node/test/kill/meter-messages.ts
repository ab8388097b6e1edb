import type { ServerInfo } from "../../src/server/messages.ts";
import type { EnrolRequest } from "../../src/server/server.ts";

/** Where a meter's process is to die. */
export type Death =
    /** By a signal from outside, so long after it began to measure. */
    | { readonly kind: "time"; readonly afterMs: number }
    /** By a signal from outside, so long after it said that it commits its n-th record of this life. */
    | { readonly kind: "commit"; readonly nth: number; readonly afterMs: number }
    /** By its own hand when its n-th record is durable, before anything else happens. */
    | { readonly kind: "persisted"; readonly nth: number }
    /** By its own hand when its n-th record is made and not durable. */
    | { readonly kind: "unpersisted"; readonly nth: number };

/** What a meter's process is started with. */
export type MeterStart = {
    readonly dataDir: string;
    readonly home: string;
    /** File to which it appends what it wrote and what it was told. */
    readonly journal: string;
    readonly info: ServerInfo;
    /** Days of the data that it may have measured at the end of this life. */
    readonly days: number;
    /** Null for the last life, which waits until everything is final and ends by itself. */
    readonly death: Death | null;
};

/** What a meter's process says of itself, each before it goes on. */
export type FromMeter =
    | { readonly type: "enrol"; readonly request: EnrolRequest }
    | { readonly type: "measuring" }
    | { readonly type: "commits" };
