import { createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sha256, toBase64, toHex } from "@meterseal/core";
import type { CometRpc } from "@meterseal/engines/cometbft";

const PRECOMMIT = 2;

type KeyFile = { address: string; priv_key: { value: string } };
type ValidatorsAnswer = { validators: { address: string; voting_power: string }[] };
type BlockAnswer = { block: { header: { chain_id: string; time: string } } };

/**
 * Votes twice with a validator's own key, at a height and for two blocks, and gives both votes to a
 * node as evidence: what happens when a validator's key is used in two places.
 */
export async function voteTwice(rpc: CometRpc, home: string, height: number): Promise<void> {
    const path = join(home, "config/priv_validator_key.json");
    const key = JSON.parse(readFileSync(path, "utf8")) as KeyFile;
    const at = { height: `${height}` };
    const { validators } = (await rpc.query("validators", at)) as ValidatorsAnswer;
    const { header } = ((await rpc.query("block", at)) as BlockAnswer).block;
    const index = validators.findIndex(({ address }) => address === key.address);
    const total = validators.reduce((sum, { voting_power: power }) => sum + Number(power), 0);
    const hashes = ["one", "other"].map((text) => sha256(Buffer.from(text)));
    const votes = hashes
        .map((hash) => voteFor(hash, { header, height, index, key }))
        .sort((a, b) => (a.block_id.hash < b.block_id.hash ? -1 : 1));
    await rpc.query("broadcast_evidence", {
        evidence: {
            type: "tendermint/DuplicateVoteEvidence",
            value: {
                vote_a: votes[0],
                vote_b: votes[1],
                TotalVotingPower: `${total}`,
                ValidatorPower: validators[index]?.voting_power,
                Timestamp: header.time,
            },
        },
    });
}

function voteFor(
    hash: Uint8Array,
    {
        header,
        height,
        index,
        key,
    }: { header: BlockAnswer["block"]["header"]; height: number; index: number; key: KeyFile },
) {
    const seconds = Math.floor(Date.parse(header.time) / 1000);
    const canonical = canonicalVote({ chainId: header.chain_id, hash, height, seconds });
    const message = Buffer.concat([Uint8Array.of(canonical.length), canonical]);
    const upper = toHex(hash).toUpperCase();
    return {
        type: PRECOMMIT,
        height: `${height}`,
        round: 0,
        block_id: { hash: upper, parts: { total: 1, hash: upper } },
        timestamp: new Date(seconds * 1000).toISOString(),
        validator_address: key.address,
        validator_index: index,
        signature: toBase64(sign(null, message, ed25519KeyOf(key))),
    };
}

/** What a validator signs of a vote (CometBFT, CanonicalVote of types/canonical.proto). */
function canonicalVote(vote: {
    chainId: string;
    hash: Uint8Array;
    height: number;
    seconds: number;
}): Uint8Array {
    const parts = [Uint8Array.of(8, 1), field(18, vote.hash)];
    const block = [field(10, vote.hash), field(18, Buffer.concat(parts))];
    const height = Buffer.alloc(8);
    height.writeBigInt64LE(BigInt(vote.height));
    return Buffer.concat([
        Uint8Array.of(8, PRECOMMIT, 17),
        height,
        field(34, Buffer.concat(block)),
        field(42, Uint8Array.of(8, ...varint(vote.seconds))),
        field(50, Buffer.from(vote.chainId)),
    ]);
}

/** A protobuf field of bytes, fewer than 128. */
function field(tag: number, bytes: Uint8Array): Uint8Array {
    return Buffer.concat([Uint8Array.of(tag, bytes.length), bytes]);
}

function varint(value: number): number[] {
    const bytes: number[] = [];
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
    return [...bytes, rest];
}

/** CometBFT keeps seed and public key together, 64 bytes in base64. */
function ed25519KeyOf(key: KeyFile): ReturnType<typeof createPrivateKey> {
    const seed = Buffer.from(key.priv_key.value, "base64").subarray(0, 32);
    const prefix = Buffer.from("302e020100300506032b657004220420", "hex"); // RFC 8410 section 7
    return createPrivateKey({
        key: Buffer.concat([prefix, seed]),
        format: "der",
        type: "pkcs8",
    });
}
