import { compareBytes, concatBytes, error, fromBase64, fromHex, sha256 } from "@meterseal/core";
import { leafHash, MerkleLog } from "@meterseal/ledger";
import { BinaryWriter } from "cosmjs-types/binary";
import { Timestamp } from "cosmjs-types/google/protobuf/timestamp";
import { BlockID, SignedHeader } from "cosmjs-types/tendermint/types/types";
import { Consensus } from "cosmjs-types/tendermint/version/types";
import type { Validator } from "../validators.ts";

/** Header and commit of a block, as CometBFT's protobuf has them. */
export type { SignedHeader } from "cosmjs-types/tendermint/types/types";

type Header = SignedHeader["header"] & object;
type BlockId = Header["lastBlockId"];

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const PRECOMMIT = 2;
const NO_BLOCK: BlockId = {
    hash: new Uint8Array(),
    partSetHeader: { total: 0, hash: new Uint8Array() },
};

/** Hash of a block: the root over its header's fields, each in protobuf (CometBFT, Header.Hash). */
export function headerHash(header: Header): Uint8Array {
    const bytes = (value: Uint8Array): Uint8Array =>
        wrapped(BYTES, value.length === 0, (writer) => writer.bytes(value));
    const fields = [
        Consensus.encode(header.version).finish(),
        wrapped(BYTES, header.chainId === "", (writer) => writer.string(header.chainId)),
        wrapped(VARINT, header.height === 0n, (writer) => writer.int64(header.height)),
        Timestamp.encode(header.time).finish(),
        BlockID.encode(header.lastBlockId).finish(),
        bytes(header.lastCommitHash),
        bytes(header.dataHash),
        bytes(header.validatorsHash),
        bytes(header.nextValidatorsHash),
        bytes(header.consensusHash),
        bytes(header.appHash),
        bytes(header.lastResultsHash),
        bytes(header.evidenceHash),
        bytes(header.proposerAddress),
    ];
    return rootOf(fields);
}

/** Hash of validators in CometBFT's order: by power, the largest first, then by address. */
export function validatorsHash(validators: readonly Validator[]): Uint8Array {
    const sorted = [...validators].sort(
        (a, b) => Number(b.power - a.power) || compareBytes(addressOf(a), addressOf(b)),
    );
    return rootOf(
        sorted.map(({ power, publicKey }) => {
            const key = new BinaryWriter();
            key.tag(1, BYTES).bytes(publicKey);
            const writer = new BinaryWriter();
            writer.tag(1, BYTES).bytes(key.finish());
            if (power !== 0n) writer.tag(2, VARINT).int64(power);
            return writer.finish();
        }),
    );
}

/** Address of a validator, 20 bytes. */
export function addressOf({ publicKey }: Pick<Validator, "publicKey">): Uint8Array {
    return sha256(publicKey).subarray(0, 20);
}

/** What a vote is about. */
type CanonicalVote = {
    readonly type: number;
    readonly height: bigint;
    readonly round: number;
    readonly blockId: BlockId;
    readonly time: Timestamp;
    readonly chainId: string;
};

/** Bytes that a validator signs of a vote: its canonical form behind its length (CometBFT). */
export function voteSignBytes(vote: CanonicalVote): Uint8Array {
    const writer = new BinaryWriter();
    writer.tag(1, VARINT).int32(vote.type);
    if (vote.height !== 0n) writer.tag(2, FIXED64).sfixed64(vote.height);
    if (vote.round !== 0) writer.tag(3, FIXED64).sfixed64(BigInt(vote.round));
    // The canonical block id has the fields of the plain one; a vote for none leaves it out.
    if (vote.blockId.hash.length > 0) {
        writer.tag(4, BYTES).bytes(BlockID.encode(vote.blockId).finish());
    }
    writer.tag(5, BYTES).bytes(Timestamp.encode(vote.time).finish());
    if (vote.chainId !== "") writer.tag(6, BYTES).string(vote.chainId);
    const bytes = writer.finish();
    const length = new BinaryWriter();
    length.uint32(bytes.length);
    return concatBytes(length.finish(), bytes);
}

