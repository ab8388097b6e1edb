import {
    ALGORITHM,
    bytesEqual,
    error,
    fromBase64,
    fromHex,
    type Result,
    toHex,
    unwrap,
    utf8,
    verifySignature,
} from "@meterseal/core";
import {
    type Contradiction,
    CULPRIT,
    genesisOf,
    type ProvenContradiction,
} from "@meterseal/ledger";
import { attempt } from "@meterseal/record";
import { Vote } from "cosmjs-types/tendermint/types/types";
import type { Validator } from "../validators.ts";
import { addressOf, blockIdOf, type JsonBlockId, timeOf, voteSignBytes } from "./signed-header.ts";

/** Votes of one validator at one place of a chain, as a block carries them in JSON. */
export type JsonDoubleVote = { readonly vote_a: JsonVote; readonly vote_b: JsonVote };

type JsonVote = {
    readonly type: number;
    readonly height: string;
    readonly round: number;
    readonly block_id: JsonBlockId;
    readonly timestamp: string;
    readonly validator_address: string;
    readonly validator_index: number;
    readonly signature: string;
};

const CHAIN_ID_BYTES = 64;

/** A contradiction of two votes: both in protobuf, and beside them the chain's id and the key. */
export function doubleVoteOf(
    { vote_a: first, vote_b: second }: JsonDoubleVote,
    place: {
        readonly chainId: string;
        readonly validators: readonly Validator[];
        readonly genesis: Uint8Array;
    },
): Contradiction {
    const address = first.validator_address.toLowerCase();
    const signer = place.validators.find((each) => toHex(addressOf(each)) === address);
    if (signer === undefined) throw error("MS_KEY_UNKNOWN", { got: `validator ${address}` });
    return {
        culprit: CULPRIT.validator,
        genesis: place.genesis,
        enrolment: null,
        statements: [encodeVote(first), encodeVote(second)],
        context: [utf8(place.chainId), signer.publicKey],
    };
}

/**
 * Checks that a key signed two votes of one kind for different blocks in one round of a chain. That
 * the key is one of the validators is for who knows the chain: its genesis, or what they signed.
 * @returns MS_NETWORK, MS_MALFORMED, MS_KEY_UNKNOWN, MS_SIGNATURE_BAD, or MS_CONTRADICTION for votes
 * that an honest validator makes both.
 */
export function checkDoubleVote(
    contradiction: Contradiction,
    networkId: Uint8Array,
): Result<ProvenContradiction> {
    const genesis = genesisOf(contradiction, networkId);
    if (!genesis.ok) return genesis;
    return attempt(() => {
        const [chain, publicKey, ...more] = contradiction.context;
        if (chain === undefined || publicKey?.length !== 32 || more.length > 0) {
            throw error("MS_MALFORMED", { expected: "the chain's id and the validator's key" });
        }
        if (chain.length > CHAIN_ID_BYTES) throw error("MS_MALFORMED", { where: "chain id" });
        const chainId = new TextDecoder("utf-8", { fatal: true }).decode(chain);
        const [a, b] = contradiction.statements.map((bytes) => decodeVote(bytes)) as [Vote, Vote];
        const key = { algorithm: ALGORITHM.edDsa, x: publicKey } as const;
        for (const vote of [a, b]) {
            if (!bytesEqual(vote.validatorAddress, addressOf({ publicKey }))) {
                throw error("MS_KEY_UNKNOWN", { got: toHex(vote.validatorAddress) });
            }
            const { blockId, height, round, signature, timestamp: time, type } = vote;
            const message = voteSignBytes({ type, height, round, blockId, time, chainId });
            if (!verifySignature(key, ALGORITHM.edDsa, message, signature)) {
                throw error("MS_SIGNATURE_BAD", { where: "vote" });
            }
        }
        const samePlace = a.type === b.type && a.height === b.height && a.round === b.round;
        if (!samePlace || isSameBlock(a, b)) {
            throw error("MS_CONTRADICTION", { expected: "votes for two blocks in one round" });
        }
        const where = `votes of height ${a.height}, round ${a.round} of ${chainId}`;
        return { culprit: "validator", id: toHex(publicKey), epoch: Number(a.height), where };
    });
}

function isSameBlock({ blockId: a }: Vote, { blockId: b }: Vote): boolean {
    const [one, other] = [a.partSetHeader, b.partSetHeader];
    return (
        bytesEqual(a.hash, b.hash) && one.total === other.total && bytesEqual(one.hash, other.hash)
    );
}

function decodeVote(bytes: Uint8Array): Vote {
    const vote = unwrap(attempt(() => Vote.decode(bytes)));
    if (bytesEqual(Vote.encode(vote).finish(), bytes)) return vote;
    throw error("MS_MALFORMED", { where: "vote", expected: "canonical protobuf" });
}

function encodeVote(vote: JsonVote): Uint8Array {
    return Vote.encode({
        type: vote.type,
        height: BigInt(vote.height),
        round: vote.round,
        blockId: blockIdOf(vote.block_id),
        timestamp: timeOf(vote.timestamp),
        validatorAddress: fromHex(vote.validator_address.toLowerCase()),
        validatorIndex: vote.validator_index,
        signature: fromBase64(vote.signature),
        extension: new Uint8Array(),
        extensionSignature: new Uint8Array(),
    }).finish();
}
