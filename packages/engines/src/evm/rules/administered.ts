import { type Address, NO_ADDRESS } from "../hex.ts";
import { type EvmVerdict, refused, taken } from "./refusal.ts";

/** The role that every contract has: `Administered.sol`. */
export type Administered = {
    readonly admin: Address;
    /** {@link NO_ADDRESS} where nobody is proposed. */
    readonly proposedAdmin: Address;
};

/** Calls about the administrator. */
export type AdminCall =
    | { readonly call: "proposeAdmin"; readonly next: Address }
    | { readonly call: "acceptAdmin" };

/** The state of a contract's roles after it was deployed by an account. */
export function administeredBy(admin: Address): Administered {
    return { admin, proposedAdmin: NO_ADDRESS };
}

/** Hands the administrator's role over in two steps. */
export function acceptAdminCall<S extends Administered>(
    state: S,
    sender: Address,
    call: AdminCall,
): EvmVerdict<S> {
    if (call.call === "proposeAdmin") {
        if (sender !== state.admin) return refused({ name: "NotAllowed", sender });
        return taken({ ...state, proposedAdmin: call.next });
    }
    if (sender !== state.proposedAdmin) return refused({ name: "NotProposed", sender });
    return taken({ ...state, admin: sender, proposedAdmin: NO_ADDRESS });
}
