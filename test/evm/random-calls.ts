import {
    type Address,
    type CommittedBatchCall,
    type CommittedBatchState,
    type Hex,
    NO_ADDRESS,
    NO_HASH,
    NO_HEAD,
    packRegisters,
    type RootAnchorCall,
    type RootAnchorState,
    type SingleWriteCall,
    type SingleWriteState,
} from "@meterseal/engines/evm";
import type { SeededRandom } from "@meterseal/testkit/random";

/** A call as an account of the chain makes it. */
export type Sent<C> = { readonly sender: Address; readonly call: C };

/** Few names, so that calls meet. */
const NAMES = Array.from({ length: 3 }, (_, i): Hex => `0x${`0${i + 1}`.repeat(32)}`);
const GROUPS = [0, 7, 0xffff_ffff];
/** Calls that change roles only, out of a hundred. */
const ROLE_CALLS = 0.25;

/** Calls of the contracts, mostly ones that are taken, with every way to be refused among them. */
export class RandomCalls {
    readonly #random: SeededRandom;
    readonly #accounts: readonly Address[];
    /** Registers of the last batch of each group, as its owner keeps them. */
    readonly #registers = new Map<number, bigint[]>();

    constructor(random: SeededRandom, accounts: readonly Address[]) {
        this.#random = random;
        this.#accounts = accounts;
    }

    singleWrite(state: SingleWriteState): Sent<SingleWriteCall> {
        const random = this.#random;
        if (random.chance(ROLE_CALLS)) {
            const server = this.#anybody();
            const call = random.pick<SingleWriteCall>([
                ...this.#adminCalls(),
                { call: "proposeServer", server },
                { call: "proposeServer", server },
                { call: "removeServer", server },
                { call: "acceptServer" },
                { call: "acceptServer" },
            ]);
            const usual = call.call === "acceptServer" ? [...state.proposedServers] : [state.admin];
            return { sender: this.#mostly(usual), call };
        }
        const register = random.pick(NAMES);
        const last = state.readings.get(register) ?? { value: 0n, seq: 0, time: 0 };
        const call: SingleWriteCall = {
            call: "write",
            register,
            seq: Math.max(0, last.seq + 1 + this.#slip()),
            value: this.#grown(last.value, 2n ** 96n),
            time: last.time + random.below(1_000) - 100 < 0 ? 0 : last.time + random.below(900),
        };
        return { sender: this.#mostly([...state.servers]), call };
    }

    committedBatch(state: CommittedBatchState): Sent<CommittedBatchCall> {
        const random = this.#random;
        const group = random.pick(GROUPS);
        const known = state.groups.get(group);
        if (random.chance(ROLE_CALLS)) {
            const call = random.pick<CommittedBatchCall>([
                ...this.#adminCalls(),
                { call: "proposeGroupOwner", group, owner: this.#anybody() },
                { call: "acceptGroup", group },
            ]);
            const proposed = state.proposedOwners.get(group) ?? NO_ADDRESS;
            const usual = call.call === "acceptGroup" ? proposed : (known?.owner ?? state.admin);
            return { sender: this.#mostly([usual]), call };
        }
        const last = known?.commitment == null ? [] : (this.#registers.get(group) ?? []);
        const next = last.map((value) => this.#grown(value, 2n ** 48n));
        if (last.length < 4 || random.chance(0.1)) next.push(BigInt(random.below(2 ** 32)));
        if (random.chance(0.05)) next.pop();
        const call: CommittedBatchCall = {
            call: "write",
            group,
            seq: Math.max(0, (known?.seq ?? 0) + 1 + this.#slip()),
            time: random.below(2 ** 32),
            previous: this.#bent(packRegisters(last)),
            next: this.#bent(packRegisters(next)),
        };
        return { sender: this.#mostly([known?.owner ?? NO_ADDRESS]), call };
    }

    /** Notes what a group's owner keeps after a batch that was taken. */
    keep({ group, next }: CommittedBatchCall & { readonly call: "write" }): void {
        const registers: bigint[] = [];
        for (let i = 0; i < next.length; i += 6) {
            registers.push(
                next.subarray(i, i + 6).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n),
            );
        }
        this.#registers.set(group, registers);
    }

    rootAnchor(state: RootAnchorState): Sent<RootAnchorCall> {
        const random = this.#random;
        const log = random.pick(NAMES);
        const head = state.heads.get(log) ?? NO_HEAD;
        if (random.chance(ROLE_CALLS)) {
            const call = random.pick<RootAnchorCall>([
                ...this.#adminCalls(),
                { call: "proposeLogOwner", log, owner: this.#anybody() },
                { call: "acceptLog", log },
            ]);
            const proposed = state.proposedOwners.get(log) ?? NO_ADDRESS;
            const usual = call.call === "acceptLog" ? proposed : head.owner;
            return { sender: this.#mostly([usual, state.admin]), call };
        }
        const root: Hex = `0x${Buffer.from(random.bytes(32)).toString("hex")}`;
        const previousRoot = random.chance(0.85) ? head.root : random.pick([root, NO_HASH]);
        const size = head.size + (random.chance(0.85) ? 1 + random.below(100) : -random.below(3));
        const call = { call: "anchor", log, previousRoot, size: Math.max(0, size), root } as const;
        return { sender: this.#mostly([head.owner]), call };
    }

    #adminCalls(): [{ call: "proposeAdmin"; next: Address }, { call: "acceptAdmin" }] {
        return [{ call: "proposeAdmin", next: this.#anybody() }, { call: "acceptAdmin" }];
    }

    #anybody(): Address {
        return this.#random.pick(this.#accounts);
    }

    /** One of those who may, or now and then anybody. */
    #mostly(usual: readonly Address[]): Address {
        const able = usual.filter((each) => each !== NO_ADDRESS);
        return able.length > 0 && this.#random.chance(0.85)
            ? this.#random.pick(able)
            : this.#anybody();
    }

    /** 0 as a rule: how far a number is from the one that is expected. */
    #slip(): number {
        return this.#random.chance(0.85) ? 0 : this.#random.pick([-2, -1, 1, 2]);
    }

    /** A register later on; now and then earlier, the same, or as large as it can be. */
    #grown(value: bigint, bound: bigint): bigint {
        if (this.#random.chance(0.04)) return value === 0n ? 0n : value - 1n;
        if (this.#random.chance(0.002)) return bound - 1n;
        const next = value + BigInt(this.#random.below(5_000));
        return next < bound ? next : value;
    }

    /** Bytes as they are, or with one bit, byte or register more, less or other. */
    #bent(bytes: Uint8Array): Uint8Array {
        if (this.#random.chance(0.94)) return bytes;
        const way = this.#random.below(4);
        if (way === 0) return bytes.slice(0, -1);
        if (way === 1) return Uint8Array.of(...bytes, 0);
        if (way === 2) return bytes.slice(6);
        const other = Uint8Array.from(bytes);
        const at = this.#random.below(Math.max(1, other.length));
        if (at < other.length) other[at] = (other[at] ?? 0) ^ (1 << this.#random.below(8));
        return other;
    }
}
