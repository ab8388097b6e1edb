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

/** Where an engine keeps images of its state, and how often. */
export type EngineImages = {
    readonly store: ImageStore;
    /** An image is written after so many entries and records. */
    readonly every: number;
    /** Told where an image could not be written or used: the next start, or this one, replays more. */
    readonly onFailed: (cause: unknown) => void;
};

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

    /** True when the next image is due. */
    get isDue(): boolean {
        return this.#since >= this.#images.every;
    }

    /** Writes an image. Its pages are taken before this returns; a failure is told, not thrown. */
    async write(ledger: ImagedLedger): Promise<void> {
        this.#since = 0;
        try {
            await this.#images.store.write(imageOfLedger(ledger));
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
    { onFailed, store: images }: EngineImages,
    store: LogStore,
    genesis: Uint8Array,
    sizeAtMost: number,
): Promise<ImagedLedger | null> {
    try {
        const pieces = await images.read();
        if (pieces === null) return null;
        const imaged = ledgerOfImage(genesis, pieces);
        if (!imaged.ok) throw imaged.error;
        const { log } = imaged.value;
        if (log.size > sizeAtMost) return null;
        if (!(await hasLeaves(store, log))) {
            throw error("MS_LOG_LEAF", { where: "state image", expected: "the log's entries" });
        }
        return imaged.value;
    } catch (cause) {
        onFailed(cause);
        return null;
    }
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
