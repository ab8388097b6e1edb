import { LIMITS } from "@meterseal/core";

/** Routes between servers of one network. */
export const EXCHANGE = {
    /** Genesis of the network; open to everybody. */
    network: "/exchange/v1/network",
    /** Admits a collector, for who holds the operator's token. */
    collectors: "/exchange/v1/collectors",
    logPage: "/exchange/v1/log",
    heads: "/exchange/v1/heads",
    missing: "/exchange/v1/missing",
    vertices: "/exchange/v1/vertices",
    entries: "/exchange/v1/entries",
} as const;

/** Type of the bodies between servers. */
export const CBOR_TYPE = "application/cbor";

/** Largest body either way: a page that a whole vertex with a large record completes, and its frame. */
export const EXCHANGE_BODY_BYTES: number = LIMITS.exchangeBytes + 2 * LIMITS.vertexBytes;
