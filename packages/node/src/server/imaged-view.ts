import type { ImagedViews } from "@meterseal/engines/embedded";

/** What a server knows of the final log beside the engine's state, as an image holds it. */
export interface ImagedView {
    /** Lists of pages: views of what is there now. */
    save(): Uint8Array[][];
    /**
     * Takes over lists of pages of {@link save}; an empty view makes the lists of an empty one.
     * @throws MetersealError MS_MALFORMED for anything else.
     */
    load(lists: readonly (readonly Uint8Array[])[]): void;
}

/** Several views as one image holds them, one behind the other; each has always as many lists. */
export function imagedViews(views: readonly ImagedView[]): ImagedViews {
    const empty = views.map((view) => view.save().map((list) => list.map((page) => page.slice())));
    return {
        save: () => views.flatMap((view) => view.save()),
        load(lists) {
            let at = 0;
            for (const [i, view] of views.entries()) {
                const count = empty[i]?.length ?? 0;
                view.load(lists.slice(at, at + count));
                at += count;
            }
        },
        clear() {
            for (const [i, view] of views.entries()) view.load(empty[i] ?? []);
        },
    };
}
