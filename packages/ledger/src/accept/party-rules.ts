import { bytesEqual, error, fail, LIMITS, ok, type Result, toHex } from "@meterseal/core";
import {
    kidOf,
    NOTICE_KIND,
    type Notice,
    PARTY_ROLE,
    type Party,
    type Sign1,
    type TariffMessage,
    topicOf,
} from "@meterseal/record";
import type { SignatureCheck } from "./accept.ts";
import { type LedgerState, noticeKey } from "./state.ts";

const ROLE_NAMES: Record<number, string> = Object.fromEntries(
    Object.entries(PARTY_ROLE).map(([name, role]) => [role, name]),
);

/** Admits a party, or replaces what an earlier message said of it (a later key epoch). */
export function acceptParty(
    state: LedgerState,
    party: Party,
    check: SignatureCheck,
): Result<undefined> {
    const id = toHex(party.id);
    const where = `party ${id}`;
    const refuse = (expected: string, todo?: string): Result<never> =>
        fail(error("MS_PARTY", { where, expected, ...(todo === undefined ? {} : { todo }) }));
    if (!bytesEqual(party.network, state.networkId)) return refuse("this network's id");
    if (!check(party.message, state.genesis.operator)) {
        return fail(error("MS_SIGNATURE_BAD", { where }));
    }
    const kid = toHex(kidOf(party.key));
    const before = state.parties.get(id);
    // A party may keep its present key; one that it gave up never comes back.
    const holder = state.partyKeys.get(kid);
    if (state.keys.has(kid) || (holder !== undefined && holder !== before)) {
        return refuse("a key id that no other key has");
    }
    if (state.subjects.has(id)) return refuse("an id that is not a meter's or a collector's");
    const laterKey = before === undefined || party.keyEpoch > before.keyEpoch;
    if (before !== undefined && (before.role !== party.role || !laterKey)) {
        return refuse(`a ${ROLE_NAMES[before.role]} with a key epoch after ${before.keyEpoch}`);
    }
    for (const stream of party.streams) {
        const name = toHex(stream);
        if (state.streamIds.find(stream) < 0) {
            return refuse(`stream ${name} to be enrolled`, "Enrol the meter first.");
        }
        const owner = state.owners.get(name);
        if (owner !== undefined && owner !== id) {
            return refuse(
                `stream ${name} to have no other household`,
                "A new tenant takes a new stream; the household before gives one up by a later party message.",
            );
        }
    }
    for (const stream of before?.streams ?? []) state.owners.delete(toHex(stream));
    for (const stream of party.streams) state.owners.set(toHex(stream), id);
    state.parties.set(id, party);
    state.partyKeys.set(kid, party);
    state.facts.touch("party", kid);
    return ok(undefined);
}

/** Takes a statement of a party: signed by its present key, allowed to its role, said once. */
export function acceptNotice(
    state: LedgerState,
    notice: Notice,
    timeMs: number,
    check: SignatureCheck,
): Result<undefined> {
    const { kind, party: id } = notice;
    const topic = topicOf(notice);
    const where = `notice ${toHex(topic)} of party ${toHex(id)}`;
    const role = kind === NOTICE_KIND.cohort ? PARTY_ROLE.monitor : PARTY_ROLE.household;
    const fault = authorFault(state, notice, { where, role, timeMs, check });
    if (fault !== null) return fail(fault);
    const key = noticeKey(id, kind, topic);
    if (state.notices.has(key)) return fail(error("MS_NOTICE_DUPLICATE", { where }));
    if (kind === NOTICE_KIND.revocation) {
        const issued = [NOTICE_KIND.grant, NOTICE_KIND.policy];
        if (!issued.some((each) => state.notices.has(noticeKey(id, each, topic)))) {
            return fail(error("MS_NOTICE", { where, expected: "a grant or policy of this party" }));
        }
    }
    state.notices.set(key, { hash: notice.message.hash, timeUnix: notice.timeUnix });
    state.facts.touch("notice", key);
    return ok(undefined);
}

/** Takes a tariff that a provider publishes. */
export function acceptTariff(
    state: LedgerState,
    tariff: TariffMessage,
    timeMs: number,
    check: SignatureCheck,
): Result<undefined> {
    const hash = toHex(tariff.message.hash);
    const where = `tariff ${hash} of party ${toHex(tariff.party)}`;
    const role = PARTY_ROLE.provider;
    const fault = authorFault(state, tariff, { where, role, timeMs, check });
    if (fault !== null) return fail(fault);
    if (state.tariffs.has(hash)) return fail(error("MS_NOTICE_DUPLICATE", { where }));
    state.tariffs.set(hash, { party: tariff.party, timeUnix: tariff.timeUnix });
    state.facts.touch("tariff", hash);
    return ok(undefined);
}

type Said = {
    readonly network: Uint8Array;
    readonly party: Uint8Array;
    readonly timeUnix: number;
    readonly message: Sign1;
};

/** What is wrong with who says something, or when; null where nothing is. */
function authorFault(
    state: LedgerState,
    said: Said,
    rule: { where: string; role: number; timeMs: number; check: SignatureCheck },
): ReturnType<typeof error> | null {
    const { where, role, timeMs, check } = rule;
    if (!bytesEqual(said.network, state.networkId)) {
        return error("MS_NOTICE", { where, expected: "this network's id" });
    }
    const signer = state.partyKeys.get(toHex(said.message.kid));
    if (signer === undefined) return error("MS_KEY_UNKNOWN", { where });
    if (!bytesEqual(signer.id, said.party)) {
        return error("MS_NOT_ALLOWED", { where, expected: "a key of the party that it names" });
    }
    if (state.parties.get(toHex(signer.id)) !== signer) {
        return error("MS_FROZEN", { where, expected: "the party's present key" });
    }
    if (!check(said.message, signer.key)) return error("MS_SIGNATURE_BAD", { where });
    if (signer.role !== role) {
        const [expected, got] = [ROLE_NAMES[role] ?? "", ROLE_NAMES[signer.role] ?? ""];
        return error("MS_NOT_ALLOWED", { where, expected: `a ${expected}`, got: `a ${got}` });
    }
    if (said.timeUnix * 1000 > timeMs + LIMITS.clockAheadSeconds * 1000) {
        return error("MS_CLOCK", { where, expected: `a time until ${Math.floor(timeMs / 1000)}` });
    }
    return null;
}
