import { bytesEqual, error } from "@meterseal/core";
import {
    entryLeafHash,
    type ImagedLedger,
    type ImageStore,
    imageOfLedger,
    type LogStore,
    ledgerOfImage,
    type MerkleLog,
} from "@meterseal/ledger";
import { decodeCbor, encodeCbor, toArray, toInteger } from "@meterseal/record";

/** Where an engine keeps images of its state, and how often. */
export type EngineImages = {
    readonly store: ImageStore;
    /** An image is written after so many entries and records. */
    readonly every: number;
    /** What others know of the same entries; absent where nobody keeps anything. */
    readonly views?: ImagedViews;
    /** Told where an image could not be written or used: the next start, or this one, replays more. */
    readonly onFailed: (cause: unknown) => void;
};

/** Lists of pages that an image holds beside the ledger, of whoever observes the engine. */
export type ImagedViews = {
    /** Views of what is there now. */
    readonly save: () => Uint8Array[][];
    /** Takes over lists of {@link save}; may throw for others, and is emptied then. */
    readonly load: (lists: readonly (readonly Uint8Array[])[]) => void;
    readonly clear: () => void;
    /** Resolves when nothing that was told is still under way; absent where nothing ever is. */
    readonly settled?: () => Promise<void>;
};

const LISTS_MAX = 256;
const PIECES_MAX = 0xffff_ffff;

/** Writes images of a state as it grows. */
export class ImageWriter {
    readonly #images: EngineImages;
    /** Entries and records since the last image. */
    #since = 0;

    constructor(images: EngineImages) {
        this.#images = images;
    }

    /** Counts entries and records that were taken in. */
    add(count: number): void {
        this.#since += count;
    }

    /** True where something was taken in since the last image. */
    get isBehind(): boolean {
        return this.#since > 0;
    }

    /** Resolves when an image may be written. */
    async settled(): Promise<void> {
        await this.#images.views?.settled?.();
    }

    /** True when the next image is due. */
    get isDue(): boolean {
        return this.#since >= this.#images.every;
    }

    /** Writes an image. Its pages are taken before this returns; a failure is told, not thrown. */
    async write(ledger: ImagedLedger): Promise<void> {
        this.#since = 0;
        try {
            const lists = [imageOfLedger(ledger), ...(this.#images.views?.save() ?? [])];
            const head = encodeCbor(lists.map(({ length }) => length));
            await this.#images.store.write([head, ...lists.flat()]);
        } catch (cause) {
            this.#images.onFailed(cause);
        }
    }
}

/**
 * State and log of the latest image, where it covers no more than so many entries and each row of the
 * log that it covers is the one that it was made of. Null where there is none such: the whole log must
 * be replayed, which is slower, and finds out what is wrong where something is.
 */
export async function readImage(
    { onFailed, store: images, views }: EngineImages,
    store: LogStore,
    genesis: Uint8Array,
    sizeAtMost: number,
): Promise<ImagedLedger | null> {
    try {
        const pieces = await images.read();
        if (pieces === null) return null;
        const [own = [], ...lists] = split(pieces);
        const imaged = ledgerOfImage(genesis, own);
        if (!imaged.ok) throw imaged.error;
        const { log } = imaged.value;
        if (log.size > sizeAtMost) return null;
        if (!(await hasLeaves(store, log))) {
            throw error("MS_LOG_LEAF", { where: "state image", expected: "the log's entries" });
        }
        views?.load(lists);
        return imaged.value;
    } catch (cause) {
        views?.clear();
        onFailed(cause);
        return null;
    }
}

/** Lists of pieces as they were written. @throws MetersealError MS_MALFORMED */
function split([head = new Uint8Array(), ...pieces]: readonly Uint8Array[]): Uint8Array[][] {
    let at = 0;
    const lists = toArray(decodeCbor(head), "image", LISTS_MAX).map((count) => {
        const from = at;
        at += toInteger(count, "image", 0, PIECES_MAX);
        return pieces.slice(from, at);
    });
    if (at !== pieces.length) throw error("MS_MALFORMED", { where: "image", got: "other pieces" });
    return lists;
}

async function hasLeaves(store: LogStore, log: MerkleLog): Promise<boolean> {
    let next = 0;
    if (log.size === 0) return true;
    for await (const { index, item, timeMs } of store.items(0)) {
        const leaf = entryLeafHash({ timeMs, item });
        if (index !== next || !bytesEqual(leaf, log.leafHash(index))) return false;
        next++;
        if (next === log.size) return true;
    }
    return false;
}
