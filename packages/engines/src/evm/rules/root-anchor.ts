import { type Address, type Hex, NO_ADDRESS, NO_HASH } from "../hex.ts";
import {
    type AdminCall,
    type Administered,
    acceptAdminCall,
    administeredBy,
} from "./administered.ts";
import { type EvmVerdict, refused, taken } from "./refusal.ts";

/** The last anchored tree head of a log. */
export type EvmHead = {
    readonly owner: Address;
    /** Entries of the log; 0 before the first anchor. */
    readonly size: number;
    /** Root of the tree of that size; {@link NO_HASH} before the first anchor. */
    readonly root: Hex;
};

/** What `RootAnchor.sol` keeps. */
export type RootAnchorState = Administered & {
    /** By the 32 bytes that name a log. */
    readonly heads: ReadonlyMap<Hex, EvmHead>;
    readonly proposedOwners: ReadonlyMap<Hex, Address>;
};

/** An anchor as its sender asks for it. */
export type AnchorCall = {
    readonly call: "anchor";
    readonly log: Hex;
    readonly previousRoot: Hex;
    readonly size: number;
    readonly root: Hex;
};

/** Calls that change it. */
export type RootAnchorCall =
    | AdminCall
    | { readonly call: "proposeLogOwner"; readonly log: Hex; readonly owner: Address }
    | { readonly call: "acceptLog"; readonly log: Hex }
    | AnchorCall;

/** A log that nobody anchored. */
export const NO_HEAD: EvmHead = { owner: NO_ADDRESS, size: 0, root: NO_HASH };

/** The contract after an account deployed it. */
export function emptyRootAnchor(admin: Address): RootAnchorState {
    return {
        ...administeredBy(admin),
        heads: new Map(),
        proposedOwners: new Map(),
    };
}

/** The rules of `RootAnchor.sol`, in its order. */
export function acceptRootAnchor(
    state: RootAnchorState,
    sender: Address,
    call: RootAnchorCall,
): EvmVerdict<RootAnchorState> {
    switch (call.call) {
        case "proposeAdmin":
        case "acceptAdmin":
            return acceptAdminCall(state, sender, call);
        case "proposeLogOwner": {
            if (sender !== state.admin && sender !== headOf(state, call.log).owner)
                return refused({ name: "NotAllowed", sender });
            const proposedOwners = new Map(state.proposedOwners).set(call.log, call.owner);
            return taken({ ...state, proposedOwners });
        }
        case "acceptLog": {
            if (state.proposedOwners.get(call.log) !== sender)
                return refused({ name: "NotProposed", sender });
            const head = { ...headOf(state, call.log), owner: sender };
            const proposedOwners = new Map(state.proposedOwners);
            proposedOwners.delete(call.log);
            return taken({
                ...state,
                heads: new Map(state.heads).set(call.log, head),
                proposedOwners,
            });
        }
        case "anchor": {
            const verdict = acceptAnchor(headOf(state, call.log), sender, call);
            if (!verdict.ok) return verdict;
            return taken({ ...state, heads: new Map(state.heads).set(call.log, verdict.state) });
        }
    }
}

const headOf = ({ heads }: RootAnchorState, log: Hex): EvmHead => heads.get(log) ?? NO_HEAD;

/** The rule of one anchor, for who knows the head of its log only. */
export function acceptAnchor(
    head: EvmHead,
    sender: Address,
    { previousRoot, root, size }: AnchorCall,
): EvmVerdict<EvmHead> {
    if (sender !== head.owner) return refused({ name: "NotAllowed", sender });
    if (previousRoot !== head.root) return refused({ name: "BadParent", last: head.root });
    if (size <= head.size) return refused({ name: "NotAppended", last: head.size });
    return taken({ owner: head.owner, size, root });
}
