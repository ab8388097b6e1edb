import { type PublicKey, type Result, sha256, toHex } from "@meterseal/core";
import {
    attempt,
    decodeCbor,
    decodeCoseKey,
    encodeCbor,
    encodeCoseKey,
    MapReader,
    STREAM_MODE,
} from "@meterseal/record";

/** How the streams of a network are kept: all of them sealed, all open, or each as it is enrolled. */
export const NETWORK_MODE = { ...STREAM_MODE, mixed: 2 } as const;

/** Version of a genesis, its field 0: the second one brought the mixed mode, and says nothing else. */
const VERSION = { one: 1, mixed: 2 } as const;

/** What the members of a network agreed on before its first entry; its hash is the network id. */
export type Genesis = {
    /** Key that signs enrolments. */
    readonly operator: PublicKey;
    /** Ed25519 key that signs checkpoints. */
    readonly logKey: PublicKey;
    readonly createdUnix: number;
    /** 16 random bytes: two networks never share an id. */
    readonly nonce: Uint8Array;
    /** One of {@link NETWORK_MODE}; shown to everybody. */
    readonly mode: number;
};

/** Deterministic CBOR of a genesis. */
export function encodeGenesis(genesis: Genesis): Uint8Array {
    return encodeCbor(
        new Map<number, unknown>([
            [0, genesis.mode === NETWORK_MODE.mixed ? VERSION.mixed : VERSION.one],
            [1, encodeCoseKey(genesis.operator)],
            [2, encodeCoseKey(genesis.logKey)],
            [3, genesis.createdUnix],
            [4, genesis.nonce],
            [5, genesis.mode],
        ]),
    );
}

/** Parses a genesis strictly; field 0 is its version, which its mode has to fit. */
export function decodeGenesis(bytes: Uint8Array): Result<Genesis> {
    return attempt(() => {
        const map = new MapReader(decodeCbor(bytes), "genesis");
        const isMixed = map.integer(0, VERSION.one, VERSION.mixed) === VERSION.mixed;
        const modes = isMixed
            ? { from: NETWORK_MODE.mixed, to: NETWORK_MODE.mixed }
            : { from: NETWORK_MODE.sealed, to: NETWORK_MODE.open };
        const genesis = {
            operator: decodeCoseKey(map.bytes(1, 1, 1024)),
            logKey: decodeCoseKey(map.bytes(2, 1, 64)),
            createdUnix: map.integer(3, 0, Number.MAX_SAFE_INTEGER),
            nonce: map.bytes(4, 16),
            mode: map.integer(5, modes.from, modes.to),
        };
        map.end();
        return genesis;
    });
}

/** True where a stream of a mode (STREAM_MODE) may be enrolled. */
export function allowsMode({ mode }: Pick<Genesis, "mode">, streamMode: number): boolean {
    return mode === NETWORK_MODE.mixed || mode === streamMode;
}

/** Network id: SHA-256 of the genesis bytes, 32 bytes (formats 1). */
export function networkIdOf(genesis: Uint8Array): Uint8Array {
    return sha256(genesis);
}

/** Origin line of the network's checkpoints (C2SP tlog-checkpoint): names one log and no other. */
export function originOf(networkId: Uint8Array): string {
    return `meterseal/${toHex(networkId)}`;
}
