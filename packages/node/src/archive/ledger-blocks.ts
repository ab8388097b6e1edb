import { unwrap } from "@meterseal/core";
import {
    type CarBlock,
    type CarCheckpoint,
    type CarEntry,
    type CarMessage,
    messageBlocks,
    PAGE_ITEMS,
    pageBlock,
    parseItem,
    parseVertex,
} from "@meterseal/ledger";
import type { StoreReader } from "@meterseal/stores/sqlite";

/** Sections of an archive, in the order of the file. */
type Section = "entries" | "checkpoints" | "waiting";

/** A page of links with the blocks that it names, in the order of the file. */
export type CarPage = {
    readonly section: Section;
    readonly page: CarBlock;
    readonly blocks: readonly CarBlock[];
};

/** A page is closed when the blocks under it reach this size, too: it is held in memory. */
const PAGE_BYTES = 8_388_608;

type Item = CarEntry | CarCheckpoint | CarMessage;

/** Collects what goes under one page. */
class PageDraft {
    readonly #section: Section;
    #items: Item[] = [];
    #blocks: CarBlock[] = [];
    #bytes = 0;

    constructor(section: Section) {
        this.#section = section;
    }

    /** Takes an item; returns the page that it fills. */
    add(item: Item, blocks: readonly CarBlock[] = []): CarPage[] {
        this.#items.push(item);
        this.#blocks.push(...blocks);
        for (const { bytes } of blocks) this.#bytes += bytes.length;
        const isFull = this.#items.length === PAGE_ITEMS || this.#bytes >= PAGE_BYTES;
        return isFull ? this.close() : [];
    }

    /** The page that is begun; none where it is empty. */
    close(): CarPage[] {
        if (this.#items.length === 0) return [];
        const page = pageBlock(this.#items as Parameters<typeof pageBlock>[0]);
        const closed = { section: this.#section, page, blocks: this.#blocks };
        this.#items = [];
        this.#blocks = [];
        this.#bytes = 0;
        return [closed];
    }
}

/**
 * The pages of a store's ledger, in the order of the archive; the same store gives the same pages.
 * @throws MetersealError MS_MALFORMED and others for a store whose bytes are no messages.
 */
export async function* ledgerPages(
    reader: StoreReader,
    onEntry: (index: number) => void,
): AsyncGenerator<CarPage, void, undefined> {
    const entries = new PageDraft("entries");
    for await (const row of reader.log()) {
        const { blocks, links } =
            row.item === null
                ? await vertexBlocks(reader, row.vertex)
                : messageBlocks(unwrap(parseItem(row.item)).kind, row.item);
        yield* entries.add({ ...links, time: row.timeMs }, blocks);
        onEntry(row.index);
    }
    yield* entries.close();
    const checkpoints = new PageDraft("checkpoints");
    for await (const { note, size } of reader.checkpoints()) {
        yield* checkpoints.add({ size, note });
    }
    yield* checkpoints.close();
    const waiting = new PageDraft("waiting");
    for await (const { n } of reader.vertices()) {
        if ((await reader.logOfVertex(n)) !== null) continue;
        const { blocks, links } = await vertexBlocks(reader, n);
        yield* waiting.add(links, blocks);
    }
    for await (const { bytes, vertex } of reader.records()) {
        if (vertex !== null) continue;
        const { blocks, links } = messageBlocks("record", bytes);
        yield* waiting.add(links, blocks);
    }
    yield* waiting.close();
}

async function vertexBlocks(
    reader: StoreReader,
    n: number,
): Promise<ReturnType<typeof messageBlocks>> {
    const { bytes } = await reader.vertex(n);
    const { message } = unwrap(parseVertex(bytes));
    const records = await reader.bodyOf(n);
    return messageBlocks("vertex", bytes, {
        header: message.payload,
        records: records.map((record) => record.bytes),
    });
}
