/**
 * Layer 3: durable stores of the server and the meter, and the lock of a data directory. The SQL
 * stores are `./sqlite`, their doubles for tests and simulations `./memory`.
 *
 * @packageDocumentation
 */

export { freeBytesOf } from "./free-bytes.ts";
export type { StoreHooks, WritePoint } from "./hooks.ts";
export { ImageFile } from "./image-file.ts";
export { type DirectoryLock, lockDirectory, lockHolder } from "./lock.ts";
export { syncDirectory } from "./sync-directory.ts";
