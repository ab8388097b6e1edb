import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { error, unwrap } from "@meterseal/core";
import {
    CAR_LIMITS,
    type CarBlock,
    type CarRoot,
    encodeBlockHead,
    encodeCarHeader,
    rawBlock,
    rootBlock,
    stateOfGenesis,
} from "@meterseal/ledger";
import { syncDirectory } from "@meterseal/stores";
import { openServerStore, type ServerStore } from "@meterseal/stores/sqlite";
import { ANCHOR_FILE_BYTES, anchorProofFiles } from "../anchor/proof-files.ts";
import { ContradictionFiles } from "../contradictions/files.ts";
import { PLACES, readBounded, reasonOf, requireDirectory } from "../files.ts";
import { pruningsOf } from "../verify/pruning-check.ts";
import { ledgerPages } from "./ledger-blocks.ts";

/** What was written. */
export type WrittenCar = {
    readonly networkId: Uint8Array;
    /** Name of the root block, as other programs show it. */
    readonly root: string;
    readonly entries: number;
    readonly blocks: number;
    readonly bytes: number;
};

/**
 * Writes the ledger of a data directory as an IPLD CAR, whole or not at all; a server may run on it,
 * then the archive is the ledger of this moment. The same ledger gives the same bytes.
 * @throws MetersealError MS_NOT_FOUND, MS_STORE_FORMAT for the directory, MS_USAGE for a file that is
 * there, MS_TOO_LARGE beyond what one root can link, MS_STORE_UNWRITABLE.
 */
export async function exportCar(
    dataDir: string,
    path: string,
    onProgress: (done: number, text: string) => void,
): Promise<WrittenCar> {
    requireDirectory(dataDir);
    const expected = "--out with a file that is not there yet";
    if (existsSync(path)) throw error("MS_USAGE", { where: path, expected });
    const store = await openServerStore(PLACES.server(dataDir), { readOnly: true });
    try {
        const genesis = await store.genesis();
        if (genesis === null) throw error("MS_GENESIS", { where: dataDir, got: "none" });
        const { networkId } = unwrap(stateOfGenesis(genesis));
        const files = new ContradictionFiles(PLACES.contradictions(dataDir), networkId);
        const fixed: Fixed = {
            genesis: rawBlock(genesis),
            contradictions: files.names().map((name) => rawBlock(files.read(name).bytes)),
            anchors: anchorProofFiles(dataDir).map((proof) =>
                rawBlock(readBounded(proof.path, ANCHOR_FILE_BYTES)),
            ),
        };
        return { networkId, ...(await writeStore(store, fixed, path, onProgress)) };
    } finally {
        await store.close();
    }
}

/** Blocks that are whole before the log is read. */
type Fixed = {
    readonly genesis: CarBlock;
    readonly contradictions: readonly CarBlock[];
    readonly anchors: readonly CarBlock[];
};

async function writeStore(
    store: ServerStore,
    fixed: Fixed,
    path: string,
    onProgress: (done: number, text: string) => void,
): Promise<Omit<WrittenCar, "networkId">> {
    const { logSize } = await store.reader.counts();
    const show = (before: number, text: string) => (index: number) =>
        onProgress(before + (0.5 * (index + 1)) / Math.max(1, logSize), text);
    const root = await rootOf(store, fixed, show(0, "links"));
    const file = new BlockFile(path);
    try {
        file.write(encodeCarHeader(root.cid));
        file.add(root);
        file.add(fixed.genesis);
        const commits = await store.commits();
        if (commits !== null) file.add(rawBlock(commits));
        for await (const { blocks, page } of ledgerPages(store.reader, show(0.5, "blocks"))) {
            file.add(page);
            for (const block of blocks) file.add(block);
        }
        for (const block of [...fixed.contradictions, ...fixed.anchors]) file.add(block);
        file.finish();
    } catch (cause) {
        file.discard();
        throw cause;
    }
    const { blocks, bytes } = file;
    return { root: root.cid.toString(), entries: logSize, blocks, bytes };
}

/** The root stands first and names every page, so all are made once before they are written. */
async function rootOf(
    store: ServerStore,
    { anchors, contradictions, genesis }: Fixed,
    onEntry: (index: number) => void,
): Promise<CarBlock> {
    const links: { [Name in "entries" | "checkpoints" | "waiting"]: CarBlock["cid"][] } = {
        entries: [],
        checkpoints: [],
        waiting: [],
    };
    for await (const { page, section } of ledgerPages(store.reader, onEntry)) {
        links[section].push(page.cid);
    }
    const head = await store.blockHead();
    const { logSize } = await store.reader.counts();
    const content: CarRoot = {
        genesis: genesis.cid,
        size: logSize,
        ...links,
        contradictions: contradictions.map(({ cid }) => cid),
        ...(anchors.length === 0 ? {} : { anchors: anchors.map(({ cid }) => cid) }),
    };
    const commits = await store.commits();
    const prunings = pruningsOf(await store.reader.prunings());
    const block = rootBlock({
        ...content,
        ...(prunings.length === 0
            ? {}
            : { prunings: prunings.map(({ beforeUnix, size }) => ({ beforeUnix, size })) }),
        ...(head === null
            ? {}
            : {
                  block: {
                      ...{ height: head.height, appHash: head.appHash, state: head.engineState },
                      ...(commits === null ? {} : { commits: rawBlock(commits).cid }),
                  },
              }),
    });
    if (block.bytes.length <= CAR_LIMITS.blockBytes) return block;
    throw error("MS_TOO_LARGE", { where: "root", expected: `${CAR_LIMITS.blockBytes} bytes` });
}

/** A file of blocks under a draft's name until it is whole and on disk. */
class BlockFile {
    blocks = 0;
    bytes = 0;
    readonly #path: string;
    readonly #draft: string;
    readonly #file: number;
    #isOpen = true;

    constructor(path: string) {
        this.#path = path;
        this.#draft = `${path}.new`;
        this.#file = guarded(path, () => openSync(this.#draft, "w", 0o600));
    }

    write(bytes: Uint8Array): void {
        guarded(this.#path, () => {
            for (let from = 0; from < bytes.length; ) from += writeSync(this.#file, bytes, from);
        });
        this.bytes += bytes.length;
    }

    add(block: CarBlock): void {
        this.write(encodeBlockHead(block));
        this.write(block.bytes);
        this.blocks++;
    }

    finish(): void {
        guarded(this.#path, () => {
            fsyncSync(this.#file);
            this.#close();
            renameSync(this.#draft, this.#path);
            syncDirectory(dirname(this.#path));
        });
    }

    discard(): void {
        this.#close();
        rmSync(this.#draft, { force: true });
    }

    #close(): void {
        if (this.#isOpen) closeSync(this.#file);
        this.#isOpen = false;
    }
}

function guarded<T>(where: string, body: () => T): T {
    try {
        return body();
    } catch (cause) {
        throw error("MS_STORE_UNWRITABLE", { where, got: reasonOf(cause), cause });
    }
}
