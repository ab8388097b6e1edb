import type { CollectorLink, LinkHandler, MeterLink, MetersealError } from "@meterseal/core";
import { expect } from "vitest";
import { ScriptedCollector, TestMeter } from "./link-world.ts";

/** A transport under test with its surroundings: an address, and a path that can be broken. */
export interface LinkBed {
    /** Starts a collector end; after the previous one was closed, at the same address for meters. */
    listen(handler: LinkHandler): Promise<CollectorLink>;
    /** A meter end with at most {@link LIMITS.outboxInFlight} messages under way; not yet open. */
    meter(subjectHex: string, token: () => Promise<Uint8Array>): MeterLink;
    /** Breaks all connections without a goodbye. */
    cut(): void;
    /** Lets the path go silent (true: nothing arrives, nothing closes) or pass again; if it can. */
    freeze?(silent: boolean): void;
    /** A collector's end that closes without waiting for what is under way. */
    readonly closesAtOnce?: true;
    /** How the transport itself says that a message was refused, where it can say that. */
    readonly refusals?: {
        /** Words of the transport by receipt code 1 … 15, in this order. */
        readonly expected: readonly string[];
        /** Sends a message of {@link SUBJECT_A} as a client that reads answers: what it is told. */
        answerTo(message: Uint8Array): Promise<string>;
    };
    /** Ends what the bed itself holds. */
    close(): Promise<void>;
}

/** Subjects of the meters under test. */
export const SUBJECT_A = "0a".repeat(16);
export const SUBJECT_B = "0b".repeat(16);

/** The world of one test: a bed, its collector, its meters; all closed afterwards. */
export class World {
    readonly bed: LinkBed;
    readonly collector = new ScriptedCollector();
    readonly #ends: { close(): Promise<void> }[] = [];

    constructor(bed: LinkBed) {
        this.bed = bed;
    }

    async listen(): Promise<CollectorLink> {
        const link = await this.bed.listen(this.collector);
        this.#ends.push(link);
        return link;
    }

    /** A meter that is up, unless told not to wait. */
    async meter(subjectHex = SUBJECT_A, wait = true): Promise<TestMeter> {
        const meter = new TestMeter((token) => this.bed.meter(subjectHex, token), subjectHex);
        this.#ends.push(meter.link);
        await meter.link.open(meter);
        if (wait) await meter.untilUp();
        return meter;
    }

    async close(): Promise<void> {
        for (const end of this.#ends.reverse()) await end.close();
        await this.bed.close();
    }
}

/** Adds one case to the suite; `skip` is for a transport that cannot do it. */
export type Check = (
    title: string,
    run: (world: World, skip: () => void) => Promise<void>,
    /** Time after which to give up a `receive`, where it must not pass while the case runs. */
    receiveTimeoutMs?: number,
) => void;

/** Expects a close within two seconds. */
export async function inTime(closing: Promise<void>): Promise<void> {
    const late = pause(2_000).then(() => "late");
    expect(await Promise.race([closing.then(() => "closed"), late])).toBe("closed");
}

/** The failure of a promise that must fail. */
export async function failureOf(promise: Promise<unknown>): Promise<MetersealError> {
    return await promise.then(
        () => {
            throw new Error("expected a failure");
        },
        (cause: unknown) => cause as MetersealError,
    );
}

/** Waits, milliseconds. */
export function pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, delayMs));
}
