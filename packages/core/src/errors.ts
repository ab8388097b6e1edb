/** What an error code stands for. */
export type ErrorEntry = {
    /** Receipt code that a meter sees (formats 5), or null where no message caused the error. */
    readonly receipt: number | null;
    /** Whether the same input may succeed later. */
    readonly retry: "never" | "later";
    /** One sentence for a person. */
    readonly summary: string;
};

function entry(receipt: number | null, retry: "never" | "later", summary: string): ErrorEntry {
    return { receipt, retry, summary };
}

/** The closed vocabulary of errors. docs/reference/errors.md lists each; a test keeps both in step. */
export const ERRORS = {
    MS_MALFORMED: entry(1, "never", "The bytes are not a canonical message of the expected shape."),
    MS_VERSION: entry(2, "never", "The message type or version is not supported."),
    MS_KEY_UNKNOWN: entry(3, "never", "No enrolled key has this key id."),
    MS_SIGNATURE_BAD: entry(4, "never", "The signature does not fit the message and the key."),
    MS_REPLAYED: entry(5, "never", "This sequence number was used before by another message."),
    MS_GAP: entry(6, "later", "An earlier record of the chain is missing."),
    MS_CHAIN_MISMATCH: entry(7, "never", "The record does not name its predecessor's hash."),
    MS_REGISTER_DECREASED: entry(8, "never", "An open register ran backwards."),
    MS_RESEALED: entry(8, "never", "A boundary of this stream was sealed before."),
    MS_BOUNDARY_ADDRESS: entry(8, "never", "A boundary address contradicts its slot or its tree."),
    MS_STREAM_RULE: entry(8, "never", "The usage body does not fit the enrolled stream."),
    MS_EXPIRED: entry(9, "never", "The message is past its expiry."),
    MS_NOT_ALLOWED: entry(10, "never", "This sender may not do this."),
    MS_TOO_LARGE: entry(11, "never", "The message is larger than its limit."),
    MS_BUSY: entry(12, "later", "The receiver has no room at the moment."),
    MS_INTERNAL: entry(13, "later", "The receiver failed for a reason of its own."),
    MS_CLOCK: entry(14, "later", "The message is dated too far ahead."),
    MS_FROZEN: entry(15, "never", "The chain or key is frozen or revoked."),
    MS_ENROLMENT: entry(null, "never", "The enrolment contradicts the genesis or an earlier one."),
    MS_PARTY: entry(
        null,
        "never",
        "The party contradicts the genesis, an earlier one or the streams of others.",
    ),
    MS_NOTICE: entry(null, "never", "The notice names what is not there, or another network."),
    MS_NOTICE_DUPLICATE: entry(null, "never", "The party said this before; the ledger holds it."),
    MS_BOX_FULL: entry(null, "later", "The grant box has no room for more of this party."),
    MS_GENESIS: entry(null, "never", "The genesis does not match the network."),
    MS_VERTEX_AUTHOR: entry(null, "never", "The vertex author is unknown, or not active."),
    MS_VERTEX_PARENTS: entry(null, "never", "The vertex breaks a rule about its parents or round."),
    MS_VERTEX_BODY: entry(null, "never", "The vertex header does not describe its body."),
    MS_VERTEX_DUPLICATE: entry(null, "never", "The vertex is in the ledger already."),
    MS_VERTEX_FORK: entry(null, "never", "The author signed two vertices for one place."),
    MS_LOG_LEAF: entry(null, "never", "A log entry is missing, out of place or altered."),
    MS_PROOF: entry(null, "never", "The proof does not lead to the given root."),
    MS_CHECKPOINT: entry(
        null,
        "never",
        "The checkpoint is malformed, unsigned or contradicts the log.",
    ),
    MS_COMMIT: entry(null, "never", "The validators did not sign this state of the ledger."),
    MS_WITNESS: entry(null, "later", "Too few witnesses cosigned the checkpoint."),
    MS_WITNESS_POLICY: entry(null, "never", "The witness policy is not valid."),
    MS_ANCHOR: entry(null, "never", "An anchor contradicts the log, or what the chain holds."),
    MS_EVM_CHAIN: entry(null, "never", "The node is of another chain, or not with our contract."),
    MS_EVM_FEE: entry(
        null,
        "later",
        "The transaction costs more than is allowed, or than the account has.",
    ),
    MS_RECEIPT: entry(null, "never", "The receipt is malformed or contradicts what was sent."),
    MS_CONTRADICTION: entry(
        null,
        "never",
        "The statements are no proof: an honest signer can have made both.",
    ),
    MS_PRUNED: entry(null, "never", "The bytes of this record were pruned; a summary is left."),
    MS_PRUNING: entry(
        null,
        "never",
        "What was pruned is not what the log says, or must not be pruned yet.",
    ),
    MS_STORE_COLUMN: entry(null, "never", "A stored column contradicts the bytes beside it."),
    MS_STORE_FORMAT: entry(
        null,
        "never",
        "The data directory is not one of ours, or of another version.",
    ),
    MS_STORE_LOCKED: entry(null, "later", "Another process uses this data directory."),
    MS_STORE_UNWRITABLE: entry(null, "later", "The data directory cannot be written."),
    MS_BACKUP: entry(null, "never", "The backup is not whole, or not what its manifest says."),
    MS_ARCHIVE: entry(null, "never", "The archive is not whole, or not what its links name."),
    MS_OUTBOX: entry(null, "never", "A meter's outbox contradicts the ledger."),
    MS_OUTBOX_FULL: entry(
        null,
        "later",
        "The meter's outbox is full of records that are not final.",
    ),
    MS_REGISTER_CAP: entry(null, "never", "A register or its growth exceeds the cap."),
    MS_CORRECTION: entry(
        null,
        "never",
        "A correction has no reason, no note that explains it, or no reading before it.",
    ),
    MS_SEAL_ORDER: entry(null, "never", "A boundary at or before the last sealed one."),
    MS_COMMITMENT: entry(
        null,
        "never",
        "A commitment is no group element, or hides another value.",
    ),
    MS_TARIFF: entry(
        null,
        "never",
        "The tariff is not valid, or does not fit the period or stream.",
    ),
    MS_BILL: entry(null, "never", "The bill does not follow from the records and the tariff."),
    MS_KEY_FILE: entry(null, "never", "The key file is not a Meterseal key file."),
    MS_JOURNAL: entry(null, "never", "The wallet's journal of grants is damaged."),
    MS_DERIVABLE: entry(null, "never", "The grant would make more known than it says."),
    MS_COHORT: entry(
        null,
        "never",
        "The cohort, or its use, breaks a rule that keeps members hidden.",
    ),
    MS_TOKEN_REPEATED: entry(null, "never", "Tokens for this time were made before."),
    MS_KEY_FOREIGN: entry(null, "never", "The key file belongs to another meter or network."),
    MS_UNSEAL: entry(null, "never", "The sealed bytes do not open with this key."),
    MS_NETWORK: entry(null, "never", "The message belongs to another network."),
    MS_GRANT_RECIPIENT: entry(null, "never", "The grant is made out to another recipient or key."),
    MS_GRANT_STREAM: entry(null, "never", "The household of the grant does not own its stream."),
    MS_GRANT_NOTICE: entry(null, "later", "The ledger holds no notice of this grant."),
    MS_GRANT_REVOKED: entry(null, "never", "The household took the grant back."),
    MS_GRANT_LEVEL: entry(null, "never", "The grant opens coarser windows only."),
    MS_GRANT_RANGE: entry(null, "never", "The grant holds no key of this boundary."),
    MS_SUM: entry(null, "never", "The store's sum is not the one that the signed records make."),
    MS_ZONE: entry(null, "never", "The time zone is unknown, or its offset does not fit the slot."),
    MS_DATA_FILE: entry(null, "never", "The readings file has a bad line."),
    MS_PORT_IN_USE: entry(null, "later", "The port is used by another program."),
    MS_LISTEN_ADDRESS: entry(
        null,
        "never",
        "A plain-text listener was asked to leave the loopback.",
    ),
    MS_LINK: entry(null, "later", "The transport to the collector failed."),
    MS_USAGE: entry(null, "never", "The command line or request is not valid."),
    MS_CONFIG: entry(null, "never", "The configuration file is not valid."),
    MS_NOT_FOUND: entry(null, "never", "There is no such thing."),
} as const satisfies Record<string, ErrorEntry>;

