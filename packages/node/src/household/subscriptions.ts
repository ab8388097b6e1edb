import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bytesEqual, concatBytes, error, toHex, unwrap } from "@meterseal/core";
import { type Party, splitSequence, verifySign1 } from "@meterseal/record";
import { parseStandingPolicy, type StandingPolicy } from "@meterseal/seal";
import { writeSecret } from "../files.ts";
import type { ServerApi } from "../party/server-api.ts";

/** A file a policy in a household's directory, of this name and its hash: its notice, then itself. */
const PREFIX = "policy-";
const SUFFIX = ".cose";
/** Suffix of a file with the notice that revokes a policy. */
const REVOKED_SUFFIX = ".revoked";

/** A standing policy of a household. */
export type Subscription = {
    /** Hash of the policy message, hex. */
    readonly hash: string;
    readonly policy: StandingPolicy;
    readonly isRevoked: boolean;
};

/** A policy as it waits on disk for a server, with the notice that goes before it. */
type KeptPolicy = { readonly notice: Uint8Array; readonly policy: StandingPolicy };

/**
 * Writes a policy down. Returns when it is on disk: a server gets it only then.
 * @throws MetersealError MS_STORE_UNWRITABLE
 */
export function keepPolicy(home: string, notice: Uint8Array, policy: StandingPolicy): void {
    const { bytes, hash } = policy.message;
    const text = concatBytes(notice, bytes).toBase64();
    writeSecret(pathOf(home, toHex(hash), SUFFIX), `${text}\n`);
}

/**
 * Writes a revocation down. From then on this wallet issues no lease of the policy, whatever a server
 * says of it.
 * @throws MetersealError MS_STORE_UNWRITABLE
 */
export function keepRevocation(home: string, hash: string, notice: Uint8Array): void {
    const path = pathOf(home, hash, REVOKED_SUFFIX);
    if (!existsSync(path)) writeSecret(path, `${notice.toBase64()}\n`);
}

/** Notice that revokes a policy, as it is on disk; null where the policy is not revoked here. */
function keptRevocation(home: string, hash: string): Uint8Array | null {
    const path = pathOf(home, hash, REVOKED_SUFFIX);
    return existsSync(path) ? Uint8Array.fromBase64(readFileSync(path, "utf8").trim()) : null;
}

function keptPolicies(home: string): KeptPolicy[] {
    return readdirSync(home)
        .filter((name) => name.startsWith(PREFIX) && name.endsWith(SUFFIX))
        .map((name) => readKept(join(home, name)));
}

/** Half a hash tells the few policies of a household apart. */
function pathOf(home: string, hash: string, suffix: string): string {
    return join(home, `${PREFIX}${hash.slice(0, 32)}${suffix}`);
}

function readKept(where: string): KeptPolicy {
    try {
        const bytes = Uint8Array.fromBase64(readFileSync(where, "utf8").trim());
        const [notice, message] = unwrap(splitSequence(bytes, 2));
        if (notice === undefined || message === undefined) throw new SyntaxError("two messages");
        return { notice, policy: unwrap(parseStandingPolicy(message)) };
    } catch (cause) {
        throw error("MS_JOURNAL", { where, expected: "the file unchanged", cause });
    }
}

/** Gives a server the policies and revocations on disk that it does not have; returns how many. */
export async function postPolicies(home: string, api: ServerApi): Promise<number> {
    const listed = await api.policies();
    const there = new Set(listed.map(({ hash }) => hash));
    const waiting = keptPolicies(home).filter(
        ({ policy }) => !there.has(toHex(policy.message.hash)),
    );
    for (const { notice, policy } of waiting) {
        await api.postNotice(notice);
        await api.postPolicy(policy.message.bytes);
    }
    let revoked = 0;
    const inForce = listed.filter(({ isRevoked }) => !isRevoked).map(({ hash }) => hash);
    const posted = waiting.map(({ policy }) => toHex(policy.message.hash));
    for (const hash of [...inForce, ...posted]) {
        const notice = keptRevocation(home, hash);
        if (notice === null) continue;
        await api.postNotice(notice);
        revoked++;
    }
    return waiting.length + revoked;
}

/**
 * Every policy of a household that a server has, also those made on another device: signed by the
 * household's own key, or they do not count.
 */
export async function ownSubscriptions(
    home: string,
    household: Party,
    api: ServerApi,
): Promise<Subscription[]> {
    const kept = new Map(
        keptPolicies(home).map(({ policy }) => [toHex(policy.message.hash), policy]),
    );
    const found: Subscription[] = [];
    for (const { hash, isRevoked, issuer } of await api.policies()) {
        if (issuer !== toHex(household.id)) continue;
        const policy = kept.get(hash) ?? unwrap(parseStandingPolicy(await api.policy(hash)));
        const isOwn =
            toHex(policy.message.hash) === hash &&
            bytesEqual(policy.household, household.id) &&
            verifySign1(policy.message, household.key);
        const isEnded = isRevoked || keptRevocation(home, hash) !== null;
        if (isOwn) found.push({ hash, policy, isRevoked: isEnded });
    }
    return found;
}

/**
 * The one subscription whose hash begins with a text of at least eight hexadecimal digits.
 * @throws MetersealError MS_USAGE, MS_NOT_FOUND.
 */
export function pickSubscription(found: readonly Subscription[], text: string): Subscription {
    const name = text.toLowerCase();
    if (!/^[0-9a-f]{8,64}$/.test(name)) {
        throw error("MS_USAGE", { expected: "at least 8 digits of a hash", got: text });
    }
    const [first, second] = found.filter(({ hash }) => hash.startsWith(name));
    if (first === undefined) throw error("MS_NOT_FOUND", { where: `subscription ${name}` });
    if (second === undefined) return first;
    throw error("MS_USAGE", { expected: "more digits: several begin so", got: text });
}
