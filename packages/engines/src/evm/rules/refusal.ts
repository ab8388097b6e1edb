import { type ErrorCode, error, type MetersealError } from "@meterseal/core";

/** Errors of the contracts: name and arguments are those of the Solidity sources. */
export type EvmRefusal =
    | { readonly name: "NotAllowed" | "NotProposed"; readonly sender: string }
    | { readonly name: "Replayed" | "Gap"; readonly expected: number }
    /** Of a single register: its last value; of a batch: the index of the register. */
    | { readonly name: "Decreased"; readonly value: bigint }
    | { readonly name: "BadLength" }
    /** Of an anchor: the root that the chain holds; of a batch nothing. */
    | { readonly name: "BadParent"; readonly last?: string }
    | { readonly name: "NotAppended"; readonly last: number };

/** What became of one call: the state after it, or why the contract refuses it. */
export type EvmVerdict<S> =
    | { readonly ok: true; readonly state: S }
    | { readonly ok: false; readonly refusal: EvmRefusal };

const CODES: Readonly<Record<EvmRefusal["name"], ErrorCode>> = {
    NotAllowed: "MS_NOT_ALLOWED",
    NotProposed: "MS_NOT_ALLOWED",
    Replayed: "MS_REPLAYED",
    Gap: "MS_GAP",
    Decreased: "MS_REGISTER_DECREASED",
    BadLength: "MS_MALFORMED",
    BadParent: "MS_ANCHOR",
    NotAppended: "MS_ANCHOR",
};

/** A contract's refusal as one of our errors, with what the contract expected. */
export function errorOfRefusal(refusal: EvmRefusal): MetersealError {
    const { name, ...facts } = refusal;
    const [fact] = Object.entries(facts);
    const got = fact === undefined ? name : `${name}, ${fact[0]} ${fact[1]}`;
    return error(CODES[name], { where: "contract", got });
}

/** The verdict of a call that is taken. */
export function taken<S>(state: S): EvmVerdict<S> {
    return { ok: true, state };
}

/** The verdict of a call that is refused. */
export function refused(refusal: EvmRefusal): { readonly ok: false; readonly refusal: EvmRefusal } {
    return { ok: false, refusal };
}
