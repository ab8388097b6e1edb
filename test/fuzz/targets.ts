import { amqpSession } from "./amqp-door.ts";
import { AUDIT } from "./audit.ts";
import { BILLS } from "./bills.ts";
import { coapSession } from "./coap-door.ts";
import { COHORTS } from "./cohorts.ts";
import { GRANTS } from "./grants.ts";
import { httpSession } from "./http-door.ts";
import { httpLinkSession } from "./http-link-door.ts";
import { LORA } from "./lora.ts";
import { MESSAGES } from "./messages.ts";
import { modbusSession } from "./modbus.ts";
import { mqttSession } from "./mqtt-door.ts";
import { PARSERS } from "./parsers.ts";
import { RULES } from "./rules.ts";
import { telegramStreams } from "./streams.ts";
import type { FuzzTarget } from "./target.ts";
import { tcpSession } from "./tcp-door.ts";
import { TELEGRAMS } from "./telegrams.ts";
import { TEXTS } from "./texts.ts";
import { edhocSession, serialSession } from "./thin-links.ts";
import { wsSession } from "./ws-door.ts";

/** Doors of a running server, through real sockets: few inputs, because each is a connection. */
const SERVER_DOORS: readonly FuzzTarget[] = [
    { name: "HTTP", share: 10_000, open: httpSession },
    { name: "HTTP link", share: 5_000, open: httpLinkSession },
    { name: "AMQP", share: 2_000, open: amqpSession },
    { name: "CoAP", share: 10_000, open: coapSession },
    { name: "TCP", share: 1_000, open: tcpSession },
    { name: "WebSocket", share: 5_000, open: wsSession },
    { name: "MQTT", share: 10_000, open: mqttSession },
];

/** Everything that reads from outside; the shares are weights. */
export const TARGETS: readonly FuzzTarget[] = [
    ...PARSERS,
    ...MESSAGES,
    ...AUDIT,
    ...GRANTS,
    ...COHORTS,
    ...BILLS,
    ...TEXTS,
    ...TELEGRAMS,
    { name: "EDHOC handshake", share: 5_000, open: edhocSession },
    { name: "serial line", share: 20_000, open: serialSession },
    { name: "telegrams in a stream", share: 20_000, open: telegramStreams },
    { name: "Modbus device", share: 5_000, open: modbusSession },
    ...LORA,
    ...RULES,
    ...SERVER_DOORS,
];
