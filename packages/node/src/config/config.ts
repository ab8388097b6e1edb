import { dirname, resolve } from "node:path";
import { error } from "@meterseal/core";
import { NETWORK_MODE } from "@meterseal/ledger";
import { type Options, textOption } from "../cli/arguments.ts";
import type { LogFormat } from "../console.ts";
import { exchangeUrl } from "../exchange/request.ts";
import { type FileValue, readConfigFile } from "./file.ts";
import { isBroker, type LinkPlace, linkPlacesOf, refuseSecrets } from "./links.ts";
import { SERVE_SETTINGS, SETTING_NAMES, type Setting, type SettingName } from "./settings.ts";

/** Where a value came from; the first of these that has one wins. */
export type Origin = "command line" | "file" | "default";

/** A setting in force; null where it has no default and was not given. */
export type Effective = { readonly value: string | number | boolean | null; readonly from: Origin };

/** The configuration in force, with the origin of each setting. */
export type Configuration = Readonly<Record<SettingName, Effective>>;

/** The port for meters that speak HTTP. */
export type HttpLinkConfig = {
    /** 0 takes any free one. */
    readonly port: number;
    readonly host: string;
    /** Files of certificate chain and key, PEM; null for plain text. */
    readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
};

/** How a server takes part in a network of several organisations. */
export type CometConfig = {
    /** RPC of its CometBFT node. */
    readonly rpcUrl: string;
    /** Where the application listens: name or path of a socket, or a port of the loopback. */
    readonly abci: string;
    /** CometBFT's genesis file. */
    readonly genesisFile: string;
    /** Server that signs checkpoints; null where this one does, or takes none. */
    readonly checkpointsFrom: string | null;
};

/** The configuration of a server as the server takes it. */
export type ServeConfig = {
    readonly data: string;
    readonly host: string;
    readonly port: number;
    /** Null where it is off. */
    readonly mqttPort: number | null;
    /** Port for meters that speak HTTP, and how; null where it is off. */
    readonly httpLink: HttpLinkConfig | null;
    /** Port for other servers of the network, and how; null where it is off. */
    readonly exchange: HttpLinkConfig | null;
    /** Addresses of other branches. */
    readonly peers: readonly string[];
    /** Where meters come to besides. */
    readonly links: readonly LinkPlace[];
    /** Certificate for those that need one; null without one. */
    readonly linkTls: HttpLinkConfig["tls"];
    /** Files of what brokers among them are entered with; null without one. */
    readonly brokers: { readonly loginFile: string | null; readonly caFile: string | null };
    readonly insecure: boolean;
    /** Policy file; null where a checkpoint on disk is final. */
    readonly witnessPolicy: string | null;
    /** How this server takes part in a network of several organisations; null for one of its own. */
    readonly comet: CometConfig | null;
    /** NETWORK_MODE of a new network; null takes what is there. */
    readonly mode: number | null;
    readonly logFormat: LogFormat;
};

const LOGIN_TODO = "Put them into a file and name it with broker-login.";

/**
 * Puts the configuration together: command line before `--config FILE` before defaults.
 * @throws MetersealError MS_CONFIG for the file, MS_USAGE for the command line, MS_NOT_FOUND.
 */
export function loadConfiguration(options: Options): Configuration {
    const path = textOption(options, "config");
    const file = path === undefined ? new Map<SettingName, FileValue>() : readConfigFile(path);
    const entries = SETTING_NAMES.map((name): [SettingName, Effective] => {
        const setting: Setting = SERVE_SETTINGS[name];
        const list = options[name];
        const given = Array.isArray(list) ? list.join(" ") : list;
        if (given !== undefined) {
            if (setting.kind === "links") refuseSecrets(String(given), `--${name}`, LOGIN_TODO);
            const value = parseOption(name, setting, given);
            return [name, { value, from: "command line" }];
        }
        const found = file.get(name);
        if (found === undefined) return [name, { value: setting.byDefault, from: "default" }];
        if (setting.kind === "links") refuseSecrets(String(found.value), found.where, LOGIN_TODO);
        const value = parseValue(setting, found.value);
        if (value === null) {
            const got = JSON.stringify(found.value);
            throw error("MS_CONFIG", { where: found.where, expected: expectedOf(setting), got });
        }
        // A path in a file means the same wherever the command is called.
        const isPath = path !== undefined && isPathValue(setting, value);
        const placed = isPath ? resolve(dirname(path), String(value)) : value;
        return [name, { value: placed, from: "file" }];
    });
    return Object.fromEntries(entries) as Configuration;
}

