import { createHash } from "node:crypto";
import {
    closeSync,
    fstatSync,
    fsyncSync,
    openSync,
    readSync,
    renameSync,
    rmSync,
    writevSync,
} from "node:fs";
import { dirname } from "node:path";
import { error, LIMITS } from "@meterseal/core";
import type { ImageStore } from "@meterseal/ledger";
import { freeBytesOf } from "./free-bytes.ts";
import { syncDirectory } from "./sync-directory.ts";

const MAGIC = Buffer.from("meterseal state image 1\n");
/** In the place of a length: no piece follows, but the digest. */
const END = 0xffff_ffff;
const LENGTH_BYTES = 4;
const DIGEST_BYTES = 32;

/**
 * An image of a ledger's state in a file: pieces with their lengths, and the SHA-256 of it all. A file
 * is written under another name and takes its place when it is on disk, so that there is always the
 * one before or the whole new one.
 */
export class ImageFile implements ImageStore {
    readonly #path: string;
    readonly #draft: string;

    /** @param path - of the file; its directory is there. */
    constructor(path: string) {
        this.#path = path;
        this.#draft = `${path}.new`;
    }

    /**
     * Reads the file; a digest that does not fit, a file that is cut or none at all is null. Removes what
     * a {@link write} left that was killed.
     */
    read(): Promise<Uint8Array[] | null> {
        return new Promise((resolve) => {
            rmSync(this.#draft, { force: true });
            resolve(readImage(this.#path));
        });
    }

    /**
     * Writes all of it before it returns: the pieces are views of a state that goes on.
     * @throws MetersealError MS_STORE_UNWRITABLE where the disk would have less than
     * {@link LIMITS.freeDiskBytes} left: the log needs them, and can do without an image.
     */
    write(pieces: readonly Uint8Array[]): Promise<void> {
        return new Promise((resolve) => {
            this.#requireRoom(pieces);
            try {
                const file = openSync(this.#draft, "w", 0o600);
                try {
                    writeImage(file, pieces);
                    fsyncSync(file);
                } finally {
                    closeSync(file);
                }
                renameSync(this.#draft, this.#path);
            } catch (cause) {
                rmSync(this.#draft, { force: true });
                throw cause;
            }
            syncDirectory(dirname(this.#path));
            resolve();
        });
    }

    #requireRoom(pieces: readonly Uint8Array[]): void {
        const size = pieces.reduce((sum, { length }) => sum + length, 0);
        const [needed, free] = [size + LIMITS.freeDiskBytes, freeBytesOf(dirname(this.#path))];
        if (free >= needed) return;
        throw error("MS_STORE_UNWRITABLE", {
            where: this.#path,
            expected: `${needed} bytes free`,
            got: `${free}`,
            todo: "Make room.",
        });
    }
}

function writeImage(file: number, pieces: readonly Uint8Array[]): void {
    const digest = createHash("sha256");
    const put = (...parts: readonly Uint8Array[]): void => {
        for (const part of parts) digest.update(part);
        writeAll(file, parts);
    };
    put(MAGIC);
    for (const piece of pieces) put(lengthOf(piece.length), piece);
    put(lengthOf(END));
    writeAll(file, [digest.digest()]);
}

function writeAll(file: number, parts: readonly Uint8Array[]): void {
    let rest = parts.filter(({ length }) => length > 0);
    while (rest.length > 0) {
        let written = writevSync(file, rest);
        rest = rest.flatMap((part) => {
            const taken = Math.min(written, part.length);
            written -= taken;
            return taken < part.length ? [part.subarray(taken)] : [];
        });
    }
}

function readImage(path: string): Uint8Array[] | null {
    let file: number;
    try {
        file = openSync(path, "r");
    } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === "ENOENT") return null;
        throw cause;
    }
    try {
        const { size } = fstatSync(file);
        const digest = createHash("sha256");
        const take = (length: number): Uint8Array | null => {
            const bytes = readPart(file, length);
            if (bytes !== null) digest.update(bytes);
            return bytes;
        };
        const magic = take(MAGIC.length);
        if (magic === null || !MAGIC.equals(magic)) return null;
        const pieces: Uint8Array[] = [];
        for (;;) {
            const head = take(LENGTH_BYTES);
            if (head === null) return null;
            const length = new DataView(head.buffer).getUint32(0);
            if (length === END) break;
            const piece = length > size ? null : take(length);
            if (piece === null) return null;
            pieces.push(piece);
        }
        const stated = readPart(file, DIGEST_BYTES);
        return stated !== null && digest.digest().equals(stated) ? pieces : null;
    } finally {
        closeSync(file);
    }
}

/** So many bytes of a file; null where it ends before. */
function readPart(file: number, length: number): Uint8Array | null {
    const bytes = new Uint8Array(length);
    let at = 0;
    while (at < length) {
        const read = readSync(file, bytes, at, length - at, null);
        if (read === 0) return null;
        at += read;
    }
    return bytes;
}

function lengthOf(length: number): Uint8Array {
    const bytes = new Uint8Array(LENGTH_BYTES);
    new DataView(bytes.buffer).setUint32(0, length);
    return bytes;
}
