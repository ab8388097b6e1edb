import { statfsSync } from "node:fs";

/** Bytes that whoever asks may still write on the disk of a directory. */
export function freeBytesOf(directory: string): number {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
}