/**
 * The configuration as the server takes it.
 * @throws MetersealError MS_USAGE where the data directory is not named.
 */
export function serveConfigOf(configuration: Configuration): ServeConfig {
    const value = (name: SettingName): string | number | boolean | null =>
        configuration[name].value;
    const data = value("data");
    if (data === null) {
        const expected = "--data DIR, or 'data' in the file of --config";
        throw error("MS_USAGE", { expected, got: "neither" });
    }
    return {
        data: String(data),
        host: String(value("host")),
        port: Number(value("port")),
        mqttPort: mqttPortOf(configuration),
        httpLink: httpLinkOf(configuration),
        exchange: listenerOf(configuration, "exchange"),
        peers: peersOf(String(value("peers"))),
        links: linksOf(configuration),
        linkTls: tlsOf(configuration, "http-link"),
        brokers: brokersOf(configuration),
        insecure: value("insecure") === true,
        witnessPolicy: value("witness-policy") === "off" ? null : String(value("witness-policy")),
        comet: cometOf(configuration),
        mode: modeOf(value("open") === true, value("mixed") === true),
        logFormat: value("log-format") === "json" ? "json" : "text",
    };
}

/**
 * The port for meters that speak HTTP; null where it is off.
 * @throws MetersealError MS_USAGE for a certificate without its key, or a key without certificate.
 */
export function httpLinkOf(configuration: Configuration): HttpLinkConfig | null {
    return listenerOf(configuration, "http-link");
}

type Listener = "http-link" | "exchange";

function listenerOf(configuration: Configuration, prefix: Listener): HttpLinkConfig | null {
    const tls = tlsOf(configuration, prefix);
    const [port, host] = (["port", "host"] as const).map(
        (name) => configuration[`${prefix}-${name}`].value,
    );
    return port === "off" ? null : { port: Number(port), host: String(host), tls };
}

/**
 * Certificate and key of a listener; null without them.
 * @throws MetersealError MS_USAGE for one without the other.
 */
function tlsOf(configuration: Configuration, prefix: Listener): HttpLinkConfig["tls"] {
    const [cert, key] = (["cert", "key"] as const).map(
        (name) => configuration[`${prefix}-${name}`].value,
    );
    if ((cert === "off") !== (key === "off")) {
        const expected = `${prefix}-cert and ${prefix}-key together`;
        throw error("MS_USAGE", { expected, got: "one of them" });
    }
    return cert === "off" ? null : { certFile: String(cert), keyFile: String(key) };
}

/**
 * Where meters come to beside the ports of MQTT and HTTP.
 * @throws MetersealError MS_USAGE
 */
export function linksOf({ link }: Configuration): LinkPlace[] {
    return link.value === "off" ? [] : linkPlacesOf(String(link.value));
}

/**
 * Files of what brokers are entered with.
 * @throws MetersealError MS_USAGE for one without a broker.
 */
export function brokersOf(configuration: Configuration): ServeConfig["brokers"] {
    const [loginFile, caFile] = (["broker-login", "broker-ca"] as const).map((name) => {
        const { value } = configuration[name];
        return value === "off" ? null : String(value);
    }) as [string | null, string | null];
    const isNeeded = linksOf(configuration).some(isBroker);
    if (isNeeded || (loginFile === null && caFile === null)) return { loginFile, caFile };
    const expected =
        "a link to a broker, such as mqtts+broker://HOST:PORT, with its login or certificates";
    throw error("MS_USAGE", { expected, got: "none" });
}

/** Port of MQTT; null where it is off, as it is unless told otherwise where links are named. */
export function mqttPortOf(configuration: Configuration): number | null {
    const { from, value } = configuration["mqtt-port"];
    const isLeftOut = from === "default" && configuration.link.value !== "off";
    return value === "off" || isLeftOut ? null : Number(value);
}

/**
 * How the server takes part in a network of several organisations; null with the embedded engine.
 * @throws MetersealError MS_USAGE without a genesis file, with witnesses, for an address that is none.
 */
