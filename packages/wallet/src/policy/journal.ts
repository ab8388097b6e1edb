import { error, fail, LIMITS, ok, type Result, utf8 } from "@meterseal/core";
import type { Holding } from "@meterseal/seal";
import { fields, hex, holding, integer, list, text } from "./json.ts";

/** A household's part in one cohort: what a monitor gets from it, and among whom. */
export type IssuedCohort = {
    /** Hash of the cohort body, 32 bytes in hex. */
    readonly hash: string;
    /** Month index of the cohort epoch: 12 · (year − 2000) + month − 1. */
    readonly month: number;
    readonly level: number;
    readonly groups: readonly number[];
    /** Party ids of all members in hex, ascending. */
    readonly members: readonly string[];
    /** The stream of each member in hex; absent in lines of a journal that did not keep them. */
    readonly streams?: readonly string[];
    readonly fromSlot: number;
    readonly toSlot: number;
};

/** A change of the seal epoch that a grant counts over, and where the grant lets the old one end. */
export type EpochChange = {
    /** Of the new device. */
    readonly sealEpoch: number;
    /** Instant of the old device's last registers that the grant counts. */
    readonly endUnix: number;
    /** Whether these were said to be its last; else they are the last ones seen, and later ones may come. */
    readonly isFinal: boolean;
};

/** What somebody can compute with a grant: of the household alone, or only of its cohort. */
export type Released =
    | { readonly kind: "own"; readonly holding: Holding }
    | { readonly kind: "cohort"; readonly cohort: IssuedCohort };

/** A grant that a wallet has made, as its journal keeps it. All ids and hashes are hex text. */
export type IssuedGrant = {
    /** Hash of the grant message, 32 bytes. */
    readonly hash: string;
    readonly recipient: string;
    readonly stream: string;
    readonly issuedUnix: number;
    readonly released: Released;
    /** Absent where it is not known. */
    readonly changes?: readonly EpochChange[];
    /** True where what it opens is only guessed, because its tariff or cohort is not shown; in no journal. */
    readonly isGuess?: boolean;
    /** Hash of the findings that the household overrode. */
    readonly override?: string;
    /** Messages that go to the server, in base64: they are sent again until it has them. */
    readonly messages: readonly string[];
};

/** The grants of a journal in order, and which of them the server has. */
export type Journal = {
    readonly grants: readonly IssuedGrant[];
    readonly posted: ReadonlySet<string>;
    /** Bytes of the whole lines: what stands behind them was cut off by a crash. */
    readonly bytes: number;
};

const FORMAT = "meterseal-issued/v1";

/**
 * Line that must be on disk before a grant leaves the wallet: who counts what somebody can compute
 * may forget nothing. JSON, ended by a line feed.
 * @returns MS_TOO_LARGE beyond {@link LIMITS.journalLineBytes}.
 */
export function formatIssued(grant: IssuedGrant): Result<string> {
    return line({ format: FORMAT, ...grant });
}

/** Line that says that the server has a grant. */
export function formatPosted(hash: string): Result<string> {
    return line({ format: FORMAT, posted: hash });
}

function line(value: unknown): Result<string> {
    const made = `${JSON.stringify(value)}\n`;
    if (made.length <= LIMITS.journalLineBytes) return ok(made);
    const expected = `at most ${LIMITS.journalLineBytes} characters for one grant`;
    const todo = "Grant a shorter time, or a coarser level.";
    return fail(error("MS_TOO_LARGE", { expected, got: `${made.length}`, todo }));
}

/**
 * Reads a journal. A last line without its line feed is a crash before the grant left: it is not
 * counted, and the next line goes in its place.
 * @returns MS_JOURNAL for any other damage, with the line's number and nothing of its content.
 */
export function parseJournal(content: string): Result<Journal> {
    const end = content.lastIndexOf("\n") + 1;
    const grants: IssuedGrant[] = [];
    const posted = new Set<string>();
    const lines = content.slice(0, end).split("\n").slice(0, -1);
    for (const [i, entry] of lines.entries()) {
        try {
            const read = fields(JSON.parse(entry));
            if (read.format !== FORMAT) throw new TypeError("format");
            if (read.posted !== undefined) posted.add(hex(read.posted, 32));
            else grants.push(readIssued(read));
        } catch {
            const todo = "Put back a copy: without it nobody knows what was granted before.";
            return fail(error("MS_JOURNAL", { where: `line ${i + 1}`, todo }));
        }
    }
    return ok({ grants, posted, bytes: utf8(content.slice(0, end)).length });
}

/** Grants of a journal that the server may not have, and bills whose override the ledger may not. */
export function unposted({ grants, posted }: Journal): IssuedGrant[] {
    return grants.filter(({ hash, messages }) => messages.length > 0 && !posted.has(hash));
}

function readIssued(read: Record<string, unknown>): IssuedGrant {
    return {
        hash: hex(read.hash, 32),
        recipient: hex(read.recipient, 16),
        stream: hex(read.stream, 16),
        issuedUnix: integer(read.issuedUnix),
        released: readReleased(fields(read.released)),
        ...(read.changes === undefined ? {} : { changes: list(read.changes, readChange) }),
        ...(read.override === undefined ? {} : { override: hex(read.override, 32) }),
        messages: list(read.messages, text),
    };
}

function readChange(value: unknown): EpochChange {
    const { endUnix, isFinal, sealEpoch } = fields(value);
    if (typeof isFinal !== "boolean") throw new TypeError("isFinal");
    return { sealEpoch: integer(sealEpoch), endUnix: integer(endUnix), isFinal };
}

function readReleased(read: Record<string, unknown>): Released {
    if (read.kind === "own") return { kind: "own", holding: holding(fields(read.holding)) };
    if (read.kind !== "cohort") throw new TypeError("kind");
    const cohort = fields(read.cohort);
    return {
        kind: "cohort",
        cohort: {
            hash: hex(cohort.hash, 32),
            month: integer(cohort.month),
            level: integer(cohort.level),
            groups: list(cohort.groups, integer),
            members: list(cohort.members, (member) => hex(member, 16)),
            ...(cohort.streams === undefined
                ? {}
                : { streams: list(cohort.streams, (stream) => hex(stream, 16)) }),
            fromSlot: integer(cohort.fromSlot),
            toSlot: integer(cohort.toSlot),
        },
    };
}