/** Sign bytes of the precommit behind a signature of a commit: for its block, or for none. */
export function commitSignBytes(
    { commit, header }: SignedHeader,
    time: Timestamp,
    isForBlock: boolean,
): Uint8Array {
    if (commit === undefined || header === undefined) throw error("MS_MALFORMED");
    const { height, round } = commit;
    const blockId = isForBlock ? commit.blockId : NO_BLOCK;
    const { chainId } = header;
    return voteSignBytes({ type: PRECOMMIT, height, round, blockId, time, chainId });
}

/** RFC 9162 root over leaves, as CometBFT's merkle package has it. */
function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
    return MerkleLog.of(leaves.map(leafHash)).root();
}

function wrapped(
    type: number,
    isEmpty: boolean,
    write: (writer: BinaryWriter) => unknown,
): Uint8Array {
    const writer = new BinaryWriter();
    if (isEmpty) return writer.finish();
    write(writer.tag(1, type));
    return writer.finish();
}

/** A block id in the JSON of a node. */
export type JsonBlockId = { hash: string; parts: { total: number; hash: string } };
type JsonHeader = Record<
    | "chain_id"
    | "height"
    | "time"
    | "last_commit_hash"
    | "data_hash"
    | "validators_hash"
    | "next_validators_hash"
    | "consensus_hash"
    | "app_hash"
    | "last_results_hash"
    | "evidence_hash"
    | "proposer_address",
    string
> & { version: { block?: string; app?: string }; last_block_id: JsonBlockId };
type JsonSignature = {
    block_id_flag: number;
    validator_address: string;
    timestamp: string;
    signature: string | null;
};

/** A signed header as a node's RPC answers it (`commit`). */
export type JsonSignedHeader = {
    readonly header: JsonHeader;
    readonly commit: {
        height: string;
        round: number;
        block_id: JsonBlockId;
        signatures: JsonSignature[];
    };
};

/** Protobuf of a signed header from the JSON of a node. */
export function encodeSignedHeader({ commit, header }: JsonSignedHeader): Uint8Array {
    const hex = (text: string): Uint8Array => fromHex(text.toLowerCase());
    return SignedHeader.encode({
        header: {
            version: {
                block: BigInt(header.version.block ?? "0"),
                app: BigInt(header.version.app ?? "0"),
            },
            chainId: header.chain_id,
            height: BigInt(header.height),
            time: timeOf(header.time),
            lastBlockId: blockIdOf(header.last_block_id),
            lastCommitHash: hex(header.last_commit_hash),
            dataHash: hex(header.data_hash),
            validatorsHash: hex(header.validators_hash),
            nextValidatorsHash: hex(header.next_validators_hash),
            consensusHash: hex(header.consensus_hash),
            appHash: hex(header.app_hash),
            lastResultsHash: hex(header.last_results_hash),
            evidenceHash: hex(header.evidence_hash),
            proposerAddress: hex(header.proposer_address),
        },
        commit: {
            height: BigInt(commit.height),
            round: commit.round,
            blockId: blockIdOf(commit.block_id),
            signatures: commit.signatures.map((each) => ({
                blockIdFlag: each.block_id_flag,
                validatorAddress: hex(each.validator_address),
                timestamp: timeOf(each.timestamp),
                signature: each.signature === null ? new Uint8Array() : fromBase64(each.signature),
            })),
        },
    }).finish();
}

/** Block id from the JSON of a node. */
export function blockIdOf({ hash, parts }: JsonBlockId): BlockId {
    const hex = (text: string): Uint8Array => fromHex(text.toLowerCase());
    return { hash: hex(hash), partSetHeader: { total: parts.total, hash: hex(parts.hash) } };
}

/** Time of RFC 3339 with up to nine digits behind the second. */
export function timeOf(text: string): Timestamp {
    const [, whole = "", digits = ""] = /^(.*?)(?:\.(\d{1,9}))?Z$/.exec(text) ?? [];
    const ms = Date.parse(`${whole}Z`);
    if (Number.isNaN(ms)) throw error("MS_MALFORMED", { where: "time", got: text.slice(0, 40) });
    return { seconds: BigInt(ms / 1000), nanos: Number(digits.padEnd(9, "0")) };
}
