import { concatBytes, type PublicKey, type Result, unwrap } from "@meterseal/core";
import {
    checkEvidence,
    decodeEntry,
    decodeEvidence,
    decodeGenesis,
    encodeEntry,
    encodeEvidence,
    encodeGenesis,
    parseEntry,
    parseVertex,
} from "@meterseal/ledger";
import {
    attempt,
    createRecord,
    decodeCbor,
    decodeCorrection,
    decodeCorrectionNote,
    decodeCoseKey,
    decodeEvent,
    encodeCbor,
    encodeCorrection,
    encodeCorrectionNote,
    encodeCoseKey,
    encodeEvent,
    encodeReceipt,
    epochOf,
    eventOf,
    parseEnrolment,
    parseNotice,
    parseParty,
    parseReceipt,
    parseRecord,
    parseTariff,
    parseUnsignedReceipt,
    RECORD_CLASS,
    type Sign1,
    splitSequence,
    usageOf,
} from "@meterseal/record";
import { expandAddresses } from "@meterseal/seal";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { TEST_START_UNIX } from "@meterseal/testkit/records";
import { coseKeys, eventBodies, ledgerVectors, messagesOf, network } from "./corpus.ts";
import { bytesTarget } from "./make-target.ts";
import { type FuzzTarget, type FuzzVerdict, requireSame, verdictOf } from "./target.ts";

function takeRecord(bytes: Uint8Array): FuzzVerdict {
    const record = parseRecord(bytes);
    if (!record.ok) return verdictOf(record);
    requireSame(record.value.message.bytes, bytes);
    const usage = usageOf(record.value);
    const body: readonly Result<unknown>[] = [
        usage,
        epochOf(record.value),
        ...(usage.ok ? [expandAddresses(usage.value)] : []),
    ];
    for (const part of body) verdictOf(part);
    return "accepted";
}

function takeSequence(bytes: Uint8Array): FuzzVerdict {
    const items = splitSequence(bytes, 100);
    if (!items.ok) return verdictOf(items);
    requireSame(concatBytes(...items.value), bytes);
    for (const item of items.value) takeRecord(item);
    return "accepted";
}

function takeReceipt(bytes: Uint8Array): FuzzVerdict {
    const unsigned = parseUnsignedReceipt(bytes);
    if (unsigned.ok) requireSame(encodeReceipt(unsigned.value), bytes);
    else verdictOf(unsigned);
    const receipt = parseReceipt(bytes);
    if (receipt.ok) requireSame(encodeReceipt(receipt.value), receipt.value.message.payload);
    return unsigned.ok ? "accepted" : verdictOf(receipt);
}

function takeVertex(bytes: Uint8Array): FuzzVerdict {
    const body = splitSequence(Uint8Array.fromHex(network.vertex.body), 100);
    const entry = parseEntry(bytes, unwrap(body));
    verdictOf(entry);
    const vertex = parseVertex(bytes);
    if (vertex.ok) requireSame(vertex.value.message.bytes, bytes);
    return verdictOf(vertex);
}

/** Reads with one function, writes with the other, and compares. */
function roundTrip<T>(
    decode: (bytes: Uint8Array) => Result<T>,
    encode: (value: T) => Uint8Array,
): (bytes: Uint8Array) => FuzzVerdict {
    return (bytes) => {
        const value = decode(bytes);
        if (value.ok) requireSame(encode(value.value), bytes);
        return verdictOf(value);
    };
}

function takeEvidence(bytes: Uint8Array): FuzzVerdict {
    const evidence = decodeEvidence(bytes);
    if (!evidence.ok) return verdictOf(evidence);
    requireSame(encodeEvidence(evidence.value), bytes);
    const report = checkEvidence(evidence.value, {
        networkId: Uint8Array.fromHex(network.genesis.networkId),
        subject: Uint8Array.fromHex(network.evidence.subject),
    });
    for (const { error } of [...report.signatures.faults, ...report.continuity.faults]) {
        verdictOf({ ok: false, error });
    }
    return "accepted";
}

/** A body alone, or in the billing record that carries it. */
function takeEvent(bytes: Uint8Array): FuzzVerdict {
    const record = parseRecord(bytes);
    const item = record.ok ? null : attempt(() => decodeCbor(bytes));
    if (item?.ok === false) return verdictOf(item);
    const event = record.ok ? eventOf(record.value) : decodeEvent(item?.value);
    if (!event.ok) return verdictOf(event);
    const body = record.ok ? encodeCbor(record.value.body) : bytes;
    requireSame(encodeCbor(encodeEvent(event.value)), body);
    return "accepted";
}

