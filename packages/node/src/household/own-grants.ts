import { error, fromBase64, fromHex, toHex, unwrap } from "@meterseal/core";
import { GRANT_KIND, type Grant, parseGrant } from "@meterseal/seal";
import type { ServerApi } from "../party/server-api.ts";
import { readJournal } from "./journal-file.ts";

/** A grant of a household, and what is known of it. */
export type OwnGrant = {
    readonly hash: string;
    readonly grant: Grant;
    /**
     * Whether a server has it: it waits in the journal, is in force, or was revoked; unknown where no
     * server was asked.
     */
    readonly state: "unknown" | "waiting" | "in force" | "revoked";
};

const WHOLE_HASH = 64;
/** Characters of a hash that may stand for it. */
const PREFIX_MIN = 8;

/**
 * Every grant that a household issued: those of its journal, and those that a server has besides, as
 * issued on another device.
 * @throws MetersealError MS_JOURNAL, and those of the server.
 */
export async function ownGrants(home: string, api: ServerApi | null): Promise<OwnGrant[]> {
    const journal = readJournal(home);
    const listed = api === null ? null : await api.grants();
    const states = new Map(listed?.map(({ hash, isRevoked }) => [hash, isRevoked]));
    const grants: OwnGrant[] = [];
    for (const { hash, messages } of journal.grants) {
        const bytes = messages.at(-1);
        if (bytes === undefined) continue;
        const parsed = parseGrant(fromBase64(bytes));
        // A cohort's token is a message of another type and no grant.
        if (!parsed.ok) continue;
        const isRevoked = states.get(hash);
        const state =
            listed === null
                ? "unknown"
                : isRevoked === undefined
                  ? "waiting"
                  : isRevoked
                    ? "revoked"
                    : "in force";
        grants.push({ hash, grant: parsed.value, state });
        states.delete(hash);
    }
    for (const [hash, isRevoked] of states) {
        const grant = unwrap(parseGrant(await (api as ServerApi).grant(hash, "own list")));
        grants.push({ hash, grant, state: isRevoked ? "revoked" : "in force" });
    }
    return grants;
}

/**
 * The one grant of a list whose hash is, or begins with, a text of at least eight hexadecimal digits.
 * @throws MetersealError MS_USAGE, MS_NOT_FOUND.
 */
export function pickGrant(grants: readonly OwnGrant[], text: string): OwnGrant {
    const name = text.toLowerCase();
    const isHash = /^[0-9a-f]+$/.test(name) && name.length <= WHOLE_HASH;
    if (!isHash || name.length < PREFIX_MIN) {
        throw error("MS_USAGE", { expected: `at least ${PREFIX_MIN} digits of a hash`, got: text });
    }
    const [first, second] = grants.filter(({ hash }) => hash.startsWith(name));
    if (first === undefined) throw error("MS_NOT_FOUND", { where: `grant ${name}` });
    if (second === undefined) return first;
    throw error("MS_USAGE", { expected: "more digits: several grants begin so", got: text });
}

/** Hash of a grant in bytes. */
export function hashOf({ hash }: OwnGrant): Uint8Array {
    return fromHex(hash);
}

const KIND_NAMES = new Map<number, string>(
    Object.entries(GRANT_KIND).map(([name, kind]) => [kind, name]),
);

/** Letter of a grant's kind: K, D, W, C or E. */
export function kindName({ kind }: Grant): string {
    return KIND_NAMES.get(kind) ?? String(kind);
}

/** Open terms of a grant for JSON output; ids and hashes in hexadecimal. */
export function termsJson(grant: Grant): Record<string, unknown> {
    const { aad, ciphertext, enc, message, ...terms } = grant;
    const entries = Object.entries(terms).map(([name, value]) => [
        name,
        value instanceof Uint8Array ? toHex(value) : value,
    ]);
    return {
        grant: toHex(message.hash),
        bytes: message.bytes.length,
        sealedBytes: ciphertext.length,
        boundTo: `${aad.length} bytes of terms and ${enc.length} bytes of key`,
        ...Object.fromEntries(entries),
    };
}
