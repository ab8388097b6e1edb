import { fromHex, toHex, unwrap } from "@meterseal/core";
import { blindOf } from "../src/commit/commit.ts";
import {
    commitBoundaries,
    coverOf,
    openRegisters,
    ownerKeys,
    type SealedStream,
    sealBoundaries,
    TREE_DEPTH,
    type Tree,
    type TreeAddress,
} from "../src/index.ts";
import { deriveRoot, deriveTreeKey } from "../src/stream.ts";

// What the frozen vectors of this package mean, without files: so that a browser computes them, too.

export type StreamText = {
    readonly streamId: string;
    readonly sealEpoch: number;
    readonly suite: number;
    readonly slotSeconds: number;
    /** Group and number of channels. */
    readonly groups: readonly (readonly [number, 1 | 2])[];
};

export type LeafCase = {
    readonly kind: "leaf";
    readonly master: string;
    readonly stream: StreamText;
    readonly group: number;
    readonly tree: Tree;
    readonly index: number;
};
export type CoverCase = {
    readonly kind: "cover";
    readonly master: string;
    readonly stream: StreamText;
    readonly group: number;
    readonly tree: Tree;
    readonly first: number;
    readonly last: number;
};
export type SealCase = {
    readonly kind: "seal";
    readonly about: string;
    readonly master: string;
    readonly stream: StreamText;
    /** Level and index. */
    readonly addresses: readonly (readonly [Tree, number])[];
    /** Decimal, boundary-major. */
    readonly registers: readonly string[];
    readonly previous?: readonly string[];
};
type CommitCase = Omit<SealCase, "kind" | "previous"> & {
    readonly kind: "commit";
    /** Commits to the first so many groups. */
    readonly committed: number;
};
export type Case = LeafCase | CoverCase | SealCase | CommitCase;
export type Vector = Case & { readonly expected: Readonly<Record<string, unknown>> };
export type VectorFile = { readonly about: string; readonly vectors: readonly Vector[] };

function parseStream(text: StreamText): SealedStream {
    return {
        ...text,
        streamId: fromHex(text.streamId),
        groups: text.groups.map(([group, channels]) => ({ group, channels })),
    };
}

/** What a case comes to: values as hexadecimal and decimal text, or an error code. */
export function compute(input: Case): Record<string, unknown> {
    const stream = parseStream(input.stream);
    const master = fromHex(input.master);
    const made = ownerKeys(master, stream);
    if (!made.ok) return { error: made.error.code };
    const owner = made.value;
    switch (input.kind) {
        case "leaf": {
            const { group, tree, index } = input;
            const keys = owner.keysOf(group, tree, [index]);
            if (!keys.ok) return { error: keys.error.code };
            const address = { level: tree, index };
            return {
                root: toHex(deriveRoot(master, stream, group, tree)),
                treeKey: toHex(deriveTreeKey(stream, group, tree)),
                seed: toHex(unwrap(owner.coverOf(group, tree, index, index)).seeds),
                keyBlock: toHex(keys.value),
                blinding0: toHex(unwrap(owner.blindingOf(group, 0, address))),
                blinding1: toHex(unwrap(owner.blindingOf(group, 1, address))),
                shifts: [...owner.shiftsOf(group)].map(String),
            };
        }
        case "cover": {
            const { group, tree, first, last } = input;
            const places = coverOf(TREE_DEPTH[tree], first, last);
            return {
                nodes: places.map(({ height, prefix }) => [height, prefix]),
                seeds: toHex(unwrap(owner.coverOf(group, tree, first, last)).seeds),
            };
        }
        case "seal": {
            const addresses: TreeAddress[] = input.addresses.map(([level, index]) => ({
                level,
                index,
            }));
            const registers = input.registers.map(BigInt);
            const previous = input.previous?.map(BigInt);
            const boundaries = { addresses, registers, ...(previous ? { previous } : {}) };
            const sealed = sealBoundaries(owner, boundaries);
            if (!sealed.ok) return { error: sealed.error.code };
            for (const { group } of stream.groups) {
                unwrap(openRegisters(owner, group, { addresses, sealed: sealed.value }));
            }
            return { sealed: toHex(sealed.value) };
        }
        case "commit": {
            const addresses = input.addresses.map(([level, index]) => ({ level, index }));
            const registers = input.registers.map(BigInt);
            const made = commitBoundaries(owner, input.committed, { addresses, registers });
            if (!made.ok) return { error: made.error.code };
            return {
                commitments: made.value.map(toHex),
                blinds: stream.groups
                    .slice(0, input.committed)
                    .map((group) =>
                        addresses.map((address) => String(unwrap(blindOf(owner, group, address)))),
                    ),
            };
        }
    }
}
