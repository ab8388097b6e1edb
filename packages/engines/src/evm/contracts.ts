import { error } from "@meterseal/core";
import {
    type ContractMethodUntyped,
    createContract,
    decodeError,
    type ParsedABI,
} from "micro-eth-signer/abi.js";
import committedBatch from "./compiled/committed-batch.json" with { type: "json" };
import rootAnchor from "./compiled/root-anchor.json" with { type: "json" };
import singleWrite from "./compiled/single-write.json" with { type: "json" };
import { bytesOf, type Hex, hexOf, isHex } from "./hex.ts";
import type { EvmProfile, EvmProfiles } from "./rules/accept-evm.ts";
import type { EvmRefusal } from "./rules/refusal.ts";

type Method = {
    readonly inputs: readonly { readonly name: string; readonly type: string }[];
    readonly coder: ContractMethodUntyped;
};

/** A contract of ours as the compiler left it, with the coders of its calls. */
export type EvmContract = {
    /** Code that deploys it; it takes no arguments. */
    readonly bytecode: Hex;
    /** Code that stands on the chain afterwards. */
    readonly runtime: Hex;
    readonly abi: ParsedABI;
    readonly methods: ReadonlyMap<string, Method>;
};

type Compiled = {
    readonly abi: readonly { readonly type: string; readonly name?: string }[];
    readonly bytecode: string;
    readonly runtime: string;
};

/** The contracts, by profile. */
export const CONTRACTS: { readonly [P in EvmProfile]: EvmContract } = {
    "single-write": contractOf(singleWrite),
    "committed-batch": contractOf(committedBatch),
    "root-anchor": contractOf(rootAnchor),
};

function contractOf({ abi, bytecode, runtime }: Compiled): EvmContract {
    const parsed = abi as unknown as ParsedABI;
    const coders = createContract(parsed);
    const methods = new Map<string, Method>();
    for (const { inputs = [], name = "", type } of parsed) {
        const coder = coders[name];
        if (type !== "function" || coder === undefined) continue;
        methods.set(name, {
            inputs: inputs.map((input) => ({ name: input.name ?? "", type: input.type })),
            coder,
        });
    }
    return { bytecode: bytecode as Hex, runtime: runtime as Hex, abi: parsed, methods };
}

/** Call data of a call that changes the contract. */
export function encodeEvmCall<P extends EvmProfile>(
    profile: P,
    { call, ...args }: EvmProfiles[P]["call"],
): Hex {
    return encodeCall(CONTRACTS[profile], call, args);
}

/** Call data of any function of a contract, its arguments by name. */
export function encodeCall(
    contract: EvmContract,
    name: string,
    args: Readonly<Record<string, unknown>>,
): Hex {
    const { coder, inputs } = methodOf(contract, name);
    const values = inputs.map((input): [string, unknown] => [
        input.name,
        wireValue(input.type, args[input.name]),
    ]);
    const [single] = values;
    if (values.length === 1) return hexOf(coder.encodeInput(single?.[1]));
    return hexOf(coder.encodeInput(Object.fromEntries(values)));
}

/**
 * What a function of a contract answered: one value, or several by name.
 * @throws MetersealError MS_LINK for bytes that are no such answer.
 */
export function decodeAnswer(contract: EvmContract, name: string, answer: Hex): unknown {
    try {
        return methodOf(contract, name).coder.decodeOutput(bytesOf(answer));
    } catch (cause) {
        throw error("MS_LINK", { where: `contract, ${name}`, got: "another answer", cause });
    }
}

/** The error that a contract ended a call with; null where the bytes are none of its errors. */
export function decodeRefusal(profile: EvmProfile, data: Hex): EvmRefusal | null {
    try {
        const decoded = decodeError(bytesOf(data), CONTRACTS[profile].abi);
        return decoded === undefined ? null : refusalOf(decoded.name, decoded.args);
    } catch {
        return null;
    }
}

function refusalOf(name: string, argument: unknown): EvmRefusal | null {
    switch (name) {
        case "NotAllowed":
        case "NotProposed":
            return { name, sender: String(argument).toLowerCase() };
        case "Replayed":
        case "Gap":
            return { name, expected: Number(argument) };
        case "Decreased":
            return { name, value: BigInt(argument as bigint) };
        case "BadLength":
            return { name };
        case "BadParent":
            return argument instanceof Uint8Array ? { name, last: hexOf(argument) } : { name };
        case "NotAppended":
            return { name, last: Number(argument) };
        default:
            return null;
    }
}

function methodOf({ methods }: EvmContract, name: string): Method {
    const method = methods.get(name);
    if (method === undefined) throw error("MS_INTERNAL", { where: `contract without ${name}` });
    return method;
}

/** A value as the coder takes it: bytes as bytes, numbers as big integers. */
function wireValue(type: string, value: unknown): unknown {
    if (Array.isArray(value)) return value.map((each) => wireValue(type, each));
    if (type.startsWith("bytes") && isHex(value)) return bytesOf(value);
    return typeof value === "number" ? BigInt(value) : value;
}
