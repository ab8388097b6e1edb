import { error, type MetersealError } from "@meterseal/core";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { addr, ethHex, Transaction } from "micro-eth-signer";
import { initSig, recoverPublicKey } from "micro-eth-signer/utils.js";
import { type Address, bytesOf, type Hex, hexOf, isHex } from "../hex.ts";
import type { EvmRpc } from "../rpc.ts";

/** A transaction of the kind of EIP-1559, before it is signed. */
export type UnsignedTransaction = {
    readonly chainId: number;
    readonly nonce: number;
    /** null for one that deploys a contract. */
    readonly to: Address | null;
    readonly data: Hex;
    readonly gasLimit: bigint;
    /** Wei for each unit of gas, all in all at most. */
    readonly maxFeePerGas: bigint;
    /** Wei of it for who makes the block. */
    readonly maxPriorityFeePerGas: bigint;
};

/** Who signs transactions: a key here, or one that somebody else keeps. */
export type EvmSigner = {
    readonly address: Address;
    /** The signed transaction as it is sent. What it says is checked by who asked for it. */
    readonly sign: (transaction: UnsignedTransaction) => Promise<Hex>;
};

type Prepared = InstanceType<typeof Transaction<"eip1559">>;

/**
 * A signer with a secp256k1 key of 32 bytes in this process.
 * @throws MetersealError MS_KEY_FILE for bytes that are no such key.
 */
export function keySigner(privateKey: Uint8Array): EvmSigner {
    if (privateKey.length !== 32 || !addr.isValidPrivateKey(privateKey)) {
        throw error("MS_KEY_FILE", { expected: "a secp256k1 key of 32 bytes" });
    }
    return {
        address: addr.fromPrivateKey(privateKey).toLowerCase() as Address,
        sign: async (transaction) => prepare(transaction).signBy(privateKey).toHex() as Hex,
    };
}

/**
 * A signer whose key a key management service or a hardware module keeps: it signs 32-byte digests
 * with ECDSA over secp256k1 and answers r and s, 64 bytes. Which of the two keys that fit a signature
 * is ours, and the low form of s, are found here.
 */
export function digestSigner(
    address: Address,
    signDigest: (digest: Uint8Array) => Promise<Uint8Array>,
): EvmSigner {
    return {
        address,
        sign: async (transaction) => {
            const prepared = prepare(transaction);
            const digest = keccak_256(prepared.toBytes({ includeSignature: false }));
            return withSignature(prepared, digest, await signDigest(digest), address);
        },
    };
}

/**
 * A signer behind JSON-RPC (`eth_signTransaction`): Web3Signer, Clef, or a node that keeps the key.
 * It sees the whole transaction.
 */
export function remoteSigner(rpc: EvmRpc, address: Address): EvmSigner {
    return {
        address,
        sign: async (transaction) => {
            const { chainId, data, gasLimit, nonce, to } = transaction;
            const asked = {
                from: address,
                ...(to === null ? {} : { to }),
                ...{ data, value: "0x0", type: "0x2" },
                ...{ chainId: quantity(chainId), nonce: quantity(nonce), gas: quantity(gasLimit) },
                maxFeePerGas: quantity(transaction.maxFeePerGas),
                maxPriorityFeePerGas: quantity(transaction.maxPriorityFeePerGas),
            };
            const answer = await rpc.query("eth_signTransaction", [asked]);
            // Some answer with the bytes, some with an object around them.
            const raw = (answer as { readonly raw?: unknown } | null)?.raw ?? answer;
            if (isHex(raw)) return raw;
            throw error("MS_LINK", { where: rpc.place, expected: "a signed transaction" });
        },
    };
}

/** A signed transaction, ready to be sent. */
export type SignedTransaction = { readonly raw: Hex; readonly hash: Hex };

/**
 * Has a transaction signed, and checks that it is that one and the signature the account's.
 * @throws MetersealError MS_SIGNATURE_BAD otherwise: nothing is sent that was not asked for.
 */
export async function signTransaction(
    signer: EvmSigner,
    transaction: UnsignedTransaction,
): Promise<SignedTransaction> {
    const raw = await signer.sign(transaction);
    const wanted = prepare(transaction).toHex({ includeSignature: false });
    try {
        const found = Transaction.fromHex(raw);
        const isWanted = found.toHex({ includeSignature: false }) === wanted;
        if (isWanted && found.sender.toLowerCase() === signer.address) {
            return { raw, hash: hexOf(keccak_256(bytesOf(raw))) };
        }
    } catch (cause) {
        throw badSignature("no signed transaction", cause);
    }
    throw badSignature("another transaction or account");
}

function badSignature(got: string, cause?: unknown): MetersealError {
    return error("MS_SIGNATURE_BAD", { where: "signer of transactions", got, cause });
}

function prepare(transaction: UnsignedTransaction): Prepared {
    const { chainId, data, gasLimit, nonce, to } = transaction;
    return Transaction.prepare(
        {
            ...{ type: "eip1559", to: to === null ? "0x" : addr.addChecksum(to), data, gasLimit },
            ...{ value: 0n, accessList: [] },
            ...{ nonce: BigInt(nonce), chainId: BigInt(chainId) },
            maxFeePerGas: transaction.maxFeePerGas,
            maxPriorityFeePerGas: transaction.maxPriorityFeePerGas,
        },
        false,
    );
}

/** Order of the group of secp256k1: a signature has two forms, of which chains take the lower s. */
const ORDER = 0xffffffff_ffffffff_ffffffff_fffffffe_baaedce6_af48a03b_bfd25e8c_d0364141n;

function withSignature(
    prepared: Prepared,
    digest: Uint8Array,
    signature: Uint8Array,
    address: Address,
): Hex {
    if (signature.length !== 64) throw badSignature(`${signature.length} bytes, not 64`);
    const r = BigInt(hexOf(signature.subarray(0, 32)));
    const given = BigInt(hexOf(signature.subarray(32)));
    const s = given > ORDER / 2n ? ORDER - given : given;
    for (const yParity of [0, 1]) {
        try {
            const key = recoverPublicKey(initSig({ r, s }, yParity), digest);
            if (addr.fromPublicKey(key).toLowerCase() !== address) continue;
        } catch {
            continue;
        }
        const signed = new Transaction(
            "eip1559",
            { ...prepared.raw, r, s, yParity },
            { strict: false },
        );
        return ethHex.encode(signed.toBytes()) as Hex;
    }
    throw badSignature("the signature of another key");
}

const quantity = (value: number | bigint): Hex => `0x${value.toString(16)}`;
