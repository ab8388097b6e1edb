import { concatBytes, type Result, unwrap } from "@meterseal/core";
import {
    checkEvidence,
    decodeEntry,
    decodeEvidence,
    decodeGenesis,
    encodeEntry,
    encodeEvidence,
    encodeGenesis,
    originOf,
    parseEntry,
    parseVertex,
    verifyCheckpoint,
} from "@meterseal/ledger";
import { parseLondonCsv } from "@meterseal/meter";
import {
    encodeReceipt,
    epochOf,
    parseEnrolment,
    parseReceipt,
    parseRecord,
    parseUnsignedReceipt,
    splitSequence,
    usageOf,
} from "@meterseal/record";
import { expandAddresses } from "@meterseal/seal";
import { decodeP1, decodeReadout, decodeSml } from "@meterseal/telegram";
import type { SeededRandom } from "@meterseal/testkit/random";
import { formatKeyFile, type KeyFile, parseKeyFile } from "@meterseal/wallet";
import {
    ledgerVectors,
    londonText,
    messagesOf,
    network,
    notes,
    pool,
    telegrams,
} from "./corpus.ts";
import { mutateBytes, mutateText } from "./mutate.ts";
import { mutateItem, mutateSign1 } from "./mutate-message.ts";
import {
    bytesOf,
    type FuzzInput,
    type FuzzTarget,
    type FuzzVerdict,
    requireSame,
    textOf,
    verdictOf,
} from "./target.ts";

/** Mutations of one kind of message: of its bytes, or inside a frame that is whole. */
function messages(seeds: readonly Uint8Array[]): (random: SeededRandom) => Uint8Array {
    return (random) => {
        const seed = random.pick(seeds);
        if (random.chance(0.5)) return mutateBytes(random, seed, pool);
        const changed = mutateSign1(random, seed) ?? mutateItem(random, seed);
        return changed ?? mutateBytes(random, seed, pool);
    };
}

function target(
    name: string,
    share: number,
    seeds: () => readonly Uint8Array[],
    take: (bytes: Uint8Array) => FuzzVerdict,
): FuzzTarget {
    return {
        name,
        share,
        open: () => ({
            make: messages(seeds()),
            take: (input: FuzzInput) => take(bytesOf(input)),
        }),
    };
}

function textTarget(
    name: string,
    share: number,
    seeds: () => readonly string[],
    take: (text: string) => FuzzVerdict,
): FuzzTarget {
    return {
        name,
        share,
        open: () => {
            const texts = seeds();
            return {
                make: (random) => mutateText(random, random.pick(texts), texts),
                take: (input) => take(textOf(input)),
            };
        },
    };
}

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

function takeCheckpoint(text: string): FuzzVerdict {
    const genesis = unwrap(decodeGenesis(Uint8Array.fromHex(network.genesis.bytes)));
    const origin = originOf(Uint8Array.fromHex(network.genesis.networkId));
    return verdictOf(verifyCheckpoint(text, { origin, publicKey: genesis.logKey }));
}

function takeKeyFile(text: string): FuzzVerdict {
    const key = parseKeyFile(text);
    if (key.ok) {
        const again = unwrap(parseKeyFile(formatKeyFile(key.value)));
        requireSame(formatKeyFile(again), formatKeyFile(key.value));
    }
    return verdictOf(key);
}

function keyFiles(): string[] {
    const key: KeyFile = {
        name: "MAC000515",
        network: new Uint8Array(32).fill(1),
        meter: new Uint8Array(16).fill(2),
        stream: {
            streamId: new Uint8Array(16).fill(3),
            sealEpoch: 0,
            suite: 1,
            slotSeconds: 1800,
            groups: [{ group: 0, channels: 1 }],
        },
        zone: "Europe/London",
        scale: 0,
        master: new Uint8Array(32).fill(4),
    };
    return [formatKeyFile(key), formatKeyFile({ ...key, master: null })];
}

/** Decoders of local ports must answer; their faults are codes of their own closed list. */
function takeTelegram(
    decode: (bytes: Uint8Array) => { readonly ok: boolean },
): (bytes: Uint8Array) => FuzzVerdict {
    return (bytes) => (decode(bytes).ok ? "accepted" : "refused");
}

const receipts = (): Uint8Array[] => [...messagesOf("receipt"), ...messagesOf("unsigned-receipt")];
const entries = (): Uint8Array[] => [
    encodeEntry({ timeMs: 1_357_000_000_000, item: Uint8Array.fromHex(network.vertex.bytes) }),
    ...ledgerVectors("entry"),
];

/** Parsers of everything that comes over a wire, out of a file or out of a proof. */
export const PARSERS: readonly FuzzTarget[] = [
    target("record", 240_000, () => messagesOf("record"), takeRecord),
    target(
        "sequence",
        60_000,
        () => [...messagesOf("record"), ...messagesOf("sequence")],
        takeSequence,
    ),
    target("receipt", 100_000, receipts, takeReceipt),
    target(
        "enrolment",
        90_000,
        () => messagesOf("enrolment"),
        (bytes) => {
            const enrolment = parseEnrolment(bytes);
            if (enrolment.ok) requireSame(enrolment.value.message.bytes, bytes);
            return verdictOf(enrolment);
        },
    ),
    target(
        "genesis",
        30_000,
        () => ledgerVectors("genesis"),
        roundTrip(decodeGenesis, encodeGenesis),
    ),
    target("vertex", 80_000, () => ledgerVectors("vertex"), takeVertex),
    target("log entry", 30_000, entries, roundTrip(decodeEntry, encodeEntry)),
    target("evidence", 40_000, () => ledgerVectors("evidence"), takeEvidence),
    textTarget("checkpoint", 70_000, notes, takeCheckpoint),
    textTarget("key file", 60_000, keyFiles, takeKeyFile),
    textTarget(
        "readings file",
        20_000,
        () => [londonText()],
        (text) => verdictOf(parseLondonCsv(text)),
    ),
    target("P1 telegram", 20_000, () => telegrams("p1"), takeTelegram(decodeP1)),
    target("SML telegram", 20_000, () => telegrams("sml"), takeTelegram(decodeSml)),
    target(
        "IEC 62056-21 readout",
        20_000,
        () => telegrams("iec62056-21"),
        takeTelegram(decodeReadout),
    ),
];
