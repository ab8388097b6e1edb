import { type Result, unwrap } from "@meterseal/core";
import {
    decodeGenesis,
    formatNote,
    formatTlogProof,
    leafHash,
    MerkleLog,
    originOf,
    parseNote,
    parseTlogProof,
    signCheckpoint,
    verifyCheckpoint,
    verifyTlogProof,
} from "@meterseal/ledger";
import { parseLondonCsv, parseReadingsCsv } from "@meterseal/meter";
import { formatPartyKey, PARTY_ROLE, type PartyKey, parsePartyKey } from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { TestParty } from "@meterseal/testkit/parties";
import { TestNetwork } from "@meterseal/testkit/records";
import {
    formatKeyFile,
    formatScope,
    type KeyFile,
    parseKeyFile,
    parseScope,
} from "@meterseal/wallet";
import { checkAnswer } from "../../packages/node/src/device/admission.ts";
import {
    formatAnswer,
    formatRequest,
    parseAnswer,
    parseRequest,
} from "../../packages/node/src/device/exchange.ts";
import {
    formatPartyAnswer,
    formatPartyRequest,
    parsePartyAnswer,
    parsePartyRequest,
} from "../../packages/node/src/party/exchange.ts";
import { londonText, network, notes, proofTexts } from "./corpus.ts";
import { textTarget } from "./make-target.ts";
import { mutateJson, mutateText } from "./mutate.ts";
import {
    type FuzzSession,
    type FuzzTarget,
    type FuzzVerdict,
    requireSame,
    textOf,
    verdictOf,
} from "./target.ts";

function takeCheckpoint(text: string): FuzzVerdict {
    const genesis = unwrap(decodeGenesis(Uint8Array.fromHex(network.genesis.bytes)));
    const origin = originOf(Uint8Array.fromHex(network.genesis.networkId));
    verdictOf(verifyCheckpoint(text, { origin, publicKey: genesis.logKey }));
    const note = parseNote(text);
    if (note.ok) requireSame(formatNote(note.value), text);
    return verdictOf(note);
}

