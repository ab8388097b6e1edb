/**
 * Flags for the Node of a server process. A young generation of 8 MiB instead of three times 32: the
 * objects of a record live until its vertex is final, so a larger one only keeps more of them around
 * (docs/bench.md). A server that is started by hand takes them from `NODE_OPTIONS`.
 */
export const SERVER_NODE_FLAGS: readonly string[] = ["--max-semi-space-size=8"];
