import {
    concatBytes,
    error,
    fail,
    hkdfSha256,
    isSlotSeconds,
    LIMITS,
    ok,
    type Result,
    sha256,
    u32be,
    utf8,
} from "@meterseal/core";
import { suiteOf } from "./suites.ts";

/** Trees of a group: 0 slot, 1 hour, 2 civil day, 3 civil month, 4 event (formats 3). */
export type Tree = 0 | 1 | 2 | 3 | 4;

/** Where a boundary takes its key from: a tree, and the leaf in it. */
export type TreeAddress = { readonly level: Tree; readonly index: number };

/** Depth of each tree; a tree of depth d has the leaves 0 … 2^d − 1. */
export const TREE_DEPTH = [32, 24, 18, 14, 24] as const;

/** A group of one or two registers that are granted together (formats 4). */
export type ChannelGroup = {
    /** 0 import, 1 export, 2 sum of squares, 3 … 14 further registers, 15 adjustments. */
    readonly group: number;
    readonly channels: 1 | 2;
};

/** What is public about a sealed stream and goes into its keys (formats 1 and 4). */
export type SealedStream = {
    /** 16 bytes, random; one quantity series of one household under one master secret. */
    readonly streamId: Uint8Array;
    /** Below 2^32; a new epoch has new keys everywhere. */
    readonly sealEpoch: number;
    /** Suite byte; 1 today. */
    readonly suite: number;
    readonly slotSeconds: number;
    /** In ascending order of group; the order of the registers in every boundary. */
    readonly groups: readonly ChannelGroup[];
};

/** Bytes of a household's master secret. */
export const MASTER_BYTES = 32;

const PREFIX = "meterseal/v1/";

/**
 * Checks a stream descriptor.
 * @returns MS_VERSION for an unknown suite, MS_STREAM_RULE for anything else that is out of bounds.
 */
export function checkStream(stream: SealedStream): Result<SealedStream> {
    const suite = suiteOf(stream.suite);
    if (!suite.ok) return suite;
    const { streamId, sealEpoch, slotSeconds, groups } = stream;
    const wrong =
        streamId.length !== 16
            ? `a stream id of ${streamId.length} bytes`
            : !Number.isInteger(sealEpoch) || sealEpoch < 0 || sealEpoch >= 2 ** 32
              ? `seal epoch ${sealEpoch}`
              : !isSlotSeconds(slotSeconds)
                ? `slots of ${slotSeconds} s`
                : findWrongGroup(groups);
    if (wrong === null) return ok(stream);
    return fail(error("MS_STREAM_RULE", { where: "stream descriptor", got: wrong }));
}

function findWrongGroup(groups: readonly ChannelGroup[]): string | null {
    if (groups.length === 0) return "no group";
    let previous = -1;
    for (const { group, channels } of groups) {
        if (!Number.isInteger(group) || group >= LIMITS.usageGroups) return `group ${group}`;
        if (group <= previous) return `group ${group} after group ${previous}`;
        if (channels !== 1 && channels !== 2) return `${channels} channels in group ${group}`;
        previous = group;
    }
    return null;
}

/** Registers in one boundary of a stream. */
export function channelCount(stream: SealedStream): number {
    return stream.groups.reduce((sum, { channels }) => sum + channels, 0);
}

/** Position of a group's first register in a boundary, with the group; null where it has none. */
export function findGroup(
    stream: SealedStream,
    group: number,
): { readonly first: number; readonly channels: 1 | 2 } | null {
    let first = 0;
    for (const member of stream.groups) {
        if (member.group === group) return { first, channels: member.channels };
        first += member.channels;
    }
    return null;
}

/**
 * Secret root of a tree, 16 bytes: HKDF-SHA256 of the master secret (32 bytes), salt = stream id,
 * info = "meterseal/v1/tree" ‖ u8 suite ‖ u32be seal epoch ‖ u8 group ‖ u8 tree.
 */
export function deriveRoot(
    master: Uint8Array,
    stream: SealedStream,
    group: number,
    tree: Tree,
): Uint8Array {
    const info = concatBytes(utf8(`${PREFIX}tree`), treeContext(stream, group, tree));
    return hkdfSha256(master, stream.streamId, info, 16);
}

/**
 * Public AES key of a tree, 16 bytes: the first half of SHA-256("meterseal/v1/aes" ‖ stream id ‖
 * u8 suite ‖ u32be seal epoch ‖ u8 group ‖ u8 tree). One per tree, so that nobody can search the
 * nodes of many trees at once.
 */
export function deriveTreeKey(stream: SealedStream, group: number, tree: Tree): Uint8Array {
    const context = treeContext(stream, group, tree);
    return sha256(concatBytes(utf8(`${PREFIX}aes`), stream.streamId, context)).slice(0, 16);
}

/**
 * Shift ρ of one channel, below 2^61: it hides the absolute register from whoever may only know
 * differences. HKDF-SHA256 of the master secret, salt = stream id, info = "meterseal/v1/rho" ‖ u8
 * suite ‖ u32be seal epoch ‖ u8 group ‖ u8 channel; 8 bytes big-endian, shifted right by 3 bits.
 */
export function deriveShift(
    master: Uint8Array,
    stream: SealedStream,
    group: number,
    channel: 0 | 1,
): bigint {
    const info = concatBytes(utf8(`${PREFIX}rho`), treeContext(stream, group, channel));
    const bytes = hkdfSha256(master, stream.streamId, info, 8);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0) >> 3n;
}

function treeContext(stream: SealedStream, group: number, last: number): Uint8Array {
    const { suite, sealEpoch } = stream;
    return concatBytes(Uint8Array.of(suite), u32be(sealEpoch), Uint8Array.of(group, last));
}
