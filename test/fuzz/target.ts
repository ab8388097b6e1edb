import { ERRORS, MetersealError, type Result } from "@meterseal/core";
import type { SeededRandom } from "@meterseal/testkit/random";

/** One input: bytes, or text for what reads text. */
export type FuzzInput = Uint8Array | string;

/** What became of an input. Whatever else happens is thrown, and is a finding. */
export type FuzzVerdict = "accepted" | "refused";

/** Something that takes inputs; what it needs is made by {@link FuzzTarget.open}. */
export type FuzzSession = {
    /** Draws one input; the same one for the same random numbers. */
    readonly make: (random: SeededRandom) => FuzzInput;
    readonly take: (input: FuzzInput) => FuzzVerdict | Promise<FuzzVerdict>;
    /** Checks that what was opened still works, and ends it. */
    readonly close?: () => Promise<void>;
};

/** A door that the world outside can throw things at. */
export type FuzzTarget = {
    readonly name: string;
    /** Inputs in a million. */
    readonly share: number;
    readonly open: () => Promise<FuzzSession> | FuzzSession;
};

/** Verdict of a result; an error that is none of ours is a finding. */
export function verdictOf(result: Result<unknown>): FuzzVerdict {
    if (result.ok) return "accepted";
    requireTyped(result.error);
    return "refused";
}

/** Throws what is not one of our errors with a code of the closed list. */
export function requireTyped(cause: unknown): void {
    if (cause instanceof MetersealError && Object.hasOwn(ERRORS, cause.code)) return;
    throw new Error("an error without a code", { cause });
}

/** A finding where a parser reads the same value from other bytes than those it writes. */
export function requireSame(written: Uint8Array | string, read: FuzzInput): void {
    const [a, b] = [written, read].map((bytes) =>
        Buffer.from(typeof bytes === "string" ? bytes : bytes),
    );
    if (a === undefined || b === undefined || Buffer.compare(a, b) !== 0) {
        throw new Error("what was accepted is written in another way");
    }
}

/** Bytes of an input that is made as bytes. */
export function bytesOf(input: FuzzInput): Uint8Array {
    if (typeof input === "string") throw new Error("this target takes bytes");
    return input;
}

/** Text of an input that is made as text. */
export function textOf(input: FuzzInput): string {
    if (typeof input !== "string") throw new Error("this target takes text");
    return input;
}
