import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const VECTORS = join(import.meta.dirname, "../../vectors");
const LONDON = join(import.meta.dirname, "../../examples/london-2013");

type Vector = { readonly kind?: string; readonly what?: string; readonly hex: string };
type Messages = {
    readonly keys: Readonly<Record<string, { readonly coseKey: string }>>;
    readonly messages: readonly Vector[];
    readonly refused: readonly Vector[];
};
type Network = {
    readonly genesis: { readonly bytes: string; readonly networkId: string };
    readonly vertex: { readonly bytes: string; readonly body: string };
    readonly log: {
        readonly entries: readonly { readonly item: string }[];
        readonly checkpoint: string;
    };
    readonly evidence: { readonly bytes: string; readonly subject: string };
    readonly refused: readonly Vector[];
};

function readJson<T>(path: string): T {
    return JSON.parse(readFileSync(join(VECTORS, path), "utf8")) as T;
}

const messages = readJson<Messages>("record/messages.json");
const parties = readJson<Messages>("record/parties.json");
/** The network of the ledger's vectors. */
export const network: Network = readJson<Network>("ledger/network.json");

/** Messages of the vectors of one kind, accepted and refused. */
export function messagesOf(kind: string): Uint8Array[] {
    return [messages, parties]
        .flatMap((file) => [...file.messages, ...file.refused])
        .filter((vector) => vector.kind === kind)
        .map(({ hex }) => Uint8Array.fromHex(hex));
}

/** COSE keys of the vectors. */
export function coseKeys(): Uint8Array[] {
    return Object.values(messages.keys).map(({ coseKey }) => Uint8Array.fromHex(coseKey));
}

/** What the ledger's vectors hold of one kind, accepted and refused. */
export function ledgerVectors(what: "genesis" | "vertex" | "evidence" | "entry"): Uint8Array[] {
    const refused = network.refused.filter((vector) => vector.what === what);
    const good = what === "entry" ? [] : [network[what].bytes];
    return [...good, ...refused.map(({ hex }) => hex)].map((hex) => Uint8Array.fromHex(hex));
}

/** What validators of CometBFT signed, as a member keeps it. */
export function cometCommits(): Uint8Array {
    return Uint8Array.fromHex(readJson<{ hex: string }>("ledger/cometbft-commits.json").hex);
}

/** All binary vectors: pieces to splice in. */
export const pool: readonly Uint8Array[] = [
    ...[...messages.messages, ...parties.messages].map(({ hex }) => Uint8Array.fromHex(hex)),
    ...["genesis", "vertex", "evidence"].flatMap((what) =>
        ledgerVectors(what as "genesis" | "vertex" | "evidence"),
    ),
];

type Grants = {
    readonly grants: readonly { readonly hex: string; readonly body: string }[];
    readonly refused: readonly { readonly hex: string }[];
};

const grants = readJson<Grants>("grant/grants.json");

/** Grants of the vectors, accepted and refused. */
export function grantMessages(): Uint8Array[] {
    return [...grants.grants, ...grants.refused].map(({ hex }) => Uint8Array.fromHex(hex));
}

type Prunings = {
    readonly pruning: { readonly hex: string };
    readonly summaries: readonly { readonly summary: string }[];
};

/** Pruning of the vectors. */
export function pruningMessages(): Uint8Array[] {
    return [Uint8Array.fromHex(readJson<Prunings>("record/pruning.json").pruning.hex)];
}

/** Summaries of records of the vectors. */
export function summaries(): Uint8Array[] {
    const { summaries: all } = readJson<Prunings>("record/pruning.json");
    return all.map(({ summary }) => Uint8Array.fromHex(summary));
}

type Traces = {
    readonly traces: readonly { readonly message_1: string }[];
    readonly invalid: readonly { readonly field: string; readonly bytes: string }[];
};

/** First messages of the published traces of EDHOC, and the invalid ones. */
export function handshakeVectors(): Uint8Array[] {
    const { invalid, traces } = readJson<Traces>("edhoc/rfc9529.json");
    const bad = invalid.filter(({ field }) => field === "message_1").map(({ bytes }) => bytes);
    return [...traces.map((trace) => trace.message_1), ...bad].map((hex) =>
        Uint8Array.fromHex(hex),
    );
}

type Policies = {
    readonly policies: readonly { readonly hex: string }[];
    readonly refused: readonly { readonly hex: string }[];
};

/** Standing policies of the vectors, accepted and refused. */
export function policyMessages(): Uint8Array[] {
    const { policies, refused } = readJson<Policies>("grant/policies.json");
    return [...policies, ...refused].map(({ hex }) => Uint8Array.fromHex(hex));
}

/** Grants of the vectors, each with its opened body. */
export function grantBodies(): { readonly message: Uint8Array; readonly body: Uint8Array }[] {
    return grants.grants.map(({ body, hex }) => ({
        message: Uint8Array.fromHex(hex),
        body: Uint8Array.fromHex(body),
    }));
}

/** Every note of the vectors of checkpoints. */
export function notes(): string[] {
    const { checkpoints, ours } = readJson<{
        checkpoints: { note: string }[];
        ours: { note: string };
    }>("checkpoint/checkpoints.json");
    return [network.log.checkpoint, ours.note, ...checkpoints.map(({ note }) => note)];
}

/** Bodies of register events of the vectors, accepted and refused. */
export function eventBodies(): Uint8Array[] {
    const { events, refused } = readJson<{ events: Vector[]; refused: Vector[] }>(
        "record/events.json",
    );
    return [...events, ...refused].map(({ hex }) => Uint8Array.fromHex(hex));
}

/** Every text of the vectors of proofs, accepted and refused. */
export function proofTexts(): string[] {
    const { accepted, refused } = readJson<{
        accepted: { text: string }[];
        refused: { text: string }[];
    }>("checkpoint/tlog-proofs.json");
    return [...accepted, ...refused].map(({ text }) => text);
}

/** First lines of the London readings. */
export function londonText(): string {
    const name = readdirSync(LONDON).find((file) => /\.csv\.gz$/.test(file)) ?? "";
    const text = gunzipSync(readFileSync(join(LONDON, name))).toString("utf8");
    return `${text.split("\n").slice(0, 6).join("\n")}\n`;
}

/** Telegrams of one local port, as captured from real meters. */
export function telegrams(
    port: "p1" | "p1-encrypted" | "sml" | "iec62056-21" | "mbus" | "mbus/error-frames",
): Uint8Array[] {
    const directory = join(VECTORS, "telegram", port);
    return readdirSync(directory)
        .filter((file) => /\.(?:txt|hex)$/.test(file))
        .map((file) => {
            const bytes = readFileSync(join(directory, file));
            if (!file.endsWith(".hex")) return new Uint8Array(bytes);
            return Uint8Array.fromHex(bytes.toString("utf8").replace(/[^0-9a-fA-F]/g, ""));
        })
        .filter((bytes) => bytes.length < 20_000);
}

/** First bytes of the stream of one SML meter: some files, whole and in their frames. */
export function smlStream(): Uint8Array {
    const path = join(VECTORS, "telegram/sml-stream.bin.gz");
    return new Uint8Array(gunzipSync(readFileSync(path)).subarray(0, 4_000));
}
