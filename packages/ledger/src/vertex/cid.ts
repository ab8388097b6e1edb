import * as dagCbor from "@ipld/dag-cbor";
import { sha256 } from "@meterseal/core";
import { CID } from "multiformats/cid";
import * as Digest from "multiformats/hashes/digest";

const SHA2_256 = 0x12;

/** Identifier of a vertex: CIDv1, dag-cbor, SHA-256 of the header bytes (formats 7). */
export function vertexIdOf(header: Uint8Array): CID {
    return CID.createV1(dagCbor.code, Digest.create(SHA2_256, sha256(header)));
}

/** True when a value is a CID of the one kind that names vertices. */
export function isVertexId(value: unknown): value is CID {
    const cid = CID.asCID(value);
    return (
        cid !== null &&
        cid.version === 1 &&
        cid.code === dagCbor.code &&
        cid.multihash.code === SHA2_256 &&
        cid.multihash.size === 32
    );
}

/** Id of 36 bytes behind the text form of a vertex id. */
export function vertexIdOfName(name: string): Uint8Array {
    return CID.parse(name).bytes;
}

/** The two fixed vertices that give a network's first vertex its two parents. */
export function genesisVertexIds(networkId: Uint8Array): readonly [CID, CID] {
    const id = (genesis: number): CID =>
        vertexIdOf(dagCbor.encode({ v: 1, net: networkId, genesis }));
    return [id(0), id(1)];
}
