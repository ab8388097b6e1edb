import { bytesEqual, error, unwrap } from "@meterseal/core";
import { SignedHeader } from "cosmjs-types/tendermint/types/types";
import type { ProofPoint } from "../application.ts";
import type { Validator } from "../validators.ts";
import { checkCommits } from "./check.ts";
import {
    type CommitChain,
    type CommitLink,
    decodeCommitChain,
    encodeCommitChain,
    LINKS_MAX,
} from "./commit-chain.ts";
import { validatorsHash } from "./signed-header.ts";

/** A node that tells what was signed. */
export interface CommitSource {
    /** Protobuf `SignedHeader` of a height. */
    signedHeader(height: number): Promise<Uint8Array>;
    /** Validators who were to sign a height. */
    validators(height: number): Promise<Validator[]>;
}

/** Where a chain of commits is kept. */
export interface CommitStore {
    /** Null before the first. */
    commits(): Promise<Uint8Array | null>;
    /** Puts a chain in the place of the one before, durably. */
    keepCommits(bytes: Uint8Array): Promise<void>;
}

/**
 * Brings the chain of commits that a store keeps up to a block: the latest signed header takes the
 * place of the one before, and each change of the validators between them stays.
 * @returns false where the block is not newer than what is kept.
 * @throws MetersealError MS_LINK where the node does not answer, MS_COMMIT where what it says does not
 * hold: then nothing is kept.
 */
export async function keepCommits(
    { height, size, validators }: ProofPoint,
    source: CommitSource,
    store: CommitStore,
): Promise<boolean> {
    const bytes = await store.commits();
    const known = bytes === null ? null : unwrap(decodeCommitChain(bytes));
    const latest = await linkAt(height, source);
    const links = known === null ? [] : known.links.slice();
    const last = links.at(-1);
    if (last !== undefined && heightOf(last) >= height) return false;
    if (last !== undefined && !namesOthers(last)) links.pop();
    const from = last ?? latest;
    links.push(...(await changesBetween(from, latest, source)), latest);
    const chain: CommitChain = { links: links.slice(-LINKS_MAX), size, validators };
    const encoded = encodeCommitChain(chain);
    unwrap(checkCommits(encoded));
    await store.keepCommits(encoded);
    return true;
}

async function linkAt(height: number, source: CommitSource): Promise<CommitLink> {
    const signedHeader = await source.signedHeader(height);
    return { signedHeader, validators: await source.validators(height) };
}

function headerOf({ signedHeader }: CommitLink): NonNullable<SignedHeader["header"]> {
    const { header } = SignedHeader.decode(signedHeader);
    if (header === undefined) throw error("MS_COMMIT", { got: "no header" });
    return header;
}

const heightOf = (link: CommitLink): number => Number(headerOf(link).height);

/** Whether a header names another set to follow: without it the next one could not be trusted. */
function namesOthers(link: CommitLink): boolean {
    const { nextValidatorsHash, validatorsHash: own } = headerOf(link);
    return !bytesEqual(nextValidatorsHash, own);
}

/** Headers between two that name another set to follow, each found by halving. */
async function changesBetween(
    from: CommitLink,
    to: CommitLink,
    source: CommitSource,
): Promise<CommitLink[]> {
    const changes: CommitLink[] = [];
    let before = from;
    const wanted = validatorsHash(to.validators);
    while (before !== to && changes.length < LINKS_MAX) {
        const { nextValidatorsHash } = headerOf(before);
        if (bytesEqual(nextValidatorsHash, wanted)) return changes;
        let [low, high] = [heightOf(before), heightOf(to) - 1];
        while (high - low > 1) {
            const middle = Math.floor((low + high) / 2);
            const { nextValidatorsHash: next } = headerOf(await linkAt(middle, source));
            if (bytesEqual(next, nextValidatorsHash)) low = middle;
            else high = middle;
        }
        before = await linkAt(high, source);
        changes.push(before);
    }
    return changes;
}
