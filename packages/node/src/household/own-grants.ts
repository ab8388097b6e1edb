import { error, fromHex, toHex } from "@meterseal/core";
import { GRANT_KIND, type Grant } from "@meterseal/seal";
import { type IssuedGrant, keptGrant, ownFaultWords, unseenGrants } from "@meterseal/wallet";
import { type OwnServer, ownLedger, readListed } from "./own-ledger.ts";

/** A grant of a household, and what is known of it. */
export type OwnGrant = {
    readonly hash: string;
    readonly grant: Grant;
    /**
     * Whether a server has it: it waits in the journal, is in force, or was revoked, by a proven notice;
     * unknown where no server was asked.
     */
    readonly state: "unknown" | "waiting" | "in force" | "revoked";
};

/** The grants of a household that hold, and what was found besides. */
export type OwnGrants = {
    readonly grants: readonly OwnGrant[];
    /**
     * Sentences about grants that the server lists, or the ledger names, in the household's name, and of
     * which nobody here can tell what they open. None of them is in the journal.
     */
    readonly faults: readonly string[];
};

const WHOLE_HASH = 64;
/** Characters of a hash that may stand for it. */
const PREFIX_MIN = 8;
/** Characters of a hash in a sentence. */
const SHORT_HASH = 16;

/**
 * Every grant that a household issued: those of its journal, and those that a server has besides, as
 * issued on another device, each held against the household's keys and the ledger.
 * @param kept - grants of the household's journal.
 * @param server - null for the journal alone.
 * @throws MetersealError those of the server.
 */
export async function ownGrants(
    kept: readonly IssuedGrant[],
    server: OwnServer | null,
): Promise<OwnGrants> {
    const own = kept.flatMap((issued) => {
        const grant = keptGrant(issued);
        return grant === null ? [] : [{ hash: issued.hash, grant }];
    });
    if (server === null) {
        return { grants: own.map((each) => ({ ...each, state: "unknown" })), faults: [] };
    }
    const household = toHex(server.own.party.id);
    const listed = (await server.api.grants()).filter(({ issuer }) => issuer === household);
    const ledger = await ownLedger(server);
    const grants: OwnGrant[] = [];
    const there = new Set(listed.map(({ hash }) => hash));
    for (const { grant, hash } of own) {
        const isRevoked = there.has(hash) && (await ledger.isRevoked(hash));
        const state = !there.has(hash) ? "waiting" : isRevoked ? "revoked" : "in force";
        grants.push({ hash, grant, state });
    }
    const known = new Set(kept.map(({ hash }) => hash));
    const faults: string[] = [];
    for (const { hash } of listed.filter((each) => !known.has(each.hash))) {
        const checked = await readListed(ledger, server.api, hash);
        if (checked.ok) {
            const { grant, revocation } = checked.value;
            grants.push({ hash, grant, state: revocation === null ? "in force" : "revoked" });
        } else faults.push(ownFaultWords(hash.slice(0, SHORT_HASH), checked.error));
    }
    for (const { hash } of listed) known.add(hash);
    for (const hash of unseenGrants(ledger.notices, known)) {
        faults.push(
            `The ledger names the grant ${hash.slice(0, SHORT_HASH)} of your home, and the server does not hand it out.`,
        );
    }
    return { grants, faults };
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
