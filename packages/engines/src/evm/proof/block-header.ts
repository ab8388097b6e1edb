import { keccak_256 } from "@noble/hashes/sha3.js";
import { RLP } from "micro-eth-signer/core/rlp.js";
import { bytesOf, type Hex, hexOf, isHex } from "../hex.ts";

/** Fields of a block header in the order of its hash; the later ones came with upgrades of the chain. */
const FIELDS = [
    ...["parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot"],
    ...["logsBloom", "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData"],
    ...["mixHash", "nonce", "baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas"],
    ...["parentBeaconBlockRoot", "requestsHash"],
];
/** Fields that every header has. */
const ALWAYS = 15;
/** Parts of the extra data of QBFT and IBFT 2.0: vanity, validators, vote, round, seals. */
const SEALED_PARTS = 5;
/** The first three of them enter the hash. */
const HASHED_PARTS = 3;
const NUMBERS = new Set([
    ...["difficulty", "number", "gasLimit", "gasUsed", "timestamp"],
    ...["baseFeePerGas", "blobGasUsed", "excessBlobGas"],
]);
const [STATE_ROOT, NUMBER, TIMESTAMP] = ["stateRoot", "number", "timestamp"].map((name) =>
    FIELDS.indexOf(name),
) as [number, number, number];

/** What a proof needs of a block header. */
export type BlockHeader = {
    readonly hash: Hex;
    readonly stateRoot: Uint8Array;
    readonly number: number;
    readonly timeUnix: number;
};

/**
 * Encodes the header of a block as a node describes it (`eth_getBlockByHash`), so that its hash can be
 * computed again; null where no known way gives that hash: a chain with other fields.
 */
export function encodeHeader(block: Readonly<Record<string, unknown>>): Uint8Array | null {
    if (!isHex(block.extraData)) return null;
    for (const extraData of hashedForms(bytesOf(block.extraData))) {
        const present = FIELDS.filter((name, i) => i < ALWAYS || block[name] !== undefined);
        const fields = present.map((name) =>
            name === "extraData" ? extraData : fieldOf(name, block[name]),
        );
        if (fields.includes(null)) return null;
        const header = Uint8Array.from(RLP.encode(fields));
        if (hexOf(keccak_256(header)) === block.hash) return header;
    }
    return null;
}

function fieldOf(name: string, value: unknown): Uint8Array | bigint | null {
    if (!NUMBERS.has(name)) return isHex(value) ? bytesOf(value) : null;
    return typeof value === "string" && /^0x[0-9a-f]+$/.test(value) ? BigInt(value) : null;
}

/**
 * What of the extra data enters the hash of a block. The engines of Besu put the validators' seals
 * there, which sign the hash, and leave them out of it: QBFT has round 0 and no seals instead, IBFT 2.0
 * nothing at all.
 */
function hashedForms(extraData: Uint8Array): Uint8Array[] {
    const forms = [extraData];
    try {
        const list = RLP.decode(extraData);
        if (!Array.isArray(list) || list.length !== SEALED_PARTS) return forms;
        const kept = list.slice(0, HASHED_PARTS);
        forms.push(Uint8Array.from(RLP.encode([...kept, new Uint8Array(), []])));
        forms.push(Uint8Array.from(RLP.encode(kept)));
    } catch {
        // No list: extra data of another kind of chain.
    }
    return forms;
}

/** Reads a header; its hash is that of the bytes. Null for bytes that are none. */
export function decodeHeader(header: Uint8Array): BlockHeader | null {
    try {
        const fields = RLP.decode(header);
        if (!Array.isArray(fields) || fields.length < ALWAYS) return null;
        const [stateRoot, number, time] = [STATE_ROOT, NUMBER, TIMESTAMP].map((at) => fields[at]);
        const isWhole = [stateRoot, number, time].every((field) => field instanceof Uint8Array);
        if (!isWhole || (stateRoot as Uint8Array).length !== 32) return null;
        return {
            hash: hexOf(keccak_256(header)),
            stateRoot: stateRoot as Uint8Array,
            number: numberOf(number as Uint8Array),
            timeUnix: numberOf(time as Uint8Array),
        };
    } catch {
        return null;
    }
}

const numberOf = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => sum * 256 + byte, 0);
