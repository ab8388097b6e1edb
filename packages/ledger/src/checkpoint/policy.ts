import { error, fail, ok, type Result, toHex } from "@meterseal/core";
import { type CosignerKey, parseCosignerKey, verifyCosignature } from "./cosignature.ts";
import { NOTE_LIMITS } from "./note.ts";
import { type NoteKey, parseVerifierKey } from "./note-key.ts";

/** Bounds of a policy file; C2SP tlog-policy asks for at least 32 of each kind. */
export const POLICY_LIMITS = {
    /** The whole file, in characters. */
    characters: 262_144,
    /** Logs, witnesses and groups, each. */
    entries: 64,
    /** That a quorum may need: with the log's own line they fill a note. */
    cosignatures: NOTE_LIMITS.signatures - 1,
} as const;

/** A log that a policy accepts, and where it may be reached. */
export type PolicyLog = { readonly key: NoteKey; readonly url?: string };

/** A witness of a policy under the name that it has there, and where it may be reached. */
export type PolicyWitness = {
    readonly name: string;
    readonly key: CosignerKey;
    readonly url?: string;
};

/** At least so many of the members must have cosigned; members are witnesses or earlier groups. */
export type PolicyGroup = {
    readonly name: string;
    readonly threshold: number;
    readonly members: readonly string[];
};

/** Whose word is enough for a checkpoint (C2SP tlog-policy). */
export type Policy = {
    readonly logs: readonly PolicyLog[];
    readonly witnesses: readonly PolicyWitness[];
    readonly groups: readonly PolicyGroup[];
    /** Name of a witness or group; null where no cosignature is asked for. */
    readonly quorum: string | null;
};

/** How a checkpoint stands under a policy. */
export type QuorumVerdict = {
    readonly met: boolean;
    /** Witnesses of the policy whose cosignature verified, by their names there. */
    readonly cosigned: readonly string[];
};

const NONE = "none";
const ONE_ID = "a key whose name and key id no other key has";
const BLANK = /[ \t]+/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: tlog-policy forbids exactly these
const FORBIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f]/;

type Draft = {
    logs: PolicyLog[];
    witnesses: PolicyWitness[];
    groups: PolicyGroup[];
    quorum: string | null | undefined;
    /** What lines define, and the most cosignatures that each may need. */
    readonly names: Map<string, number>;
    readonly members: Set<string>;
    readonly keys: Set<string>;
};

/**
 * Parses a policy file (C2SP tlog-policy, section "Policy file syntax and structure"), at most
 * 64 logs, witnesses and groups each. Fails with MS_WITNESS_POLICY and the number of the line.
 */
export function parsePolicy(text: string): Result<Policy> {
    if (text.length > POLICY_LIMITS.characters) return refuse("file", "a shorter policy");
    if (FORBIDDEN.test(text)) return refuse("file", "no control characters but tab and newline");
    const draft: Draft = {
        logs: [],
        witnesses: [],
        groups: [],
        quorum: undefined,
        names: new Map(),
        members: new Set(),
        keys: new Set(),
    };
    for (const [index, line] of text.split("\n").entries()) {
        const words = line.split(BLANK).filter((word) => word !== "");
        if (words.length === 0 || words[0]?.startsWith("#")) continue;
        const expected = readLine(draft, words);
        if (expected !== null) return refuse(`line ${index + 1}`, expected);
    }
    const { groups, logs, quorum, witnesses } = draft;
    if (quorum === undefined) return refuse("file", "a quorum line");
    return ok({ logs, witnesses, groups, quorum });
}

/**
 * Whether enough witnesses cosigned a checkpoint. The log's own signature is not looked at.
 * @param note - signed note of the checkpoint with its cosignatures.
 */
export function judgeQuorum(policy: Policy, note: string | Uint8Array): QuorumVerdict {
    const cosigned = policy.witnesses
        .filter(({ key }) => verifyCosignature(note, key).ok)
        .map(({ name }) => name);
    return { met: smallestQuorum(policy, new Set(cosigned)) !== null, cosigned };
}

/**
 * As few of the witnesses that cosigned as are enough for a policy, by their names there; null where
 * they are not enough. Never more than {@link POLICY_LIMITS} says of a policy that was parsed.
 */
export function smallestQuorum(
    { groups, quorum, witnesses }: Policy,
    cosigned: ReadonlySet<string>,
): readonly string[] | null {
    if (quorum === null) return [];
    const having = new Map<string, readonly string[]>();
    for (const { name } of witnesses) if (cosigned.has(name)) having.set(name, [name]);
    for (const { members, name, threshold } of groups) {
        const found = members.flatMap((member) => {
            const names = having.get(member);
            return names === undefined ? [] : [names];
        });
        if (found.length < threshold) continue;
        found.sort((one, other) => one.length - other.length);
        having.set(name, found.slice(0, threshold).flat());
    }
    return having.get(quorum) ?? null;
}