/** Bodies of register events, and billing records around those that can be read as CBOR. */
async function events(): Promise<Uint8Array[]> {
    const bodies = eventBodies();
    const place = {
        ...{ recordClass: RECORD_CLASS.billing, seq: 1, chainEpoch: 0 },
        timeUnix: TEST_START_UNIX,
        prev: testBytes("prev", 32),
        subject: testBytes("subject", 16),
    };
    const records = bodies.map(async (bytes) => {
        const body = attempt(() => decodeCbor(bytes));
        if (!body.ok) return [];
        return [await createRecord(testSigner("fuzz"), { ...place, body: body.value })];
    });
    return [...bodies, ...(await Promise.all(records)).flat()];
}

/** A correction as a meter signs it, and the note that is sealed in one. */
function takeCorrection(bytes: Uint8Array): FuzzVerdict {
    const note = decodeCorrectionNote(bytes);
    if (note.ok) {
        requireSame(encodeCorrectionNote(note.value), bytes);
        return "accepted";
    }
    verdictOf(note);
    const item = attempt(() => decodeCbor(bytes));
    const body = item.ok ? decodeCorrection(item.value) : item;
    if (!body.ok) return verdictOf(body);
    requireSame(encodeCbor(encodeCorrection(body.value)), bytes);
    return "accepted";
}

function corrections(): Uint8Array[] {
    const note = { plus: 0n, minus: 1_250n, fromUnix: 1_000, toUnix: 2_000, reason: "ratio" };
    const place = { stream: testBytes("stream", 16), sealEpoch: 1, fromSlot: 400_000 };
    const sealed = { mode: "sealed", index: 7, bytes: testBytes("note", 60) } as const;
    return [
        encodeCorrectionNote(note),
        encodeCbor(encodeCorrection({ ...place, values: { mode: "open", note } })),
        encodeCbor(encodeCorrection({ ...place, values: sealed })),
    ];
}

const receipts = (): Uint8Array[] => [...messagesOf("receipt"), ...messagesOf("unsigned-receipt")];
const entries = (): Uint8Array[] => [
    encodeEntry({ timeMs: 1_357_000_000_000, item: Uint8Array.fromHex(network.vertex.bytes) }),
    ...ledgerVectors("entry"),
];

const readCoseKey = (bytes: Uint8Array): Result<PublicKey> => attempt(() => decodeCoseKey(bytes));

/** Messages of the log that have no body. */
const ENTRIES: readonly [string, number, (bytes: Uint8Array) => Result<{ message: Sign1 }>][] = [
    ["enrolment", 45_000, parseEnrolment],
    ["party", 30_000, parseParty],
    ["notice", 30_000, parseNotice],
    ["tariff", 20_000, parseTariff],
];

/** Parsers of everything that comes over a wire, out of a file or out of a proof. */
export const PARSERS: readonly FuzzTarget[] = [
    bytesTarget("record", 100_000, () => messagesOf("record"), takeRecord),
    bytesTarget(
        "sequence",
        35_000,
        () => [...messagesOf("record"), ...messagesOf("sequence")],
        takeSequence,
    ),
    bytesTarget("receipt", 45_000, receipts, takeReceipt),
    ...ENTRIES.map(([name, share, parse]) =>
        bytesTarget(
            name,
            share,
            () => messagesOf(name),
            (bytes) => {
                const parsed = parse(bytes);
                if (parsed.ok) requireSame(parsed.value.message.bytes, bytes);
                return verdictOf(parsed);
            },
        ),
    ),
    bytesTarget("COSE key", 10_000, coseKeys, roundTrip(readCoseKey, encodeCoseKey)),
    bytesTarget(
        "genesis",
        20_000,
        () => ledgerVectors("genesis"),
        roundTrip(decodeGenesis, encodeGenesis),
    ),
    bytesTarget("vertex", 45_000, () => ledgerVectors("vertex"), takeVertex),
    bytesTarget("log entry", 20_000, entries, roundTrip(decodeEntry, encodeEntry)),
    bytesTarget("evidence", 30_000, () => ledgerVectors("evidence"), takeEvidence),
    bytesTarget("register event", 30_000, events, takeEvent),
    bytesTarget("correction", 20_000, corrections, takeCorrection),
];
