import type { Address, Hex } from "../hex.ts";
import {
    type AdminCall,
    type Administered,
    acceptAdminCall,
    administeredBy,
} from "./administered.ts";
import { type EvmVerdict, refused, taken } from "./refusal.ts";

/** The last accepted reading of a register on the chain. */
export type EvmReading = {
    /** In units of the stream, such as Wh: below 2^96. */
    readonly value: bigint;
    /** Of the meter's clock, Unix seconds. */
    readonly time: number;
    readonly seq: number;
};

/** What `SingleWrite.sol` keeps. */
export type SingleWriteState = Administered & {
    readonly servers: ReadonlySet<Address>;
    readonly proposedServers: ReadonlySet<Address>;
    /** By the 32 bytes that name a register. */
    readonly readings: ReadonlyMap<Hex, EvmReading>;
};

/** Calls that change it. */
export type SingleWriteCall =
    | AdminCall
    | { readonly call: "proposeServer" | "removeServer"; readonly server: Address }
    | { readonly call: "acceptServer" }
    | ({ readonly call: "write"; readonly register: Hex } & EvmReading);

/** The contract after an account deployed it. */
export function emptySingleWrite(admin: Address): SingleWriteState {
    return {
        ...administeredBy(admin),
        servers: new Set(),
        proposedServers: new Set(),
        readings: new Map(),
    };
}

/** The rules of `SingleWrite.sol`, in its order. */
export function acceptSingleWrite(
    state: SingleWriteState,
    sender: Address,
    call: SingleWriteCall,
): EvmVerdict<SingleWriteState> {
    switch (call.call) {
        case "proposeAdmin":
        case "acceptAdmin":
            return acceptAdminCall(state, sender, call);
        case "write":
            return acceptWrite(state, sender, call);
        case "acceptServer":
            if (!state.proposedServers.has(sender)) return refused({ name: "NotProposed", sender });
            return taken({
                ...state,
                servers: new Set(state.servers).add(sender),
                proposedServers: without(state.proposedServers, sender),
            });
        case "proposeServer":
            if (sender !== state.admin) return refused({ name: "NotAllowed", sender });
            return taken({
                ...state,
                proposedServers: new Set(state.proposedServers).add(call.server),
            });
        case "removeServer":
            if (sender !== state.admin) return refused({ name: "NotAllowed", sender });
            return taken({
                ...state,
                servers: without(state.servers, call.server),
                proposedServers: without(state.proposedServers, call.server),
            });
    }
}

function acceptWrite(
    state: SingleWriteState,
    sender: Address,
    { register, seq, time, value }: { readonly register: Hex } & EvmReading,
): EvmVerdict<SingleWriteState> {
    if (!state.servers.has(sender)) return refused({ name: "NotAllowed", sender });
    const last = state.readings.get(register) ?? { value: 0n, seq: 0 };
    const expected = last.seq + 1;
    if (seq < expected) return refused({ name: "Replayed", expected });
    if (seq > expected) return refused({ name: "Gap", expected });
    if (value < last.value) return refused({ name: "Decreased", value: last.value });
    const readings = new Map(state.readings).set(register, { value, time, seq });
    return taken({ ...state, readings });
}

function without(set: ReadonlySet<Address>, member: Address): Set<Address> {
    return new Set([...set].filter((each) => each !== member));
}
