import {
    error,
    fail,
    fromBase64,
    fromHex,
    type HpkeKeyPair,
    ok,
    type Result,
    toBase64,
    toHex,
} from "@meterseal/core";
import { PARTY_ROLE } from "./party.ts";

/** What a party keeps to itself: whoever has it speaks for the party and opens what is sealed to it. */
export type PartyKey = {
    /** One of PARTY_ROLE. */
    readonly role: number;
    /** Id of the party, 16 bytes. */
    readonly party: Uint8Array;
    readonly name: string;
    readonly keyEpoch: number;
    /** Network id that the party keeps to, 32 bytes; null before it is admitted to one. */
    readonly network: Uint8Array | null;
    /** Private key that signs, PKCS #8. */
    readonly signingKey: Uint8Array;
    readonly recipientKeys: readonly HpkeKeyPair[];
    /** Streams of a household, 16 bytes each, ascending. */
    readonly streams: readonly Uint8Array[];
};

const FORMAT = "meterseal-party-key/v1";
const TEXT_MAX = 16_384;
const KEY_MAX = 2_048;
const LIST_MAX = 16;
const NAME_MAX = 64;

/** JSON text of a party's key, to be written with mode 600. */
export function formatPartyKey(key: PartyKey): string {
    const roles = Object.entries(PARTY_ROLE);
    const fields = {
        format: FORMAT,
        role: roles.find(([, role]) => role === key.role)?.[0],
        party: toHex(key.party),
        name: key.name,
        keyEpoch: key.keyEpoch,
        network: key.network === null ? null : toHex(key.network),
        streams: key.streams.map(toHex),
        signingKey: toBase64(key.signingKey),
        recipientKeys: key.recipientKeys.map(({ privateKey, publicKey, suite }) => ({
            suite,
            publicKey: toBase64(publicKey),
            privateKey: toBase64(privateKey),
        })),
    };
    return `${JSON.stringify(fields, null, 4)}\n`;
}

/**
 * Parses a party's key.
 * @returns MS_KEY_FILE, which never quotes the text: it holds secrets.
 */
export function parsePartyKey(text: string): Result<PartyKey> {
    const refuse = (expected: string): Result<PartyKey> => fail(error("MS_KEY_FILE", { expected }));
    if (text.length > TEXT_MAX) return refuse(`at most ${TEXT_MAX} characters`);
    try {
        const fields = JSON.parse(text) as Record<string, unknown> | null;
        if (fields?.format !== FORMAT) return refuse(`"format": "${FORMAT}"`);
        return ok(readKey(fields));
    } catch {
        return refuse("all fields of a party's key, unchanged");
    }
}

function readKey(fields: Record<string, unknown>): PartyKey {
    const role = Object.entries(PARTY_ROLE).find(([name]) => name === fields.role)?.[1];
    const { keyEpoch, name } = fields;
    if (role === undefined || typeof name !== "string" || name.length > NAME_MAX) wrong();
    if (!Number.isSafeInteger(keyEpoch) || (keyEpoch as number) < 0) wrong();
    return {
        role,
        party: hex(fields.party, 16),
        name,
        keyEpoch: keyEpoch as number,
        network: fields.network === null ? null : hex(fields.network, 32),
        streams: list(fields.streams).map((id) => hex(id, 16)),
        signingKey: base64(fields.signingKey, KEY_MAX),
        recipientKeys: list(fields.recipientKeys).map((value) => {
            const pair = value as Record<string, unknown>;
            if (!Number.isSafeInteger(pair.suite)) wrong();
            const privateKey = base64(pair.privateKey, 32);
            if (privateKey.length !== 32) wrong();
            const publicKey = base64(pair.publicKey, KEY_MAX);
            return { suite: pair.suite as number, publicKey, privateKey };
        }),
    };
}

function hex(value: unknown, length: number): Uint8Array {
    const bytes = typeof value === "string" ? fromHex(value) : wrong();
    return bytes.length === length ? bytes : wrong();
}

function base64(value: unknown, max: number): Uint8Array {
    const bytes = typeof value === "string" ? fromBase64(value) : wrong();
    return bytes.length > 0 && bytes.length <= max ? bytes : wrong();
}

function list(value: unknown): readonly unknown[] {
    return Array.isArray(value) && value.length <= LIST_MAX ? value : wrong();
}

function wrong(): never {
    throw new TypeError("a field of a party's key");
}
