import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
    error,
    fromBase64,
    generateHpkeKeyPair,
    HPKE_SUITE,
    type HpkeKeyPair,
    type Signer,
    toBase64,
    unwrap,
} from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import { formatPartyKey, PARTY_ROLE, type PartyKey, parsePartyKey } from "@meterseal/record";
import { systemRandom } from "../clocks.ts";
import { replaceSecret, writeSecret, writeWhole } from "../files.ts";
import { type AdmittedParty, checkPartyAnswer } from "./admission.ts";
import {
    formatPartyAnswer,
    formatPartyRequest,
    type PartyAnswer,
    type PartyRequest,
    parsePartyAnswer,
} from "./exchange.ts";

/** Public files in a party's directory. */
export const PARTY_FILES = {
    /** What the operator gets. */
    request: "party-request.json",
    /** What the operator answers. */
    answer: "party.json",
} as const;

/** Name of the file of a party's key, by its role. */
const KEY_FILES = new Map<number, string>([
    [PARTY_ROLE.household, "wallet.key"],
    [PARTY_ROLE.provider, "provider.key"],
    [PARTY_ROLE.monitor, "monitor.key"],
]);

/** What a new party is to be. */
export type PartyPlan = {
    /** One of PARTY_ROLE. */
    readonly role: number;
    readonly name: string;
    /** Streams of a household, 16 bytes each. */
    readonly streams: readonly Uint8Array[];
    /** Network that it keeps to; null takes that of the first answer. */
    readonly network: Uint8Array | null;
};

/** A party in its directory, admitted. */
export type OwnParty = AdmittedParty & {
    readonly key: PartyKey;
    readonly signer: Signer;
    /** Genesis of its network, as bytes. */
    readonly genesisBytes: Uint8Array;
};

/**
 * Makes a party in a directory: keys of mode 600, and the request for its operator.
 * @throws MetersealError MS_STORE_UNWRITABLE where the directory has such a party already.
 */
export async function createParty(directory: string, plan: PartyPlan): Promise<PartyRequest> {
    const path = keyPath(directory, plan.role);
    if (existsSync(path)) {
        const todo = "Choose another directory: a party's keys are never written over.";
        throw error("MS_STORE_UNWRITABLE", { where: path, got: "a party", todo });
    }
    const suites =
        plan.role === PARTY_ROLE.household
            ? [HPKE_SUITE.x25519]
            : [HPKE_SUITE.x25519, HPKE_SUITE.hybrid];
    const recipientKeys: HpkeKeyPair[] = [];
    for (const suite of suites) recipientKeys.push(unwrap(await generateHpkeKeyPair(suite)));
    const party = systemRandom.bytes(16);
    const key = { ...plan, party, keyEpoch: 0, signingKey: newSigningKey(), recipientKeys };
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeSecret(path, formatPartyKey(key));
    return writeRequest(directory, key);
}

/**
 * Makes a new signing key for an admitted party, beside the present one, and the request for its
 * operator; the key comes into use when the answer is there. Recipient keys stay: grants that were
 * sealed to them open as before.
 * @throws MetersealError as {@link openParty}.
 */
export function rotateParty(directory: string): PartyRequest {
    const { key } = openParty(directory);
    const next = { ...key, keyEpoch: key.keyEpoch + 1, signingKey: newSigningKey() };
    replaceSecret(nextPath(keyPath(directory, key.role)), formatPartyKey(next));
    return writeRequest(directory, next);
}

/**
 * Opens a party's directory, and takes a new key into use whose answer has come.
 * @throws MetersealError MS_NOT_FOUND where it has no party, or no answer of the operator yet;
 * MS_KEY_FILE; what the check of the answer finds.
 */
export function openParty(directory: string): OwnParty {
    const role = roleIn(directory);
    const path = keyPath(directory, role);
    const answer = readAnswer(directory);
    if (existsSync(nextPath(path))) {
        const next = readKey(nextPath(path));
        if (checkPartyAnswer(answer, requestOf(next), next.network).ok) {
            replaceSecret(path, formatPartyKey(next));
        }
    }
    const key = readKey(path);
    const admitted = unwrap(checkPartyAnswer(answer, requestOf(key), key.network));
    const pinned = { ...key, network: admitted.network };
    if (key.network === null) replaceSecret(path, formatPartyKey(pinned));
    return { ...admitted, key: pinned, signer: signerOf(key), genesisBytes: answer.genesis };
}

/** The request of the party in a directory, as it stands; null where there is none. */
export function readOwnRequest(directory: string, role: number): PartyRequest | null {
    const path = keyPath(directory, role);
    return existsSync(path) ? requestOf(readKey(path)) : null;
}

/** Keeps the operator's answer in a party's directory, after it was checked. */
export function keepAnswer(directory: string, answer: PartyAnswer, asked: PartyRequest): void {
    unwrap(checkPartyAnswer(answer, asked, null));
    writeWhole(join(directory, PARTY_FILES.answer), formatPartyAnswer(answer));
}

function roleIn(directory: string): number {
    for (const [role, name] of KEY_FILES) if (existsSync(join(directory, name))) return role;
    throw error("MS_NOT_FOUND", {
        where: directory,
        expected: `a party's key: ${[...KEY_FILES.values()].join(", ")}`,
        todo: "meterseal provider init, monitor init or wallet init makes one.",
    });
}

function readAnswer(directory: string): PartyAnswer {
    const path = join(directory, PARTY_FILES.answer);
    if (existsSync(path)) return unwrap(parsePartyAnswer(readFileSync(path, "utf8")));
    const request = join(directory, PARTY_FILES.request);
    const todo = `The operator runs: meterseal enrol --data DIR ${request}`;
    throw error("MS_NOT_FOUND", { where: path, todo });
}

function keyPath(directory: string, role: number): string {
    return join(directory, KEY_FILES.get(role) ?? "");
}

function nextPath(path: string): string {
    return `${path}.next`;
}

function readKey(path: string): PartyKey {
    return unwrap(parsePartyKey(readFileSync(path, "utf8")));
}

function writeRequest(directory: string, key: PartyKey): PartyRequest {
    const request = requestOf(key);
    writeWhole(join(directory, PARTY_FILES.request), formatPartyRequest(request));
    return request;
}

function requestOf(key: PartyKey): PartyRequest {
    const { keyEpoch, name, recipientKeys, role, streams } = key;
    const recipients = recipientKeys.map(({ publicKey, suite }) => ({ suite, bytes: publicKey }));
    const { publicKey } = signerOf(key);
    return { id: key.party, key: publicKey, keyEpoch, name, recipients, role, streams };
}

const PEM = { begin: "-----BEGIN PRIVATE KEY-----", end: "-----END PRIVATE KEY-----" } as const;

function newSigningKey(): Uint8Array {
    const pem = generatePrivateKeyPem("es256");
    return fromBase64(pem.replace(PEM.begin, "").replace(PEM.end, "").replaceAll(/\s/g, ""));
}

function signerOf({ signingKey }: PartyKey): Signer {
    return signerFromPem(`${PEM.begin}\n${toBase64(signingKey)}\n${PEM.end}\n`);
}
