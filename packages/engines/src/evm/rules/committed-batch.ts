import { keccak_256 } from "@noble/hashes/sha3.js";
import { type Address, type Hex, hexOf, NO_ADDRESS } from "../hex.ts";
import {
    type AdminCall,
    type Administered,
    acceptAdminCall,
    administeredBy,
} from "./administered.ts";
import { type EvmVerdict, refused, taken } from "./refusal.ts";

/** Bytes of one register of a batch, big-endian. */
const BATCH_REGISTER_BYTES = 6;

/** A group of registers that one account writes. */
export type EvmGroup = {
    readonly owner: Address;
    /** Of the last accepted batch; 0 before the first. */
    readonly seq: number;
    readonly time: number;
    /** keccak-256 of its registers; null before the first batch. */
    readonly commitment: Hex | null;
};

/** What `CommittedBatch.sol` keeps. */
export type CommittedBatchState = Administered & {
    readonly groups: ReadonlyMap<number, EvmGroup>;
    readonly proposedOwners: ReadonlyMap<number, Address>;
};

/** Calls that change it. */
export type CommittedBatchCall =
    | AdminCall
    | { readonly call: "proposeGroupOwner"; readonly group: number; readonly owner: Address }
    | { readonly call: "acceptGroup"; readonly group: number }
    | {
          readonly call: "write";
          readonly group: number;
          readonly seq: number;
          readonly time: number;
          /** Registers of the last batch, {@link BATCH_REGISTER_BYTES} each; none before the first. */
          readonly previous: Uint8Array;
          /** Registers of this one: as many, or more. */
          readonly next: Uint8Array;
      };

const NO_GROUP: EvmGroup = { owner: NO_ADDRESS, seq: 0, time: 0, commitment: null };

/** The contract after an account deployed it. */
export function emptyCommittedBatch(admin: Address): CommittedBatchState {
    return {
        ...administeredBy(admin),
        groups: new Map(),
        proposedOwners: new Map(),
    };
}

/** The rules of `CommittedBatch.sol`, in its order. */
export function acceptCommittedBatch(
    state: CommittedBatchState,
    sender: Address,
    call: CommittedBatchCall,
): EvmVerdict<CommittedBatchState> {
    switch (call.call) {
        case "proposeAdmin":
        case "acceptAdmin":
            return acceptAdminCall(state, sender, call);
        case "proposeGroupOwner": {
            if (sender !== state.admin && sender !== groupOf(state, call.group).owner)
                return refused({ name: "NotAllowed", sender });
            const proposedOwners = new Map(state.proposedOwners).set(call.group, call.owner);
            return taken({ ...state, proposedOwners });
        }
        case "acceptGroup": {
            if (state.proposedOwners.get(call.group) !== sender)
                return refused({ name: "NotProposed", sender });
            const group = { ...groupOf(state, call.group), owner: sender };
            const proposedOwners = new Map(state.proposedOwners);
            proposedOwners.delete(call.group);
            const groups = new Map(state.groups).set(call.group, group);
            return taken({ ...state, groups, proposedOwners });
        }
        case "write":
            return acceptBatch(state, sender, call, groupOf(state, call.group));
    }
}

const groupOf = ({ groups }: CommittedBatchState, group: number): EvmGroup =>
    groups.get(group) ?? NO_GROUP;

function acceptBatch(
    state: CommittedBatchState,
    sender: Address,
    call: CommittedBatchCall & { readonly call: "write" },
    group: EvmGroup,
): EvmVerdict<CommittedBatchState> {
    const { next, previous, seq, time } = call;
    if (sender !== group.owner) return refused({ name: "NotAllowed", sender });
    const expected = group.seq + 1;
    if (seq < expected) return refused({ name: "Replayed", expected });
    if (seq > expected) return refused({ name: "Gap", expected });
    const isWhole = next.length > 0 && next.length % BATCH_REGISTER_BYTES === 0;
    if (!isWhole || next.length < previous.length) return refused({ name: "BadLength" });
    const isParent =
        group.commitment === null ? previous.length === 0 : commit(previous) === group.commitment;
    if (!isParent) return refused({ name: "BadParent" });
    const last = registersOf(previous);
    const index = registersOf(next).findIndex((value, i) => value < (last[i] ?? 0n));
    if (index >= 0) return refused({ name: "Decreased", value: BigInt(index) });
    const groups = new Map(state.groups);
    groups.set(call.group, { owner: sender, seq, time, commitment: commit(next) });
    return taken({ ...state, groups });
}

/** Packs registers for a batch; each below 2^48. */
export function packRegisters(registers: readonly bigint[]): Uint8Array {
    const bytes = new Uint8Array(registers.length * BATCH_REGISTER_BYTES);
    const view = new DataView(bytes.buffer);
    registers.forEach((value, i) => {
        view.setUint16(i * BATCH_REGISTER_BYTES, Number(value >> 32n));
        view.setUint32(i * BATCH_REGISTER_BYTES + 2, Number(value & 0xffff_ffffn));
    });
    return bytes;
}

function registersOf(bytes: Uint8Array): bigint[] {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from(
        { length: bytes.length / BATCH_REGISTER_BYTES },
        (_, i) =>
            (BigInt(view.getUint16(i * BATCH_REGISTER_BYTES)) << 32n) |
            BigInt(view.getUint32(i * BATCH_REGISTER_BYTES + 2)),
    );
}

const commit = (registers: Uint8Array): Hex => hexOf(keccak_256(registers));
