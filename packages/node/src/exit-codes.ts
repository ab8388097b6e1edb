import type { ErrorCode } from "@meterseal/core";

/** Exit codes of every command, as `--help` documents them. */
export const EXIT = {
    /** Done, and everything that was checked holds. */
    ok: 0,
    /** A check found a fault. */
    fault: 1,
    /** The command line or an input is not valid. */
    usage: 2,
    /** The machine stands in the way: port, lock, disk. */
    environment: 3,
    /** A defect of ours. */
    internal: 70,
} as const;

const ENVIRONMENT: readonly ErrorCode[] = [
    "MS_PORT_IN_USE",
    "MS_STORE_LOCKED",
    "MS_STORE_UNWRITABLE",
    "MS_STORE_FORMAT",
    "MS_LINK",
    "MS_BUSY",
    "MS_EVM_FEE",
    "MS_INTERNAL",
];

const USAGE: readonly ErrorCode[] = [
    "MS_USAGE",
    "MS_CONFIG",
    "MS_NOT_FOUND",
    "MS_PRUNED",
    "MS_KEY_FILE",
    "MS_JOURNAL",
    "MS_KEY_FOREIGN",
    "MS_DATA_FILE",
    "MS_LISTEN_ADDRESS",
    "MS_EVM_CHAIN",
    "MS_ZONE",
    "MS_GRANT_LEVEL",
    "MS_GRANT_RANGE",
    "MS_GRANT_RECIPIENT",
];

/** Exit code of an error that ended a command. */
export function exitCodeOf(code: ErrorCode): number {
    if (ENVIRONMENT.includes(code)) return EXIT.environment;
    return USAGE.includes(code) ? EXIT.usage : EXIT.fault;
}
