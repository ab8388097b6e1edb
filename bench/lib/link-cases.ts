import type { CollectorLink, Log, MeterLink } from "@meterseal/core";
import {
    createAmqp10CollectorLink,
    createAmqp10Listener,
    createAmqp10MeterLink,
} from "@meterseal/links/amqp10";
import { createAmqp091CollectorLink, createAmqp091MeterLink } from "@meterseal/links/amqp091";
import { createCoapCollectorLink, createCoapMeterLink } from "@meterseal/links/coap";
import type { FindCredential, OwnCredential } from "@meterseal/links/edhoc";
import { createHttpCollectorLink, createHttpMeterLink } from "@meterseal/links/http";
import { createMemoryLink } from "@meterseal/links/memory";
import { createMqttCollectorLink, createMqttMeterLink } from "@meterseal/links/mqtt";
import {
    createMqttBrokerCollectorLink,
    createMqttBrokerMeterLink,
} from "@meterseal/links/mqtt-broker";
import { createTcpCollectorLink, createTcpMeterLink, type KnownMeter } from "@meterseal/links/tcp";
import { createWsMeterLink } from "@meterseal/links/ws";
import { createXmppCollectorLink, createXmppMeterLink } from "@meterseal/links/xmpp";
import { QosLink } from "./qos-link.ts";
import { TENANT } from "./tenant.ts";

/** Programs of others that a link may need. */
export type Program = "mosquitto" | "rabbitmq" | "prosody";
/** Password of everybody at {@link Program}s. */
export const PASSWORD = "bench";
/** Domain of the accounts of XMPP. */
export const DOMAIN = "bench.example";

/** What a collector's end is made with. */
export type CollectorTools = {
    readonly log: Log;
    /** Port of the program that the link needs; 0 where it needs none. */
    readonly brokerPort: number;
    readonly tls: { readonly cert: string; readonly key: string };
    readonly own: OwnCredential;
    readonly find: (id: Uint8Array) => KnownMeter | null;
};

/** What a meter's end is made with. */
export type MeterTools = {
    readonly url: string;
    readonly subjectHex: string;
    readonly token: () => Promise<Uint8Array>;
    readonly log: Log;
    readonly ca: string;
    readonly own: OwnCredential;
    readonly find: FindCredential;
};

/** A link to be measured. */
export type LinkCase = {
    /** Name in the table. */
    readonly name: string;
    readonly program: Program | null;
    /** What its bytes are counted on; null where there is no wire, and both ends share a process. */
    readonly wire: "tcp" | "udp" | null;
    readonly collector: (tools: CollectorTools) => CollectorLink;
    readonly meter: (tools: MeterTools) => MeterLink;
};

const HERE = { host: "127.0.0.1", port: 0 };
const OWN = { program: null, wire: "tcp" } as const;
/** Both ends in one process: the server's. */
const memory = createMemoryLink();

function brokerOf(scheme: string, port: number): { url: string; tenant: string } {
    return { url: `${scheme}://127.0.0.1:${port}`, tenant: TENANT };
}
const login = (username: string): { username: string; password: string } => ({
    ...{ username, password: PASSWORD },
});

