import type { Bucket } from "./profile.ts";

/** Functions of ours that stand for a stage of the ingest path, innermost first wins. */
const STAGES: readonly (readonly [RegExp, string])[] = [
    [
        /packages\/record\/.* (parseRecord|splitSequence)$/,
        "parse records (CBOR, canonical check, SHA-256)",
    ],
    [/packages\/record\/.* usageOf$/, "parse usage bodies"],
    [/packages\/core\/.*(verifier-pool|job-batch).ts/, "hand signatures to their threads"],
    [/packages\/collector\/.* (screen|screenRecord|verify)$/, "screening"],
    [/packages\/ledger\/.* applyRecord$/, "record rules (twice: admission, ledger)"],
    [/packages\/ledger\/.* (accept|acceptVertex)$/, "ledger: vertex, author, body"],
    [/packages\/ledger\/.* summarizeBody$/, "vertex body: Merkle tree, hash"],
    [/packages\/stores\/.* insertVertex$/, "store: assign records to vertex"],
    [/packages\/stores\/.* insert$/, "store: insert records"],
    [/packages\/stores\/.*database.ts write$/, "store: commit, fsync, checkpoint"],
    [/packages\/collector\/.*receipts.ts/, "receipts"],
    [/packages\/collector\/.*vertex-builder.ts/, "vertex builder"],
    [/packages\/collector\//, "collector, other"],
    [/packages\/engines\//, "engine, other"],
    [/packages\/links\//, "MQTT link"],
    [/node_modules\/(aedes|mqtt|mqemitter)/, "MQTT link"],
    [/node:net/, "MQTT link"],
];

/** Sorts frames by stage; what belongs to none asks its caller. */
export const stageBucket: Bucket = ({ functionName, url }) => {
    if (functionName === "(idle)") return "idle";
    if (functionName === "(garbage collector)") return "garbage collector";
    if (functionName === "(program)") return "native, no frame";
    if (functionName === "(root)") return "runtime: microtasks, start, module loading";
    const place = `${url} ${functionName}`;
    return STAGES.find(([pattern]) => pattern.test(place))?.[1] ?? null;
};