/** A stable error code. */
export type ErrorCode = keyof typeof ERRORS;

/** Details of a {@link MetersealError}. */
export type ErrorDetails = {
    /** What would have been right. */
    readonly expected?: string;
    /** What was found. */
    readonly got?: string;
    /** Where: a record, vertex, leaf, row, file and line. */
    readonly where?: string;
    /** What the reader can do about it. */
    readonly todo?: string;
    readonly cause?: unknown;
};

/** The only error class that leaves a Meterseal package. */
export class MetersealError extends Error {
    override readonly name = "MetersealError";
    readonly code: ErrorCode;
    readonly details: ErrorDetails;

    constructor(code: ErrorCode, details: ErrorDetails = {}) {
        super(describe(code, details), details.cause === undefined ? {} : { cause: details.cause });
        this.code = code;
        this.details = details;
    }

    /** What happened, expected and got, without code and place: for reports that show those apart. */
    get explanation(): string {
        const { expected, got, todo } = this.details;
        return explain(this.code, { expected, got, todo });
    }

    /** Receipt code that a meter sees for this error; 13 (internal) where none is assigned. */
    get receiptCode(): number {
        return ERRORS[this.code].receipt ?? 13;
    }
}

/** Builds an error; short form for the many places that return one. */
export function error(code: ErrorCode, details: ErrorDetails = {}): MetersealError {
    return new MetersealError(code, details);
}

type Explained = Pick<ErrorDetails, "where"> & {
    readonly [Name in "expected" | "got" | "todo"]?: string | undefined;
};

function describe(code: ErrorCode, details: ErrorDetails): string {
    return `${code}: ${explain(code, details)}`;
}

function explain(code: ErrorCode, { expected, got, todo, where }: Explained): string {
    const parts: string[] = [ERRORS[code].summary];
    if (where !== undefined) parts.push(`At ${where}.`);
    if (expected !== undefined) parts.push(`Expected ${expected}.`);
    if (got !== undefined) parts.push(`Got ${got}.`);
    if (todo !== undefined) parts.push(todo);
    return parts.join(" ");
}

/** Stops the program on a broken assumption of our own code; stays on in production. */
export function assert(condition: boolean, why: string): asserts condition {
    if (!condition) throw new Error(`assertion failed: ${why}`);
}