function cometOf(configuration: Configuration): CometConfig | null {
    const text = (name: SettingName): string => String(configuration[name].value);
    if (text("engine") !== "cometbft") return null;
    if (text("genesis") === "off") {
        const expected = "--genesis FILE with --engine cometbft: the node's config/genesis.json";
        throw error("MS_USAGE", { expected, got: "off" });
    }
    if (text("witness-policy") !== "off") {
        const got = "a witness policy with --engine cometbft";
        throw error("MS_USAGE", { expected: "one of them: validators make entries final", got });
    }
    const off = (["exchange-port", "peers"] as const).find((name) => text(name) !== "off");
    if (off !== undefined) {
        const got = `--${off} with --engine cometbft`;
        throw error("MS_USAGE", {
            expected: "one of them: validators have a network of theirs",
            got,
        });
    }
    const from = text("checkpoints-from");
    return {
        rpcUrl: httpUrlOf("comet-rpc", text("comet-rpc")),
        abci: text("comet-abci"),
        genesisFile: text("genesis"),
        checkpointsFrom: from === "off" ? null : httpUrlOf("checkpoints-from", from),
    };
}

/** Mode of a new network; MS_USAGE for two. */
function modeOf(open: boolean, mixed: boolean): number | null {
    if (open && mixed) throw error("MS_USAGE", { expected: "--open or --mixed", got: "both" });
    if (mixed) return NETWORK_MODE.mixed;
    return open ? NETWORK_MODE.open : null;
}

/** Addresses with commas between; MS_USAGE for one that is none. */
function peersOf(text: string): string[] {
    return text === "off" ? [] : text.split(",").map((url) => exchangeUrl(url.trim()).href);
}

function httpUrlOf(name: SettingName, text: string): string {
    if (/^https?:/i.test(text) && URL.canParse(text)) return text;
    const expected = `--${name} such as ${SERVE_SETTINGS["comet-rpc"].byDefault}`;
    throw error("MS_USAGE", { expected, got: text });
}

/** The configuration as a configuration file that has this effect, with the origins as comments. */
export function formatConfiguration(configuration: Configuration): string {
    const lines = SETTING_NAMES.map((name) => {
        const { from, value } = configuration[name];
        const setting: Setting = SERVE_SETTINGS[name];
        if (value === null) return [`# ${name}:`, "must be given"] as const;
        const placed = isPathValue(setting, value) ? resolve(String(value)) : value;
        return [`${name}: ${JSON.stringify(placed)}`, from] as const;
    });
    const width = Math.max(...lines.map(([left]) => left.length));
    return lines.map(([left, from]) => `${left.padEnd(width)}  # ${from}`).join("\n");
}

/** True for a value that names a file or directory. */
function isPathValue({ kind }: Setting, value: unknown): boolean {
    return kind === "path" || (kind === "optional path" && value !== "off");
}

/** A value of the right kind; null for any other. */
function parseValue(setting: Setting, value: unknown): string | number | boolean | null {
    switch (setting.kind) {
        case "flag":
            return typeof value === "boolean" ? value : null;
        case "port":
            return parsePort(value);
        case "optional port":
            return value === "off" ? value : parsePort(value);
        case "choice":
            return setting.choices.find((choice) => choice === value) ?? null;
        default:
            return typeof value === "string" && value !== "" ? value : null;
    }
}

const PORT_MAX = 65_535;

function parsePort(value: unknown): number | null {
    const isPort = Number.isInteger(value) && Number(value) >= 0 && Number(value) <= PORT_MAX;
    return isPort ? Number(value) : null;
}

function parseOption(
    name: SettingName,
    setting: Setting,
    given: NonNullable<Options[string]>,
): string | number | boolean {
    const isPort = setting.kind === "port" || setting.kind === "optional port";
    const isNumber = isPort && /^\d+$/.test(String(given));
    const value = parseValue(setting, isNumber ? Number(given) : given);
    if (value !== null) return value;
    const expected = `--${name} with ${expectedOf(setting)}`;
    throw error("MS_USAGE", { expected, got: String(given) });
}

function expectedOf(setting: Setting): string {
    switch (setting.kind) {
        case "flag":
            return "true or false";
        case "port":
            return `a whole number 0 … ${PORT_MAX}`;
        case "optional port":
            return `a whole number 0 … ${PORT_MAX}, or off`;
        case "choice":
            return setting.choices.join(" or ");
        default:
            return "a text";
    }
}
