import { bytesEqual, fromBase64, toHex } from "@meterseal/core";
import {
    checkOwnGrant,
    type IssuedGrant,
    type Journal,
    keptGrant,
    OwnKeys,
    type OwnLedger,
    ownFaultWords,
    unseenGrants,
} from "@meterseal/wallet";
import { fetchParty, fetchProven } from "../../../api/ledger.ts";
import { shortHex } from "../../../format.ts";
import {
    type BoxRow,
    type Caller,
    cutWords,
    fetchBoxRows,
    fetchGrant,
    fetchNoticeRows,
} from "./server.ts";
import type { OwnGrant } from "./view.ts";

/** Grants of this household that hold, and sentences about those that do not. */
export type OwnGrants = {
    readonly grants: readonly OwnGrant[];
    readonly faults: readonly string[];
    /** Grants that the server or the ledger names and of which nobody here knows what they open. */
    readonly unseen: number;
};

/**
 * Everything that this household granted: what the server's box hands out, and what only the journal of
 * this browser has; all of it held against the household's keys and the ledger.
 */
export async function readOwnGrants(
    caller: Caller,
    streamId: Uint8Array,
    journal: Journal,
): Promise<OwnGrants> {
    const [boxed, told] = await Promise.all([fetchBoxRows(caller), fetchNoticeRows(caller)]);
    const rows = boxed.rows.filter(({ issuer }) => issuer === toHex(caller.party));
    const notices = told.rows;
    const ledger: OwnLedger = {
        ...{ network: caller.networkId, household: caller.party, notices },
        keys: ownKeys(caller),
        proven: (hash) => fetchProven(caller, hash),
    };
    const grants: OwnGrant[] = [];
    const faults = [...cutWords("grants", boxed), ...cutWords("notices of your home", told)];
    const listed = new Set(rows.map(({ hash }) => hash));
    const kept = journal.grants.filter(
        (issued) => !listed.has(issued.hash) && keptGrant(issued) !== null,
    );
    // What the journal has is known, whatever a server makes of it.
    const known = new Set(journal.grants.map(({ hash }) => hash));
    const unknown = new Set<string>();
    for (const row of [...rows, ...kept.map(rowOf)]) {
        const name = shortHex(row.hash);
        const checked = await checkOwnGrant(ledger, row.hash, await bytesOf(caller, row, kept));
        if (!checked.ok) {
            faults.push(ownFaultWords(name, checked.error));
            if (!known.has(row.hash)) unknown.add(row.hash);
        } else if (bytesEqual(checked.value.grant.streamId, streamId)) {
            grants.push({ ...checked.value, row });
        } else faults.push(`The grant ${name} is not of your meter.`);
    }
    for (const topic of unseenGrants(notices, listed)) {
        if (!known.has(topic)) unknown.add(topic);
        faults.push(
            `The ledger names a grant of yours, ${shortHex(topic)}, that the server does not hand out: it never got it, or keeps it from you.`,
        );
    }
    grants.sort((a, b) => a.grant.issuedUnix - b.grant.issuedUnix);
    return { grants, faults, unseen: unknown.size };
}

function ownKeys(caller: Caller): OwnKeys {
    const party = toHex(caller.party);
    return new OwnKeys(
        caller.signer.publicKey,
        async (kid) => (await fetchParty(caller, party, toHex(kid))).key,
    );
}

/** A grant of the journal as the box would list it: nobody has taken it. */
function rowOf({ hash, recipient }: IssuedGrant): BoxRow {
    const untouched = { reads: 0, lastReadUnix: null, refusals: 0 };
    return { hash, recipient, issuer: "", size: 0, row: -1, ...untouched };
}

/** Bytes of a grant, from the journal where the server has it not. */
async function bytesOf(
    caller: Caller,
    row: BoxRow,
    kept: readonly IssuedGrant[],
): Promise<Uint8Array> {
    const message = kept.find(({ hash }) => hash === row.hash)?.messages.at(-1);
    return message === undefined ? await fetchGrant(caller, row.hash) : fromBase64(message);
}
