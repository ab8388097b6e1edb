import {
    ALGORITHM,
    bytesEqual,
    error,
    type MetersealError,
    type Result,
    toHex,
    unwrap,
    verifySignature,
} from "@meterseal/core";
import type { LedgerState, MerkleLog } from "@meterseal/ledger";
import { attempt } from "@meterseal/record";
import { type CommitSig, SignedHeader } from "cosmjs-types/tendermint/types/types";
import { appHashOf } from "../app-hash.ts";
import { type Validator, ValidatorSet } from "../validators.ts";
import { type CommitLink, decodeCommitChain } from "./commit-chain.ts";
import { addressOf, commitSignBytes, headerHash, validatorsHash } from "./signed-header.ts";

/** A chain of commits whose signatures hold. */
export type CheckedCommits = {
    readonly chainId: string;
    /** Height of the latest header. */
    readonly height: number;
    /** State that it states, 32 bytes, and size of the log then. */
    readonly appHash: Uint8Array;
    readonly size: number;
    /** Validators as the ledger must know them then. */
    readonly validators: readonly Validator[];
    /** Validators that signed the latest header, of so many. */
    readonly signed: number;
    readonly of: number;
    /** Signatures that were checked. */
    readonly signatures: number;
    /** Hash of the first set, hexadecimal: the one that a reader has to know. */
    readonly firstValidators: string;
    /** How often the set changed behind the first. */
    readonly changes: number;
};

/** `BlockIDFlag` of a signature: none, for the block, or for no block. */
const FLAG = { absent: 1, block: 2, none: 3 } as const;
/** Time of a signature that is absent: that of Go's zero time. */
const NO_TIME = -62_135_596_800n;

/**
 * Checks a chain of commits by itself: each header is signed by more than two thirds of its validators,
 * its set is the one that the header before has named, and the latest names the ledger's set to follow.
 * @returns MS_COMMIT, or MS_MALFORMED for bytes that are no chain.
 */
export function checkCommits(bytes: Uint8Array): Result<CheckedCommits> {
    const chain = decodeCommitChain(bytes);
    if (!chain.ok) return chain;
    return attempt(() => {
        const { links, size, validators } = chain.value;
        const checked = links.map(checkLink);
        const [first] = checked;
        const last = checked.at(-1);
        if (first === undefined || last === undefined) throw error("MS_COMMIT", { got: "none" });
        for (const [i, { chainId, header, where }] of checked.entries()) {
            const before = checked[i - 1];
            if (before === undefined) continue;
            const follows =
                chainId === first.chainId &&
                header.height > before.header.height &&
                bytesEqual(header.validatorsHash, before.header.nextValidatorsHash);
            const expected = "the validators that the header before has named";
            if (!follows) throw error("MS_COMMIT", { where, expected });
        }
        if (!bytesEqual(validatorsHash(validators), last.header.nextValidatorsHash)) {
            const expected = "the validators that the ledger knows";
            throw error("MS_COMMIT", { where: last.where, expected });
        }
        return {
            chainId: first.chainId,
            height: Number(last.header.height),
            appHash: last.header.appHash,
            size,
            validators,
            signed: last.signed,
            of: links.at(-1)?.validators.length ?? 0,
            signatures: checked.reduce((sum, { signed }) => sum + signed, 0),
            firstValidators: toHex(first.header.validatorsHash),
            changes: links.length - 1,
        };
    });
}

/** Compares the state that was replayed up to the size of the commits with the one that was signed. */
export function checkAgreed(
    { appHash, height, validators }: CheckedCommits,
    state: LedgerState,
    log: MerkleLog,
): MetersealError | null {
    const replayed = appHashOf(state, log, new ValidatorSet(validators));
    if (bytesEqual(replayed, appHash)) return null;
    return error("MS_COMMIT", {
        where: `block ${height}`,
        expected: `the state ${toHex(appHash)}, which the validators signed`,
        got: toHex(replayed),
    });
}

type CheckedLink = {
    readonly header: NonNullable<SignedHeader["header"]>;
    readonly chainId: string;
    readonly where: string;
    readonly signed: number;
};

function checkLink({ signedHeader, validators }: CommitLink): CheckedLink {
    const decoded = unwrap(attempt(() => SignedHeader.decode(signedHeader)));
    const { commit, header } = decoded;
    const isCanonical = bytesEqual(SignedHeader.encode(decoded).finish(), signedHeader);
    if (header === undefined || commit === undefined || !isCanonical) {
        throw error("MS_COMMIT", { expected: "a signed header" });
    }
    const where = `block ${header.height}`;
    const refuse = (expected: string): never => {
        throw error("MS_COMMIT", { where, expected });
    };
    const isOwn =
        commit.height === header.height && bytesEqual(commit.blockId.hash, headerHash(header));
    if (!isOwn) refuse("a commit for the header");
    if (!bytesEqual(validatorsHash(validators), header.validatorsHash)) {
        refuse("the validators of the header");
    }
    const unsigned = new Map(validators.map((each) => [toHex(addressOf(each)), each]));
    const total = validators.reduce((sum, { power }) => sum + power, 0n);
    let power = 0n;
    let signed = 0;
    for (const vote of commit.signatures) {
        if (isAbsent(vote)) continue;
        const address = toHex(vote.validatorAddress);
        const validator = unsigned.get(address) ?? refuse("one signature of each validator");
        unsigned.delete(address);
        const isForBlock = vote.blockIdFlag === FLAG.block;
        const key = { algorithm: ALGORITHM.edDsa, x: validator.publicKey } as const;
        const message = commitSignBytes(decoded, vote.timestamp, isForBlock);
        const holds =
            (isForBlock || vote.blockIdFlag === FLAG.none) &&
            verifySignature(key, ALGORITHM.edDsa, message, vote.signature);
        if (!holds) refuse(`a signature of validator ${address} that holds`);
        if (!isForBlock) continue;
        power += validator.power;
        signed++;
    }
    if (3n * power <= 2n * total) refuse("signatures of more than two thirds of the power");
    return { header, chainId: header.chainId, where, signed };
}

/** True for the place of a validator that did not vote; nothing may stand in it. */
function isAbsent({ blockIdFlag, signature, timestamp, validatorAddress }: CommitSig): boolean {
    const isEmpty = signature.length === 0 && validatorAddress.length === 0;
    const noTime = timestamp.seconds === NO_TIME && timestamp.nanos === 0;
    return blockIdFlag === FLAG.absent && isEmpty && noTime;
}
