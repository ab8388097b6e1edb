/** Tree head as a checkpoint's text states it; this page shows it and does not verify it. */
export type StatedHead = { readonly size: number; readonly rootHex: string };

/**
 * Reads size and root out of a C2SP checkpoint. Verification needs the key of the log and is done
 * where a household opens its data.
 * @returns null where the text is no checkpoint.
 */
export function readCheckpoint(note: string): StatedHead | null {
    const [, size, root] = note.split("\n");
    if (size === undefined || root === undefined || !/^\d+$/.test(size)) return null;
    try {
        const bytes = Array.from(atob(root), (character) => character.charCodeAt(0));
        const rootHex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
        return { size: Number(size), rootHex };
    } catch {
        return null;
    }
}
