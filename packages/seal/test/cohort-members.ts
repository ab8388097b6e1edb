import { compareBytes, createLadder, hkdfSha256, unwrap, utf8, x25519 } from "@meterseal/core";
import {
    type Cohort,
    cohortHash,
    encodeCohort,
    newSealState,
    type OwnerKeys,
    ownerKeys,
    planBoundaries,
} from "../src/index.ts";
import { sealBoundaries } from "../src/seal.ts";

/** The base point of X25519: a private key times it is the public key. */
const BASE = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 9 : 0));

/** Bytes that hang on a name alone. */
export function bytesOf(name: string, length: number): Uint8Array {
    return hkdfSha256(utf8(name), new Uint8Array(0), utf8("test"), length);
}

/** A member with everything that only it has. */
export type TestMember = { readonly privateKey: Uint8Array; readonly keys: OwnerKeys };

/** A cohort of so many members, January 2013 in London, hours of import unless changed. */
export function cohortOf(
    count: number,
    changes: Partial<Cohort> = {},
): { cohort: Cohort; hash: Uint8Array; members: readonly TestMember[] } {
    const base = {
        network: bytesOf("network", 32),
        monitor: bytesOf("monitor", 16),
        feeder: "feeder 1",
        month: 156,
        zone: "Europe/London",
        slotSeconds: 900,
        level: 1 as const,
        groups: [0],
        scale: 0,
        minimum: 8,
        feederMeters: count,
    };
    const { slotSeconds, groups } = { ...base, ...changes };
    const made = Array.from({ length: count }, (_, i) => {
        const privateKey = bytesOf(`key ${i}`, 32);
        const stream = bytesOf(`stream ${i}`, 16);
        const keys = unwrap(
            ownerKeys(bytesOf(`master ${i}`, 32), {
                streamId: stream,
                sealEpoch: 0,
                suite: 1,
                slotSeconds,
                groups: groups.map((group) => ({ group, channels: group === 15 ? 2 : 1 })),
            }),
        );
        const key = x25519(privateKey, BASE) as Uint8Array;
        const member = { party: bytesOf(`party ${i}`, 16), stream, sealEpoch: 0, key };
        return { member, privateKey, keys };
    }).sort((a, b) => compareBytes(a.member.party, b.member.party));
    const cohort: Cohort = { ...base, members: made.map(({ member }) => member), ...changes };
    // Fewer than eight are no cohort; the arithmetic holds for them all the same.
    const body = encodeCohort(cohort);
    const hash = body.ok ? cohortHash(body.value) : bytesOf("no cohort", 32);
    return { cohort, hash, members: made };
}

/** Seals registers that grow by `use(slot)` from slot to slot: sealed bytes of 8 per slot. */
export function sealUse(
    member: TestMember,
    zone: string,
    fromSlot: number,
    count: number,
    use: (slot: number) => bigint,
): Uint8Array {
    const ladder = unwrap(createLadder(zone, member.keys.stream.slotSeconds));
    const { addresses } = unwrap(planBoundaries(newSealState(0), ladder, fromSlot, count));
    const registers: bigint[] = [];
    let register = 1_000n;
    for (let i = 0; i < count; i++) {
        registers.push(register);
        register += use(fromSlot + i);
    }
    return unwrap(sealBoundaries(member.keys, { addresses, registers }));
}
