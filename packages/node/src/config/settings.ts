import type { OptionSpec } from "../cli/arguments.ts";
import { LOG_FORMATS } from "../console.ts";
import { LINK_EXAMPLE } from "./links.ts";

/** What orders the log. */
const ENGINES = ["embedded", "cometbft"] as const;

/** What a setting takes. */
export type SettingKind =
    | { readonly kind: "path" }
    | { readonly kind: "optional path" }
    | { readonly kind: "text" }
    | { readonly kind: "port" }
    | { readonly kind: "optional port" }
    | { readonly kind: "links" }
    | { readonly kind: "flag" }
    | { readonly kind: "choice"; readonly choices: readonly string[] };

/** A setting of the server: a key of the configuration file and an option of the command line. */
export type Setting = SettingKind & {
    /** Name of the value in the help, such as `DIR`. */
    readonly value: string;
    /** Null where there is none and the setting must be given. */
    readonly byDefault: string | number | boolean | null;
    readonly help: string;
};

/**
 * Everything that `meterseal serve` can be told. The name is the same in the file and, behind two
 * dashes, on the command line. docs/reference/configuration.md lists them; a test compares.
 */
export const SERVE_SETTINGS = {
    data: {
        kind: "path",
        value: "DIR",
        byDefault: null,
        help: "data directory; made where it is missing",
    },
    host: {
        kind: "text",
        value: "HOST",
        byDefault: "127.0.0.1",
        help: "loopback address to listen on",
    },
    port: { kind: "port", value: "PORT", byDefault: 8480, help: "HTTP port, 0 for any free one" },
    "mqtt-port": {
        kind: "optional port",
        value: "PORT",
        byDefault: 1883,
        help: "MQTT port, 0 for any free one, or off, as it is by default beside --link",
    },
    "http-link-port": {
        kind: "optional port",
        value: "PORT",
        byDefault: "off",
        help: "port for meters that speak HTTP, 0 for any free one, or off",
    },
    "http-link-host": {
        kind: "text",
        value: "HOST",
        byDefault: "127.0.0.1",
        help: "address of that port; beyond the loopback only with a certificate",
    },
    "http-link-cert": {
        kind: "optional path",
        value: "FILE",
        byDefault: "off",
        help: "certificate chain of that port, PEM: meters speak HTTPS; or off",
    },
    "http-link-key": {
        kind: "optional path",
        value: "FILE",
        byDefault: "off",
        help: "private key of that certificate, PEM, for its owner alone; or off",
    },
    "exchange-port": {
        kind: "optional port",
        value: "PORT",
        byDefault: "off",
        help: "port for other servers of the network, 0 for any free one, or off",
    },
    "exchange-host": {
        kind: "text",
        value: "HOST",
        byDefault: "127.0.0.1",
        help: "address of that port; beyond the loopback only with a certificate",
    },
    "exchange-cert": {
        kind: "optional path",
        value: "FILE",
        byDefault: "off",
        help: "certificate chain of that port, PEM; or off",
    },
    "exchange-key": {
        kind: "optional path",
        value: "FILE",
        byDefault: "off",
        help: "private key of that certificate, PEM, for its owner alone; or off",
    },
    peers: {
        kind: "text",
        value: "URLS",
        byDefault: "off",
        help: "other branches that a branch exchanges vertices with, with commas between, or off",
    },
    link: {
        kind: "links",
        value: "URL",
        byDefault: "off",
        help: `where meters come to, such as ${LINK_EXAMPLE}; as often as wanted, or off`,
    },
    "broker-login": {
        kind: "optional path",
        value: "FILE",
        byDefault: "off",
        help: "names and passwords for brokers, a line HOST:PORT NAME PASSWORD for each, for its owner alone; or off",
    },
    "broker-ca": {
        kind: "optional path",
        value: "FILE",
        byDefault: "off",
        help: "certificates to trust for brokers, PEM, or off: the well-known ones",
    },
    insecure: {
        kind: "flag",
        value: "",
        byDefault: false,
        help: "plain text may be spoken beyond the loopback",
    },
    "witness-policy": {
        kind: "optional path",
        value: "FILE",
        byDefault: "off",
        help: "whose cosignatures make a checkpoint final (C2SP tlog-policy), or off",
    },
    engine: {
        kind: "choice",
        choices: ENGINES,
        value: "ENGINE",
        byDefault: "embedded",
        help: `what orders the log: this server alone, or several organisations: ${ENGINES.join(" or ")}`,
    },
    "comet-rpc": {
        kind: "text",
        value: "URL",
        byDefault: "http://127.0.0.1:26657",
        help: "RPC of this server's CometBFT node",
    },
    "comet-abci": {
        kind: "text",
        value: "ADDRESS",
        byDefault: "abci.sock",
        help: "where that node finds this server: a socket in DIR/server, a path, or a loopback port",
    },
    genesis: {
        kind: "optional path",
        value: "FILE",
        byDefault: "off",
        help: "CometBFT's genesis file, whose app_state all organisations begin with, or off",
    },
    "checkpoints-from": {
        kind: "text",
        value: "URL",
        byDefault: "off",
        help: "server that holds the log's key, where this one does not, or off",
    },
    open: {
        kind: "flag",
        value: "",
        byDefault: false,
        help: "a new network with open (plaintext) streams",
    },
    mixed: {
        kind: "flag",
        value: "",
        byDefault: false,
        help: "a new network in which each stream is sealed or open, as it is enrolled",
    },
    "log-format": {
        kind: "choice",
        choices: LOG_FORMATS,
        value: "FORMAT",
        byDefault: "text",
        help: `log lines on standard error: ${LOG_FORMATS.join(" or ")}`,
    },
} as const satisfies Record<string, Setting>;

/** Name of a setting. */
export type SettingName = keyof typeof SERVE_SETTINGS;

/** All names, in the order of the table. */
export const SETTING_NAMES: readonly SettingName[] = Object.keys(SERVE_SETTINGS) as SettingName[];

/** The options of the command line that stand for some settings. */
export function optionsOf(names: readonly SettingName[]): Record<string, OptionSpec> {
    return Object.fromEntries(
        names.map((name) => {
            const setting: Setting = SERVE_SETTINGS[name];
            const { byDefault, help, value } = setting;
            if (setting.kind === "flag") return [name, { kind: "flag", help }];
            const shown = byDefault === null ? help : `${help} (${byDefault})`;
            const kind = setting.kind === "links" ? "values" : "value";
            return [name, { kind, value, help: shown }];
        }),
    );
}
