import type { Collector } from "@meterseal/collector";
import {
    type Clock,
    type CollectorLink,
    error,
    LIMITS,
    type Log,
    MetersealError,
    type Signer,
    toHex,
} from "@meterseal/core";
import { createAmqp10Listener } from "@meterseal/links/amqp10";
import { createCoapCollectorLink } from "@meterseal/links/coap";
import {
    COLLECTOR_NAME,
    enrolledCredential,
    enrolledKidOf,
    type OwnCredential,
} from "@meterseal/links/edhoc";
import { createHttpCollectorLink } from "@meterseal/links/http";
import { createMqttCollectorLink } from "@meterseal/links/mqtt";
import { createSerialCollectorLink } from "@meterseal/links/serial";
import { createTcpCollectorLink, type KnownMeter } from "@meterseal/links/tcp";
import { type Enrolment, isMeteringPoint } from "@meterseal/record";
import { brokerCollectorLink } from "../brokered.ts";
import { brokerUrl } from "../config/brokers.ts";
import type { HttpLinkConfig } from "../config/config.ts";
import {
    isBroker,
    isLine,
    type LinePlace,
    type LinkPlace,
    type LinkScheme,
    type ListenerPlace,
    TENANT,
} from "../config/links.ts";
import { isOpenToOthers, readBounded } from "../files.ts";
import type { ServerOptions } from "./server.ts";

type TlsFiles = NonNullable<HttpLinkConfig["tls"]>;

/** A listener to be opened, and the setting that it comes from. */
type Listener = Exclude<LinkPlace, LinePlace> & { readonly setting: string };

/** What listeners are made with. */
type Common = {
    readonly clock: Clock;
    readonly log: Log;
    readonly insecure: boolean;
    /** Certificate chain and key, PEM; read when first asked for. */
    readonly tls: () => { readonly cert: string; readonly key: string };
    readonly members: Members;
};

/** Who may begin a session, and who answers it. */
type Members = {
    readonly identity: { readonly collector: Signer };
    readonly engine: {
        readonly state: {
            /** Enrolments by key id in hexadecimal digits. */
            readonly keys: { get(kidHex: string): Enrolment | undefined };
        };
    };
};

/** A meter by the key id of its credential; null for what is not enrolled, or is no metering point. */
function knownMeter(id: Uint8Array, { engine }: Members): KnownMeter | null {
    const kid = enrolledKidOf(id);
    const enrolment = kid === null ? undefined : engine.state.keys.get(toHex(kid));
    if (enrolment === undefined || !isMeteringPoint(enrolment)) return null;
    const subjectHex = toHex(enrolment.id);
    return { subjectHex, credential: enrolledCredential(subjectHex, enrolment.key) };
}

/** The collector's side of a handshake: its own credential, and whom it knows. */
function handshakeOf(members: Members): {
    readonly own: OwnCredential;
    readonly find: (id: Uint8Array) => KnownMeter | null;
} {
    const { collector: signer } = members.identity;
    const own = { ...enrolledCredential(COLLECTOR_NAME, signer.publicKey), signer };
    return { own, find: (id) => knownMeter(id, members) };
}

const plainHttp = (place: ListenerPlace, { insecure, log }: Common): CollectorLink =>
    createHttpCollectorLink({ ...place, insecure, log });
const secureHttp = (place: ListenerPlace, { log, tls }: Common): CollectorLink =>
    createHttpCollectorLink({ ...place, tls: tls(), log });

/** What opens a listener of each scheme. A WebSocket begins at a listener for HTTP. */
const LISTENERS: Record<LinkScheme, (place: ListenerPlace, common: Common) => CollectorLink> = {
    mqtt: (place, { insecure, log }) =>
        createMqttCollectorLink({ ...place, insecure, tenant: TENANT, log }),
    http: plainHttp,
    ws: plainHttp,
    https: secureHttp,
    wss: secureHttp,
    coap: (place, { clock, insecure, log }) =>
        createCoapCollectorLink({ ...place, clock, insecure, log }),
    tcp: (place, { log, members }) =>
        createTcpCollectorLink({ ...place, ...handshakeOf(members), log }),
    amqp: (place, { insecure, log }) =>
        createAmqp10Listener({ ...place, insecure, tenant: TENANT, log }),
};

const NO_ACCESS = { logins: null };

