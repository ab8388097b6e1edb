import type { Result } from "@meterseal/core";
import {
    decodeAnswers,
    decodeHeads,
    decodeLogPage,
    decodeVertices,
    encodeAnswers,
    encodeHeads,
    encodeLogPage,
    encodeVertices,
    type Heads,
} from "@meterseal/ledger";
import {
    attempt,
    createRevocation,
    createSign1,
    decodeCbor,
    decodeWarning,
    encodeCbor,
    encodeWarning,
    MESSAGE_TYPE,
    parseLinkToken,
    parsePruning,
    parseRevocation,
    parseSummary,
    type Sign1,
} from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { messagesOf, network, pruningMessages, summaries } from "./corpus.ts";
import { bytesTarget } from "./make-target.ts";
import { type FuzzTarget, type FuzzVerdict, requireSame, verdictOf } from "./target.ts";

const id = testBytes("author", 16);
const operator = testSigner("operator", "edDsa");

/** A message of the operator or of whoever connects; what it says stays the bytes that came. */
function signed(parse: (bytes: Uint8Array) => Result<{ readonly message: Sign1 }>) {
    return (bytes: Uint8Array): FuzzVerdict => {
        const parsed = parse(bytes);
        if (parsed.ok) requireSame(parsed.value.message.bytes, bytes);
        return verdictOf(parsed);
    };
}

/** Reads with one function, writes with the other, and compares. */
function twice<T>(decode: (bytes: Uint8Array) => Result<T>, encode: (value: T) => Uint8Array) {
    return (bytes: Uint8Array): FuzzVerdict => {
        const value = decode(bytes);
        if (value.ok) requireSame(encode(value.value), bytes);
        return verdictOf(value);
    };
}

async function revocations(): Promise<Uint8Array[]> {
    const payload = { network: testBytes("network", 32), id, timeUnix: 1_357_000_000 };
    const message = await createRevocation(operator, payload);
    return [message, await createSign1(operator, MESSAGE_TYPE.revoke, encodeCbor(new Map()))];
}

function takeWarning(bytes: Uint8Array): FuzzVerdict {
    const item = attempt(() => decodeCbor(bytes));
    const warning = item.ok ? decodeWarning(item.value) : item;
    if (warning.ok) requireSame(encodeCbor(encodeWarning(warning.value)), bytes);
    return verdictOf(warning);
}

const warnings = (): Uint8Array[] =>
    [1, 2].map((kind) => {
        const place = { stream: testBytes("stream", 16), sealEpoch: 0, fromSlot: 400_000 };
        return encodeCbor(encodeWarning({ ...place, kind }));
    });

const vertex = {
    bytes: Uint8Array.fromHex(network.vertex.bytes),
    body: Uint8Array.fromHex(network.vertex.body),
};
const heads: Heads = {
    logSize: 7,
    authors: [{ author: id, round: 3, id: testBytes("vertex", 32) }],
};
const page = (): Uint8Array => {
    const { body, bytes: item } = vertex;
    const { checkpoint } = network.log;
    return encodeLogPage({
        size: 9,
        entries: [{ timeMs: 1_357_000_000_000, item, body, checkpoint }],
    });
};

/** Messages that come seldom, and what collectors send one another. */
export const MESSAGES: readonly FuzzTarget[] = [
    bytesTarget("link token", 10_000, () => messagesOf("link-token"), signed(parseLinkToken)),
    bytesTarget("revocation", 10_000, revocations, signed(parseRevocation)),
    bytesTarget("pruning", 10_000, pruningMessages, signed(parsePruning)),
    bytesTarget(
        "summary of a record",
        20_000,
        summaries,
        twice(parseSummary, ({ summary }) => summary.bytes),
    ),
    bytesTarget("warning", 10_000, warnings, takeWarning),
    bytesTarget("page of a log", 10_000, () => [page()], twice(decodeLogPage, encodeLogPage)),
    bytesTarget("heads", 5_000, () => [encodeHeads(heads)], twice(decodeHeads, encodeHeads)),
    bytesTarget(
        "vertices",
        10_000,
        () => [encodeVertices([vertex, vertex])],
        twice(decodeVertices, encodeVertices),
    ),
    bytesTarget(
        "answers",
        5_000,
        () => [encodeAnswers(["taken", "waits", "MS_VERTEX_FORK"])],
        twice(decodeAnswers, encodeAnswers),
    ),
];
