import type { Collector } from "@meterseal/collector";
import { type CollectorLink, error, MetersealError } from "@meterseal/core";
import { createHttpCollectorLink } from "@meterseal/links/http";
import { createMqttCollectorLink } from "@meterseal/links/mqtt";
import type { ServerOptions } from "./server.ts";

/** Tenant in all topics of a server that serves one operator. */
export const TENANT = "local";

/**
 * Opens the links of the collector: MQTT always, HTTP where it has a port.
 * @throws MetersealError MS_PORT_IN_USE, MS_LISTEN_ADDRESS.
 */
export async function listenForMeters(
    collector: Collector,
    {
        host,
        httpLinkPort = null,
        log,
        mqttPort,
    }: Pick<ServerOptions, "host" | "httpLinkPort" | "log" | "mqttPort">,
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
    if (httpLinkPort === null) return { mqttUrl, httpLinkUrl: null };
    const http = createHttpCollectorLink({ host, port: httpLinkPort, log });
    return { mqttUrl, httpLinkUrl: await listen(http, "http-link-port", httpLinkPort) };
}