/** Where meters find a server. */
type LinkAddresses = {
    /** Of MQTT; empty where there is none. */
    readonly mqttUrl: string;
    /** Of the port for HTTP; null where there is none. */
    readonly httpLinkUrl: string | null;
    /** Of every listener. */
    readonly linkUrls: readonly string[];
};

/**
 * Opens the links of the collector: MQTT where it has a port, HTTP where it has one, and what else
 * addresses name, serial lines last.
 * @throws MetersealError MS_PORT_IN_USE, MS_LISTEN_ADDRESS; MS_NOT_FOUND, MS_TOO_LARGE, MS_USAGE for
 * certificate and key; MS_LINK for a broker that cannot be entered.
 */
export async function listenForMeters(
    options: Pick<
        ServerOptions,
        | "brokers"
        | "clock"
        | "host"
        | "httpLink"
        | "insecure"
        | "links"
        | "linkTls"
        | "log"
        | "mqttPort"
    >,
    members: Members & { readonly collector: Collector },
): Promise<LinkAddresses> {
    const { clock, httpLink = null, insecure = false, log } = options;
    const tls = (): { cert: string; key: string } => {
        const files = httpLink?.tls ?? options.linkTls ?? null;
        if (files !== null) return readTlsFiles(files);
        const expected = "http-link-cert and http-link-key for https:// and wss://";
        throw error("MS_USAGE", { expected, got: "neither" });
    };
    const urls: string[] = [];
    const addresses: Record<string, string> = {};
    for (const listener of listenersOf(options)) {
        const { port, scheme, setting } = listener;
        const link = isBroker(listener)
            ? brokerCollectorLink(listener, { access: options.brokers ?? NO_ACCESS, insecure, log })
            : LISTENERS[listener.scheme](listener, { clock, insecure, log, members, tls });
        const url = await members.collector.listen(link).catch((cause: unknown) => {
            const taken = cause instanceof MetersealError && cause.code === "MS_PORT_IN_USE";
            if (!taken) throw cause;
            throw error("MS_PORT_IN_USE", {
                where: `${setting.replaceAll("-", " ")} ${port}`,
                todo: `Choose another one with --${setting}, or 0 for any free one.`,
                cause,
            });
        });
        // a WebSocket is announced by the scheme that was asked for, and a broker by all of its address
        if (isBroker(listener)) urls.push(brokerUrl(listener));
        else urls.push(url.replace(/^http/, scheme.startsWith("ws") ? "ws" : "http"));
        addresses[setting] ??= url;
        addresses[scheme] ??= url;
    }
    const lines = (options.links ?? []).filter(isLine);
    if (lines.length > 0) {
        const link = createSerialCollectorLink({ lines, ...handshakeOf(members), log });
        urls.push(...(await members.collector.listen(link)).split(" "));
    }
    return {
        mqttUrl: addresses.mqtt ?? "",
        httpLinkUrl: addresses["http-link-port"] ?? null,
        linkUrls: urls,
    };
}

function listenersOf({
    host,
    httpLink = null,
    links = [],
    mqttPort,
}: Pick<ServerOptions, "host" | "httpLink" | "links" | "mqttPort">): Listener[] {
    const ports = links.filter((place): place is Exclude<LinkPlace, LinePlace> => !isLine(place));
    const listeners: Listener[] = ports.map((place) => ({ ...place, setting: "link" }));
    if (httpLink !== null) {
        const scheme = httpLink.tls === null ? "http" : "https";
        const { host: at, port } = httpLink;
        listeners.unshift({ scheme, host: at, port, setting: "http-link-port" });
    }
    if (mqttPort !== null) {
        listeners.unshift({ scheme: "mqtt", host, port: mqttPort, setting: "mqtt-port" });
    }
    return listeners;
}

/** Reads certificate chain and key; the key must be its owner's alone. */
export function readTlsFiles({ certFile, keyFile }: TlsFiles): { cert: string; key: string } {
    const cert = readBounded(certFile, LIMITS.configBytes).toString("utf8");
    const key = readBounded(keyFile, LIMITS.configBytes).toString("utf8");
    if (!isOpenToOthers(keyFile)) return { cert, key };
    const todo = `Run: chmod 600 ${keyFile}`;
    throw error("MS_USAGE", { where: keyFile, expected: "a key for its owner alone", todo });
}