/** Reads one line into the draft; returns what was expected where it is not valid. */
function readLine(draft: Draft, words: readonly string[]): string | null {
    const [keyword, ...rest] = words;
    switch (keyword) {
        case "log":
            return readLog(draft, rest);
        case "witness":
            return readWitness(draft, rest);
        case "group":
            return readGroup(draft, rest);
        case "quorum":
            return readQuorum(draft, rest);
        default:
            return "log, witness, group or quorum";
    }
}

function readLog(draft: Draft, [text, url, ...more]: readonly string[]): string | null {
    if (text === undefined || more.length > 0) return "log, a verifier key and perhaps a URL";
    const key = parseVerifierKey(text);
    if (!key.ok) return "the verifier key of a log";
    if (draft.logs.length >= POLICY_LIMITS.entries) return `at most ${POLICY_LIMITS.entries} logs`;
    if (!takeKey(draft, `log ${textOfKey(key.value)}`)) return "each log once";
    if (!takeKey(draft, lineOf(text))) return ONE_ID;
    draft.logs.push({ key: key.value, ...urlOf(url) });
    return null;
}

function readWitness(draft: Draft, words: readonly string[]): string | null {
    const [name, text, url, ...more] = words;
    if (name === undefined || text === undefined || more.length > 0) {
        return "witness, a name, a verifier key and perhaps a URL";
    }
    const key = parseCosignerKey(text);
    if (!key.ok) return "the verifier key of a witness";
    if (draft.witnesses.length >= POLICY_LIMITS.entries) {
        return `at most ${POLICY_LIMITS.entries} witnesses`;
    }
    if (!takeKey(draft, `witness ${toHex(key.value.publicKey)}`)) return "each witness once";
    if (!takeKey(draft, lineOf(text))) return ONE_ID;
    if (!takeName(draft, name, 1)) return "a name that is not taken";
    draft.witnesses.push({ name, key: key.value, ...urlOf(url) });
    return null;
}

function readGroup(draft: Draft, words: readonly string[]): string | null {
    const [name, count, ...members] = words;
    if (name === undefined || count === undefined || members.length === 0) {
        return "group, a name, all, any or a number, and its members";
    }
    const threshold = thresholdOf(count, members.length);
    if (threshold === null) return `all, any or a number from 1 to ${members.length}`;
    if (draft.groups.length >= POLICY_LIMITS.entries) {
        return `at most ${POLICY_LIMITS.entries} groups`;
    }
    for (const member of members) {
        if (!draft.names.has(member)) return "members that earlier lines define";
        if (draft.members.has(member)) return "each name in at most one group, once";
        draft.members.add(member);
    }
    const needs = members.map((member) => draft.names.get(member) ?? 0).sort((a, b) => b - a);
    const most = needs.slice(0, threshold).reduce((sum, need) => sum + need, 0);
    if (!takeName(draft, name, most)) return "a name that is not taken";
    draft.groups.push({ name, threshold, members });
    return null;
}

function readQuorum(draft: Draft, [name, ...more]: readonly string[]): string | null {
    if (name === undefined || more.length > 0) return "quorum and one name";
    if (draft.quorum !== undefined) return "one quorum line";
    if (name !== NONE && !draft.names.has(name)) return "a name that an earlier line defines";
    if ((draft.names.get(name) ?? 0) > POLICY_LIMITS.cosignatures) {
        return `a quorum that never needs more than ${POLICY_LIMITS.cosignatures} cosignatures`;
    }
    draft.quorum = name === NONE ? null : name;
    return null;
}

function thresholdOf(text: string, members: number): number | null {
    if (text === "all") return members;
    if (text === "any") return 1;
    const count = /^[1-9][0-9]{0,2}$/.test(text) ? Number(text) : 0;
    return count >= 1 && count <= members ? count : null;
}

function takeName(draft: Draft, name: string, cosignatures: number): boolean {
    if (name === NONE || draft.names.has(name)) return false;
    draft.names.set(name, cosignatures);
    return true;
}

function takeKey(draft: Draft, key: string): boolean {
    if (draft.keys.has(key)) return false;
    draft.keys.add(key);
    return true;
}

/**
 * What the signature lines of a verifier key show of it, name and key id. Of two keys that show the same
 * each one's lines spoil the other's, and 32 bits of an id are few enough to search for such a key.
 */
function lineOf(verifierKey: string): string {
    return verifierKey.split("+", 2).join("+");
}

function textOfKey({ publicKey }: NoteKey): string {
    return "x" in publicKey ? toHex(publicKey.x) : "";
}

function urlOf(url: string | undefined): { url?: string } {
    return url === undefined ? {} : { url };
}

function refuse(where: string, expected: string): Result<never> {
    return fail(error("MS_WITNESS_POLICY", { where, expected }));
}
