import {
    compareBytes,
    HPKE_PUBLIC_KEY_BYTES,
    HPKE_SUITE,
    type PublicKey,
    type Result,
    type Signer,
    utf8,
} from "@meterseal/core";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { decodeCoseKey, encodeCoseKey } from "./cose-key.ts";
import { attempt, MapReader, malformed, toBytes } from "./parse.ts";
import { createSign1, MESSAGE_TYPE, parseSign1, type Sign1 } from "./sign1.ts";

/** Who holds keys without being a device: a household's wallet, a provider, a monitor. */
export const PARTY_ROLE = { household: 1, provider: 2, monitor: 3 } as const;

/** What a recipient key is for: HPKE with X25519 alone, or with ML-KEM-768 and X25519. */
export const RECIPIENT_SUITE = HPKE_SUITE;

/** Length of a public key by its suite. */
const RECIPIENT_BYTES: ReadonlyMap<unknown, number> = new Map(
    Object.values(HPKE_SUITE).map((suite) => [suite, HPKE_PUBLIC_KEY_BYTES[suite]]),
);

/** Public key that others seal grants and tokens to. */
export type RecipientKey = {
    /** One of {@link RECIPIENT_SUITE}. */
    readonly suite: number;
    /** 32 bytes (X25519) or 1,216 bytes (ML-KEM-768 and X25519). */
    readonly bytes: Uint8Array;
};

/** Entry that admits a party to a network, or gives it a new key. */
export type PartyPayload = {
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    /** One of {@link PARTY_ROLE}; the same for the whole life of the id. */
    readonly role: number;
    /** Name of the party, 16 random bytes. */
    readonly id: Uint8Array;
    /** Key that signs its grants and notices. */
    readonly key: PublicKey;
    readonly timeUnix: number;
    /** 0 at first; a later message of the same id has a higher one and replaces all, key or no key. */
    readonly keyEpoch: number;
    /** Streams of a household, 16 bytes each; empty for others. */
    readonly streams: readonly Uint8Array[];
    /** At most one of each suite, ascending; empty where nothing can be sealed to the party. */
    readonly recipients: readonly RecipientKey[];
    /** What people call it, public; empty where it has none. */
    readonly name: string;
};

/** A parsed party and the message that carries it. */
export type Party = PartyPayload & { readonly message: Sign1 };

const STREAMS_MAX = 16;
/** UTF-8 bytes of a name. */
const NAME_MAX = 64;
/** Controls, marks of direction and what shows nothing: a name is one plain line. */
const INVISIBLE =
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;

/** Signs a party with the operator's key. */
export function createParty(operator: Signer, payload: PartyPayload): Promise<Uint8Array> {
    const map = new Map<number, unknown>([
        [0, payload.network],
        [1, payload.role],
        [2, payload.id],
        [3, encodeCoseKey(payload.key)],
        [4, payload.timeUnix],
        [5, payload.keyEpoch],
        [6, payload.streams],
    ]);
    if (payload.recipients.length > 0) {
        map.set(
            7,
            payload.recipients.map(({ suite, bytes }) => [suite, bytes]),
        );
    }
    if (payload.name !== "") map.set(8, payload.name);
    return createSign1(operator, MESSAGE_TYPE.party, encodeCbor(map));
}

/** Parses a party strictly; the signature is not checked. */
export function parseParty(bytes: Uint8Array): Result<Party> {
    const message = parseSign1(bytes, MESSAGE_TYPE.party);
    if (!message.ok) return message;
    return attempt(() => {
        const map = new MapReader(decodeCbor(message.value.payload), "party");
        const role = map.integer(1, PARTY_ROLE.household, PARTY_ROLE.monitor);
        const streams = map.array(6, STREAMS_MAX).map((id) => toBytes(id, map.at(6), 16));
        if (role !== PARTY_ROLE.household && streams.length > 0) {
            malformed(map.at(6), "streams of households only");
        }
        if (!ascend(streams)) malformed(map.at(6), "streams ascending, each once");
        const party = {
            network: map.bytes(0, 32),
            role,
            id: map.bytes(2, 16),
            key: decodeCoseKey(map.bytes(3, 1, 1024)),
            timeUnix: map.integer(4, 0, Number.MAX_SAFE_INTEGER),
            keyEpoch: map.integer(5, 0, 0xffff_ffff),
            streams,
            recipients: map.has(7) ? decodeRecipients(map) : [],
            name: map.has(8) ? decodeName(map) : "",
            message: message.value,
        };
        map.end();
        return party;
    });
}

function decodeRecipients(map: MapReader): RecipientKey[] {
    const keys = map.array(7, RECIPIENT_BYTES.size).map((item) => {
        const [suite, bytes, ...more] = Array.isArray(item) ? item : [];
        const length = RECIPIENT_BYTES.get(suite);
        if (length === undefined || more.length > 0) return malformed(map.at(7), "suite and key");
        return { suite, bytes: toBytes(bytes, map.at(7), length) };
    });
    const sorted = keys.every(({ suite }, i) => i === 0 || suite > (keys[i - 1]?.suite ?? 0));
    if (keys.length === 0 || !sorted) malformed(map.at(7), "suites ascending, each once");
    return keys;
}

function decodeName(map: MapReader): string {
    const name = map.text(8, NAME_MAX);
    if (isPartyName(name)) return name;
    return malformed(map.at(8), `one line of at most ${NAME_MAX} bytes`);
}

/** Whether a text may be a party's name: one line of 1 … 64 bytes in UTF-8, nothing that hides. */
export function isPartyName(name: string): boolean {
    const plain = name !== "" && name.trim() === name && !INVISIBLE.test(name);
    return plain && utf8(name).length <= NAME_MAX;
}

function ascend(ids: readonly Uint8Array[]): boolean {
    return ids.every((id, i) => i === 0 || compareBytes(ids[i - 1] as Uint8Array, id) < 0);
}
