import { bytesEqual, error, fromHex, toHex, unwrap } from "@meterseal/core";
import {
    entryLeafHash,
    type LedgerState,
    MerkleLog,
    originOf,
    stateOfGenesis,
    TreeGrowth,
    type TreeHead,
    verifyCheckpoint,
} from "@meterseal/ledger";
import { openServerStore, type ServerStore, type StoreReader } from "@meterseal/stores/sqlite";
import { PLACES, requireDirectory } from "../files.ts";
import { askApi } from "../http-client.ts";

/** Where the tree heads of a log come from: each is signed by the key that its genesis names. */
export type CheckpointSource = {
    readonly networkId: Uint8Array;
    /** Origin line of its checkpoints. */
    readonly origin: string;
    /** The latest; null before there is one. */
    readonly latest: () => Promise<TreeHead | null>;
    /** Root at an earlier size; null where the source does not know it. */
    readonly rootAt: (size: number) => Promise<Uint8Array | null>;
};

/** The log of a data directory, of which a server may write at the same time. */
export async function directorySource(dataDir: string): Promise<CheckpointSource> {
    requireDirectory(dataDir);
    const look = async <T>(read: (store: ServerStore) => Promise<T>): Promise<T> => {
        const store = await openServerStore(PLACES.server(dataDir), { readOnly: true });
        try {
            return await read(store);
        } finally {
            await store.close();
        }
    };
    const rows = await look(({ reader }) => reader.meta());
    const genesis = rows.find(({ key }) => key === "genesis")?.value;
    const state = unwrap(stateOfGenesis(genesis ?? new Uint8Array()));
    const headUpTo = (size: number): Promise<TreeHead | null> =>
        look(async ({ reader }) => {
            const row = await reader.checkpointUpTo(size);
            return row === null ? null : headOf(state, row.note);
        });
    return {
        networkId: state.networkId,
        origin: originOf(state.networkId),
        latest: () => headUpTo(Number.MAX_SAFE_INTEGER),
        rootAt: async (size) => {
            const head = await headUpTo(size);
            if (head?.size === size) return head.root;
            return await look(({ reader }) => rootOfEntries(reader, size));
        },
    };
}

/**
 * Root of the first entries of a log, for a size that has no checkpoint here: another server of a shared
 * log may have anchored it. Reads all of them; null where the log is shorter.
 */
async function rootOfEntries(reader: StoreReader, size: number): Promise<Uint8Array | null> {
    if (!(await hasEntry(reader, size - 1))) return null;
    const tree = new TreeGrowth(new MerkleLog());
    for await (const { index, item, timeMs, vertex } of reader.log()) {
        const { bytes } = item === null ? await reader.vertex(vertex) : { bytes: item };
        const root = tree.append(entryLeafHash({ timeMs, item: bytes }));
        if (index + 1 === size) return root;
    }
    return null;
}

async function hasEntry(reader: StoreReader, index: number): Promise<boolean> {
    for await (const row of reader.log(index)) return row.index === index;
    return false;
}

/**
 * The log of a server that is asked over its API.
 * @throws MetersealError MS_LINK, MS_NETWORK where it is of another network than the one named.
 */
export async function serverSource(
    url: string,
    networkId: Uint8Array | null,
    rootAt: CheckpointSource["rootAt"],
): Promise<CheckpointSource> {
    if (!/^https?:/i.test(url) || !URL.canParse(url)) {
        throw error("MS_USAGE", { expected: "--url such as http://127.0.0.1:8480", got: url });
    }
    const ask = async (): Promise<Record<string, unknown>> =>
        (await (await askApi(url, "/api/v1/network")).json()) as Record<string, unknown>;
    const { genesis } = await ask();
    if (typeof genesis !== "string" || !/^(?:[0-9a-f]{2})+$/.test(genesis)) {
        throw error("MS_LINK", { where: url, expected: "a genesis" });
    }
    const state = unwrap(stateOfGenesis(fromHex(genesis)));
    if (networkId !== null && !bytesEqual(networkId, state.networkId)) {
        const [expected, got] = [networkId, state.networkId].map(toHex);
        throw error("MS_NETWORK", { where: url, expected: `${expected}`, got: `${got}` });
    }
    return {
        networkId: state.networkId,
        origin: originOf(state.networkId),
        latest: async () => {
            const { checkpoint } = await ask();
            return typeof checkpoint === "string" ? headOf(state, checkpoint) : null;
        },
        rootAt,
    };
}

function headOf({ genesis, networkId }: LedgerState, note: string): TreeHead {
    const trust = { origin: originOf(networkId), publicKey: genesis.logKey };
    return unwrap(verifyCheckpoint(note, trust));
}
