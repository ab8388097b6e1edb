/** Gwei that a unit of gas may cost unless somebody says otherwise. */
export const MAX_FEE_GWEI = 50;

/** Options of every command that sends transactions. */
export const SENDER_OPTIONS = {
    rpc: { kind: "value", value: "URL", help: "JSON-RPC of a node of the chain" },
    "rpc-file": {
        kind: "value",
        value: "FILE",
        help: "instead: a file with that URL, which may hold a password or key",
    },
    chain: { kind: "value", value: "ID", help: "id of the chain; a node of another is refused" },
    "signer-key": {
        kind: "value",
        value: "FILE",
        help: "key of the account that sends: see meterseal anchor key",
    },
    signer: {
        kind: "value",
        value: "URL",
        help: "instead: a signer that keeps the key and answers eth_signTransaction",
    },
    account: { kind: "value", value: "ADDRESS", help: "with --signer: whose key" },
    "max-fee": {
        kind: "value",
        value: "GWEI",
        help: `what a unit of gas may cost at most (${MAX_FEE_GWEI})`,
    },
    confirmations: {
        kind: "value",
        value: "N",
        help: "blocks, its own included, after which a transaction counts (6)",
    },
} as const;

/** Options that name the log and where it is anchored. */
export const PLACE_OPTIONS = {
    data: { kind: "value", value: "DIR", help: "data directory of the log; proofs go into it" },
    url: {
        kind: "value",
        value: "URL",
        help: "asks this server for checkpoints instead; DIR keeps proofs only",
    },
    network: { kind: "value", value: "HEX", help: "with --url: takes no other network than this" },
} as const;
