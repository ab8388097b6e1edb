import type { Address } from "../hex.ts";
import {
    acceptCommittedBatch,
    type CommittedBatchCall,
    type CommittedBatchState,
} from "./committed-batch.ts";
import type { EvmVerdict } from "./refusal.ts";
import { acceptRootAnchor, type RootAnchorCall, type RootAnchorState } from "./root-anchor.ts";
import { acceptSingleWrite, type SingleWriteCall, type SingleWriteState } from "./single-write.ts";

/** State and calls of each contract, by its profile. */
export type EvmProfiles = {
    readonly "single-write": { readonly state: SingleWriteState; readonly call: SingleWriteCall };
    readonly "committed-batch": {
        readonly state: CommittedBatchState;
        readonly call: CommittedBatchCall;
    };
    readonly "root-anchor": { readonly state: RootAnchorState; readonly call: RootAnchorCall };
};

/** Names of the profiles: one contract each. */
export type EvmProfile = keyof EvmProfiles;

type Rule<P extends EvmProfile> = (
    state: EvmProfiles[P]["state"],
    sender: Address,
    call: EvmProfiles[P]["call"],
) => EvmVerdict<EvmProfiles[P]["state"]>;

const RULES: { readonly [P in EvmProfile]: Rule<P> } = {
    "single-write": acceptSingleWrite,
    "committed-batch": acceptCommittedBatch,
    "root-anchor": acceptRootAnchor,
};

/**
 * What a contract does with a call of an account (formats 11): its next state, or its error. Pure; the
 * contracts are tested against it over random sequences of calls. It is a part of what `accept()`
 * asks for: who may write, sequence, registers that only count upwards, previous root. No signature
 * of a meter and no log.
 */
export function acceptEvm<P extends EvmProfile>(
    profile: P,
    state: EvmProfiles[P]["state"],
    sender: Address,
    call: EvmProfiles[P]["call"],
): EvmVerdict<EvmProfiles[P]["state"]> {
    return RULES[profile](state, sender, call);
}