/** All links, in the order of the table; a further one is a further entry. */
export const LINK_CASES: readonly LinkCase[] = [
    {
        ...{ name: "memory", program: null, wire: null },
        collector: () => memory.collector,
        meter: ({ subjectHex, token }) => memory.meter(subjectHex, token),
    },
    {
        ...{ ...OWN, name: "MQTT, embedded" },
        collector: ({ log }) => createMqttCollectorLink({ ...HERE, tenant: TENANT, log }),
        meter: (tools) => createMqttMeterLink({ ...tools, tenant: TENANT }),
    },
    {
        ...{ ...OWN, name: "MQTT, embedded, QoS 0" },
        collector: ({ log }) => createMqttCollectorLink({ ...HERE, tenant: TENANT, log }),
        meter: (tools) => new QosLink(tools, 0),
    },
    {
        ...{ ...OWN, name: "MQTT, embedded, QoS 2" },
        collector: ({ log }) => createMqttCollectorLink({ ...HERE, tenant: TENANT, log }),
        meter: (tools) => new QosLink(tools, 2),
    },
    {
        ...{ ...OWN, name: "MQTT, Mosquitto", program: "mosquitto" },
        collector: ({ brokerPort, log }) =>
            createMqttBrokerCollectorLink({
                ...{ ...brokerOf("mqtt", brokerPort), ...login("collector"), log },
            }),
        meter: ({ url, log, subjectHex, token }) =>
            createMqttBrokerMeterLink({
                ...{ url, log, subjectHex, token, tenant: TENANT, ...login(subjectHex) },
            }),
    },
    {
        ...{ ...OWN, name: "HTTP" },
        collector: ({ log }) => createHttpCollectorLink({ ...HERE, log }),
        meter: ({ ca: _none, ...tools }) => createHttpMeterLink(tools),
    },
    {
        ...{ ...OWN, name: "HTTPS" },
        collector: ({ log, tls }) => createHttpCollectorLink({ ...HERE, tls, log }),
        meter: createHttpMeterLink,
    },
    {
        ...{ ...OWN, name: "WebSocket" },
        collector: ({ log }) => createHttpCollectorLink({ ...HERE, log }),
        meter: ({ ca: _none, url, ...tools }) =>
            createWsMeterLink({ ...tools, url: url.replace(/^http/, "ws") }),
    },
    {
        ...{ name: "CoAP", program: null, wire: "udp" },
        collector: ({ log }) => createCoapCollectorLink({ ...HERE, log }),
        meter: createCoapMeterLink,
    },
    {
        ...{ ...OWN, name: "TCP with EDHOC" },
        collector: ({ find, log, own }) => createTcpCollectorLink({ ...HERE, own, find, log }),
        meter: createTcpMeterLink,
    },
    {
        ...{ ...OWN, name: "AMQP 1.0, embedded" },
        collector: ({ log }) => createAmqp10Listener({ ...HERE, tenant: TENANT, log }),
        meter: ({ url, log, subjectHex, token }) =>
            createAmqp10MeterLink({ url, log, subjectHex, token, tenant: TENANT }),
    },
    {
        ...{ ...OWN, name: "AMQP 1.0, RabbitMQ", program: "rabbitmq" },
        collector: ({ brokerPort, log }) =>
            createAmqp10CollectorLink({
                ...{ ...brokerOf("amqp", brokerPort), ...login("collector"), log },
            }),
        meter: ({ url, log, subjectHex, token }) =>
            createAmqp10MeterLink({
                ...{ url, log, subjectHex, token, tenant: TENANT, ...login("collector") },
            }),
    },
    {
        ...{ ...OWN, name: "AMQP 0-9-1, RabbitMQ", program: "rabbitmq" },
        collector: ({ brokerPort, log }) =>
            createAmqp091CollectorLink({
                ...{ ...brokerOf("amqp", brokerPort), ...login("collector"), log },
            }),
        meter: ({ url, log, subjectHex, token }) =>
            createAmqp091MeterLink({
                ...{ url, log, subjectHex, token, tenant: TENANT, ...login("collector") },
            }),
    },
    {
        ...{ ...OWN, name: "XMPP, Prosody", program: "prosody" },
        collector: ({ brokerPort, log }) =>
            createXmppCollectorLink({
                ...{ ...brokerOf("xmpp", brokerPort), ...login(`${TENANT}@${DOMAIN}`), log },
            }),
        meter: ({ url, log, subjectHex, token }) =>
            createXmppMeterLink({
                ...{ url, log, subjectHex, token, tenant: TENANT },
                ...login(`${subjectHex}@${DOMAIN}`),
            }),
    },
];
