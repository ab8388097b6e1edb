import type { Collector } from "@meterseal/collector";
import { type CollectorLink, error, LIMITS, MetersealError } from "@meterseal/core";
import { createHttpCollectorLink } from "@meterseal/links/http";
import { createMqttCollectorLink } from "@meterseal/links/mqtt";
import type { HttpLinkConfig } from "../config/config.ts";
import { isOpenToOthers, readBounded } from "../files.ts";
import type { ServerOptions } from "./server.ts";

type TlsFiles = NonNullable<HttpLinkConfig["tls"]>;

/** Tenant in all topics of a server that serves one operator. */
export const TENANT = "local";

/**
 * Opens the links of the collector: MQTT always, HTTP where it has a port.
 * @throws MetersealError MS_PORT_IN_USE, MS_LISTEN_ADDRESS; MS_NOT_FOUND, MS_TOO_LARGE, MS_USAGE for
 * certificate and key.
 */
export async function listenForMeters(
    collector: Collector,
    {
        host,
        httpLink = null,
        log,
        mqttPort,
    }: Pick<ServerOptions, "host" | "httpLink" | "log" | "mqttPort">,
): Promise<{ mqttUrl: string; httpLinkUrl: string | null }> {
    const listen = async (link: CollectorLink, setting: string, port: number): Promise<string> => {
        return await collector.listen(link).catch((cause: unknown) => {
            const taken = cause instanceof MetersealError && cause.code === "MS_PORT_IN_USE";
            if (!taken) throw cause;
            throw error("MS_PORT_IN_USE", {
                where: `${setting.replaceAll("-", " ")} ${port}`,
                todo: `Choose another one with --${setting}, or 0 for any free one.`,
                cause,
            });
        });
    };
    const mqtt = createMqttCollectorLink({ host, port: mqttPort, tenant: TENANT, log });
    const mqttUrl = await listen(mqtt, "mqtt-port", mqttPort);
    if (httpLink === null) return { mqttUrl, httpLinkUrl: null };
    const { tls, ...address } = httpLink;
    const secrets = tls === null ? {} : { tls: readTlsFiles(tls) };
    const http = createHttpCollectorLink({ ...address, ...secrets, log });
    return { mqttUrl, httpLinkUrl: await listen(http, "http-link-port", address.port) };
}

/** Reads certificate chain and key; the key must be its owner's alone. */
export function readTlsFiles({ certFile, keyFile }: TlsFiles): { cert: string; key: string } {
    const cert = readBounded(certFile, LIMITS.configBytes).toString("utf8");
    const key = readBounded(keyFile, LIMITS.configBytes).toString("utf8");
    if (!isOpenToOthers(keyFile)) return { cert, key };
    const todo = `Run: chmod 600 ${keyFile}`;
    throw error("MS_USAGE", { where: keyFile, expected: "a key for its owner alone", todo });
}
