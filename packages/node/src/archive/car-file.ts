import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { bytesEqual, error, type MetersealError, unwrap } from "@meterseal/core";
import {
    CAR_LIMITS,
    type CarLink,
    decodeCarHeader,
    decodeLength,
    isContentOf,
} from "@meterseal/ledger";
import { reasonOf } from "../files.ts";

const CHUNK_BYTES = 1_048_576;

/** A CAR file that is read once from its front, each block as the one that is expected there. */
export class CarFile {
    /** Link to the root block. */
    readonly root: CarLink;
    readonly #path: string;
    readonly #file: number;
    readonly #size: number;
    /** Read and not taken yet. */
    #ahead: Uint8Array = new Uint8Array();
    /** Where `#ahead` begins in the file. */
    #offset = 0;

    private constructor(path: string, file: number) {
        this.#path = path;
        this.#file = file;
        this.#size = fstatSync(file).size;
        const header = this.#section("header", CAR_LIMITS.headerBytes);
        this.root = unwrap(decodeCarHeader(header));
    }

    /**
     * Opens a file and reads its header.
     * @throws MetersealError MS_NOT_FOUND, MS_ARCHIVE where it is no CAR with one root.
     */
    static open(path: string): CarFile {
        let file: number;
        try {
            file = openSync(path, "r");
        } catch (cause) {
            throw error("MS_NOT_FOUND", { where: path, got: reasonOf(cause), cause });
        }
        try {
            return new CarFile(path, file);
        } catch (cause) {
            closeSync(file);
            throw cause;
        }
    }

    /** How much of the file is read, 0 … 1. */
    get done(): number {
        return this.#offset / Math.max(1, this.#size);
    }

    /** Where the next block begins in the file, in bytes. */
    get offset(): number {
        return this.#offset;
    }

    /**
     * Content of the next block, which must be the one that a link names.
     * @param what - what it is, for the error: "genesis", "body of leaf 7".
     * @throws MetersealError MS_ARCHIVE for any other block, other bytes, or none.
     */
    next(link: CarLink, what: string): Uint8Array {
        const at = this.#offset;
        const { blockBytes, cidBytes } = CAR_LIMITS;
        const section = this.#section(what, cidBytes + blockBytes);
        if (!bytesEqual(section.subarray(0, cidBytes), link.bytes)) {
            throw this.#fault(what, at, `the block ${link}`);
        }
        const bytes = section.slice(cidBytes);
        if (!isContentOf(link, bytes)) throw this.#fault(what, at, "bytes of the block's own hash");
        return bytes;
    }

    /** @throws MetersealError MS_ARCHIVE where bytes follow the last block. */
    end(): void {
        if (this.#offset === this.#size) return;
        throw this.#fault("end", this.#offset, "no bytes behind the last block");
    }

    /** Closes the file. */
    close(): void {
        closeSync(this.#file);
    }

    /** Bytes behind the next length; valid until the next call. */
    #section(what: string, maxBytes: number): Uint8Array {
        const at = this.#offset;
        const length = decodeLength(this.#peek(CAR_LIMITS.lengthBytes));
        if (!length.ok) throw this.#fault(what, at, "the length of a block");
        const [bytes, prefix] = length.value;
        if (bytes > maxBytes) throw this.#fault(what, at, `at most ${maxBytes} bytes`);
        const section = this.#peek(prefix + bytes);
        if (section.length < prefix + bytes) throw this.#fault(what, at, "the whole block");
        this.#ahead = this.#ahead.subarray(section.length);
        this.#offset += section.length;
        return section.subarray(prefix);
    }

    /** The next bytes without taking them; fewer only at the end of the file. */
    #peek(bytes: number): Uint8Array {
        if (this.#ahead.length < bytes) {
            const grown = new Uint8Array(Math.max(CHUNK_BYTES, bytes));
            grown.set(this.#ahead);
            let filled = this.#ahead.length;
            while (filled < grown.length) {
                const position = this.#offset + filled;
                const read = readSync(this.#file, grown, filled, grown.length - filled, position);
                if (read === 0) break;
                filled += read;
            }
            this.#ahead = grown.subarray(0, filled);
        }
        return this.#ahead.subarray(0, bytes);
    }

    #fault(what: string, offset: number, expected: string): MetersealError {
        return error("MS_ARCHIVE", { where: `${what}, byte ${offset} of ${this.#path}`, expected });
    }
}
