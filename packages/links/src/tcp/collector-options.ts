import {
    type StreamCollectorOptions,
    type StreamCollectorSettings,
    streamCollectorSettings,
} from "../stream/collector-options.ts";

/** Connections at one time, without a session too; more are closed at once. */
const MAX_CONNECTIONS = 1_200;

/** Options of `createTcpCollectorLink`. */
export interface TcpCollectorOptions extends StreamCollectorOptions {
    /** Host to listen on; sessions are encrypted, so it may be any. */
    readonly host: string;
    /** Port to listen on; 0 takes any free one. */
    readonly port: number;
    /** Connections at one time, without a session too; more are closed at once. */
    readonly maxConnections?: number;
}

/** Options with every default filled in. */
export type TcpCollectorSettings = TcpCollectorOptions &
    StreamCollectorSettings & { readonly maxConnections: number };

/** Fills in the defaults. */
export function tcpCollectorSettings(options: TcpCollectorOptions): TcpCollectorSettings {
    return { maxConnections: MAX_CONNECTIONS, ...streamCollectorSettings(options) };
}