/** Proofs that fit their log, and the texts of the vectors. */
async function proofSession(): Promise<FuzzSession> {
    const signer = testSigner("fuzz log", "edDsa");
    const leaves = Array.from({ length: 21 }, (_, i) => leafHash(testBytes(`leaf ${i}`, 32)));
    const log = MerkleLog.of(leaves);
    const origin = "fuzz.example/log";
    const checkpoint = await signCheckpoint(signer, origin, log.size, log.root());
    const index = 13;
    const proof = { index, path: log.inclusionPath(index), checkpoint };
    const whole = [
        formatTlogProof(proof),
        formatTlogProof({ ...proof, extra: leaves[0] ?? log.root() }),
    ];
    const texts = [...whole, ...whole, ...proofTexts()];
    const trust = { origin, publicKey: signer.publicKey, leafHash: leaves[index] ?? log.root() };
    return {
        make: (random) => mutateText(random, random.pick(texts), texts),
        take: (input) => {
            const parsed = parseTlogProof(textOf(input));
            if (parsed.ok) requireSame(formatTlogProof(parsed.value), textOf(input));
            const verified = verifyTlogProof(textOf(input), trust);
            if (verified.ok && verified.value.index !== index) throw new Error("a false proof");
            verdictOf(verified);
            return verdictOf(parsed);
        },
    };
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

const PLAIN = [
    `timestamp,import_kwh
2013-03-31T00:30:00+00:00,0.118
2013-03-31T02:00:00+01:00,
2013-03-31T02:30:00+01:00,12.000000001
2013-03-31T03:00:00+01:00,0.0
`,
    `timestamp,import_kwh,export_kwh,quality
2024-02-29T22:15:00Z,0,0.25,measured
2024-02-29T22:30:00Z,0.04,,estimated
2024-02-29T22:30:00Z,0.04,,estimated
2024-02-29T23:30:00Z,3.5,0.1,partial
`,
];

/** Reads with one function, writes with the other, and what is written is read to the same. */
function readAgain<T>(
    parse: (text: string) => Result<T>,
    format: (value: T) => string,
): (text: string) => FuzzVerdict {
    return (text) => {
        const value = parse(text);
        if (value.ok) {
            const written = format(value.value);
            requireSame(format(unwrap(parse(written))), written);
        }
        return verdictOf(value);
    };
}

/** A target that takes JSON, of which a value is changed, or the text. */
function jsonTarget<T>(
    name: string,
    share: number,
    seeds: () => readonly string[] | Promise<readonly string[]>,
    parse: (text: string) => Result<T>,
    format: (value: T) => string,
): FuzzTarget {
    const take = readAgain(parse, format);
    return {
        name,
        share,
        open: async () => {
            const texts = await seeds();
            return {
                make: (random) => {
                    const text = random.pick(texts);
                    return random.chance(0.5)
                        ? mutateJson(random, text)
                        : mutateText(random, text, texts);
                },
                take: (input) => take(textOf(input)),
            };
        },
    };
}

/** Requests of a meter with one stream, and of one that follows it with two groups. */
export async function requests(): Promise<string[]> {
    const meters = new TestNetwork("fuzz request");
    const [first, next] = [await meters.meter(), await meters.meter("next", { groups: [0, 1] })];
    return [first, { ...next, chainEpoch: 3 }].map(({ descriptor, signer, ...place }) =>
        formatRequest({ ...place, key: signer.publicKey, streams: [descriptor] }),
    );
}

/** Keys of a household and of a provider with a key of each suite, as files hold them. */
function partyKeys(): PartyKey[] {
    const base = {
        party: testBytes("fuzz party", 16),
        name: "MAC000515",
        keyEpoch: 0,
        network: testBytes("fuzz network", 32),
        signingKey: new Uint8Array(138).fill(7),
        recipientKeys: [1, 2].map((suite) => ({
            suite,
            publicKey: new Uint8Array(suite === 1 ? 32 : 1216).fill(8),
            privateKey: new Uint8Array(32).fill(9),
        })),
    };
    const streams = [testBytes("fuzz stream", 16)];
    return [
        { ...base, role: PARTY_ROLE.household, streams },
        { ...base, role: PARTY_ROLE.provider, network: null, streams: [] },
    ];
}

/** Requests of a household and of a provider. */
export function partyRequests(): string[] {
    const { publicKey: key } = testSigner("fuzz party");
    return partyKeys().map(({ party, recipientKeys, ...plan }) =>
        formatPartyRequest({
            ...plan,
            id: party,
            key,
            recipients: recipientKeys.map(({ publicKey, suite }) => ({ suite, bytes: publicKey })),
        }),
    );
}

async function partyAnswers(): Promise<string[]> {
    const home = new TestNetwork("fuzz party answer");
    const { party } = await TestParty.make(home, "home");
    const { genesis, networkId: network } = home;
    return [formatPartyAnswer({ network, genesis, party: party.message.bytes })];
}

/** Answers of an operator: read, and held against the request that they answer. */
async function answerSession(): Promise<FuzzSession> {
    const meters = new TestNetwork("fuzz answer");
    const [meter, collector] = [await meters.meter(), await meters.collector()];
    const text = formatAnswer({
        network: meters.networkId,
        genesis: meters.genesis,
        enrolment: meter.enrolment.message.bytes,
        collector: collector.enrolment.message.bytes,
    });
    const { descriptor, signer, subject } = meter;
    const asked = { subject, key: signer.publicKey, streams: [descriptor] };
    const take = readAgain(parseAnswer, formatAnswer);
    return {
        make: (random) =>
            random.chance(0.3) ? mutateJson(random, text) : mutateText(random, text, [text]),
        take: (input) => {
            const answer = parseAnswer(textOf(input));
            if (!answer.ok) return take(textOf(input));
            const admission = checkAnswer(answer.value, asked, null);
            // Whatever passes is what was signed: spaces and unknown fields are all that may differ.
            if (admission.ok) requireSame(formatAnswer(answer.value), text);
            verdictOf(admission);
            return take(textOf(input));
        },
    };
}

const SCOPES = [
    "FB=4_5_15;IntervalDuration=900;BlockDuration=monthly;HistoryLength=13",
    "scope=FB=1_3_4_5_8;IntervalDuration=Monthly_3600_900;BlockDuration=Daily;SubscriptionFrequency=daily;BR=1;",
];

function takeScope(text: string): FuzzVerdict {
    const scope = parseScope(text);
    if (scope.ok) {
        const again = unwrap(parseScope(formatScope(scope.value)));
        requireSame(formatScope(again), formatScope(scope.value));
    }
    return verdictOf(scope);
}

/** Parsers of texts: proofs, files of households and meters, tables of readings. */
export const TEXTS: readonly FuzzTarget[] = [
    textTarget("checkpoint", 25_000, notes, takeCheckpoint),
    textTarget("Green Button scope", 5_000, () => SCOPES, takeScope),
    { name: "tlog proof", share: 30_000, open: proofSession },
    jsonTarget("key file", 25_000, keyFiles, parseKeyFile, formatKeyFile),
    jsonTarget(
        "party key",
        5_000,
        () => partyKeys().map(formatPartyKey),
        parsePartyKey,
        formatPartyKey,
    ),
    jsonTarget("party request", 5_000, partyRequests, parsePartyRequest, formatPartyRequest),
    jsonTarget("party answer", 5_000, partyAnswers, parsePartyAnswer, formatPartyAnswer),
    jsonTarget("enrolment request", 10_000, requests, parseRequest, formatRequest),
    { name: "enrolment answer", share: 10_000, open: answerSession },
    textTarget(
        "readings file",
        20_000,
        () => [londonText()],
        (text) => verdictOf(parseLondonCsv(text)),
    ),
    textTarget(
        "plain readings file",
        20_000,
        () => PLAIN,
        (text) => verdictOf(parseReadingsCsv(text, "readings.csv")),
    ),
];
