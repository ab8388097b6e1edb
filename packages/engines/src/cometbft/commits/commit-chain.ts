import type { Result } from "@meterseal/core";
import {
    attempt,
    decodeCbor,
    encodeCbor,
    malformed,
    toArray,
    toBytes,
    toInteger,
} from "@meterseal/record";
import { listOfValidators, toValidators } from "../engine-state.ts";
import type { Validator } from "../validators.ts";

/** A block's header with its commit, and the validators who were to sign it. */
export type CommitLink = {
    /** Protobuf `SignedHeader` of CometBFT. */
    readonly signedHeader: Uint8Array;
    /** The set whose hash the header states. */
    readonly validators: readonly Validator[];
};

/**
 * What shows offline that the validators agreed on a state of the ledger: signed headers from the first
 * that was kept to the latest, of which those between are the ones that name another set to follow.
 */
export type CommitChain = {
    readonly links: readonly CommitLink[];
    /** Size of the log after the block before the latest header, whose `app_hash` is of that state. */
    readonly size: number;
    /** Validators as the ledger knows them after that block. */
    readonly validators: readonly Validator[];
};

/** Changes of the validators that a chain holds; the oldest are dropped beyond it. */
export const LINKS_MAX = 256;
const HEADER_BYTES_MAX = 262_144;

/** CBOR of a chain: [[[signed header, validators], …], size, validators]. */
export function encodeCommitChain({ links, size, validators }: CommitChain): Uint8Array {
    const pairs = links.map((link) => [link.signedHeader, listOfValidators(link.validators)]);
    return encodeCbor([pairs, size, listOfValidators(validators)]);
}

/** Inverse of {@link encodeCommitChain}; MS_MALFORMED for anything else. */
export function decodeCommitChain(bytes: Uint8Array): Result<CommitChain> {
    return attempt(() => {
        const [links, size, validators, ...more] = toArray(decodeCbor(bytes), "commits", 3);
        if (more.length > 0) malformed("commits", "three parts");
        return {
            links: toArray(links, "commits", LINKS_MAX).map((value) => {
                const [signedHeader, set, ...rest] = toArray(value, "commit", 2);
                if (rest.length > 0) malformed("commit", "header and validators");
                return {
                    signedHeader: toBytes(signedHeader, "signed header", 1, HEADER_BYTES_MAX),
                    validators: toValidators(set),
                };
            }),
            size: toInteger(size, "commits.size", 0, Number.MAX_SAFE_INTEGER),
            validators: toValidators(validators),
        };
    });
}
