import type { ErrorCode } from "@meterseal/core";
import type { CometConfig, HttpLinkConfig } from "../config/config.ts";
import type { EnrolRequest, ReplayPlan } from "./server.ts";

/** How a server process is started. */
export type StartMessage = {
    readonly type: "start";
    readonly dataDir: string;
    readonly httpPort: number;
    readonly mqttPort: number;
    /** Where the replay clock stands. */
    readonly nowMs: number;
    readonly clockLabel: string;
    readonly replay?: ReplayPlan;
    readonly mode: number | null;
    readonly comet?: CometConfig;
    /** Port for other servers of the network. */
    readonly exchange?: HttpLinkConfig;
    /** Addresses of other branches. */
    readonly peers?: readonly string[];
};

/** Messages to a server process. */
export type ToServer =
    | StartMessage
    | { readonly type: "clock"; readonly id: number; readonly nowMs: number }
    | { readonly type: "enrol"; readonly id: number; readonly request: EnrolRequest }
    | { readonly type: "stop" };

/** What a started server says of itself. */
export type ServerInfo = {
    readonly httpUrl: string;
    readonly mqttUrl: string;
    /** Address for other servers; absent where it is off. */
    readonly exchangeUrl?: string;
    readonly networkId: Uint8Array;
    /** COSE_Key of the collector. */
    readonly collectorKey: Uint8Array;
};

/** A failure that crosses the process boundary. */
export type FailureMessage = { readonly code: ErrorCode; readonly message: string };

/** Messages from a server process. */
export type FromServer =
    /** The application of a CometBFT node listens at an address, which its `proxy_app` takes. */
    | { readonly type: "listening"; readonly address: string }
    | { readonly type: "ready"; readonly info: ServerInfo }
    | { readonly type: "done"; readonly id: number; readonly hash: Uint8Array | null }
    | { readonly type: "failed"; readonly id: number | null; readonly failure: FailureMessage };
