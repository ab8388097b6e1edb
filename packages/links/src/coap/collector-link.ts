import { createSocket, type Socket } from "node:dgram";
import { assert, type CollectorLink, type LinkHandler } from "@meterseal/core";
import { Intake } from "../intake.ts";
import { bindOn, datagramFamily, urlHost } from "../listen-address.ts";
import { deliveryRefusal } from "../send-refusal.ts";
import {
    type CoapCollectorOptions,
    type CoapCollectorSettings,
    coapCollectorSettings,
} from "./collector-options.ts";
import { CollectorResources } from "./collector-resources.ts";
import { MessageLayer } from "./message-layer.ts";

/**
 * Collector side of CoAP over UDP: a meter begins a session with its link token from an address that
 * it has shown to be its own, POSTs its messages and observes the queue of those for it. A message is
 * answered with success when the handler took it. An address that nobody vouches for gets at most
 * three times the bytes that it sent.
 * @throws MetersealError MS_LISTEN_ADDRESS for a host beyond the loopback.
 */
export function createCoapCollectorLink(options: CoapCollectorOptions): CollectorLink {
    return new CoapCollectorLink(coapCollectorSettings(options));
}

class CoapCollectorLink implements CollectorLink {
    readonly #settings: CoapCollectorSettings;
    readonly #socket: Socket;
    readonly #layer: MessageLayer;
    #resources: CollectorResources | null = null;
    #intake: Intake | null = null;
    #closing: Promise<void> | null = null;

    constructor(settings: CoapCollectorSettings) {
        this.#settings = settings;
        this.#socket = createSocket({ type: datagramFamily(settings.host) });
        const { maxRetransmits, maxStrangers, retransmitMs } = settings;
        this.#layer = new MessageLayer({
            ...{ maxRetransmits, maxStrangers, retransmitMs },
            send: (datagram, { address, port }) => {
                // what cannot be sent is lost as any datagram may be
                this.#socket.send(datagram, port, address, () => {});
            },
            onRequest: (incoming) => this.#resources?.answer(incoming),
            onResponse: () => false,
        });
    }

    async listen(handler: LinkHandler): Promise<string> {
        assert(this.#intake === null, "a CoAP link listens once");
        const { host, log, port } = this.#settings;
        this.#intake = new Intake(this.#settings, handler);
        this.#resources = new CollectorResources(this.#settings, this.#layer, this.#intake);
        const bound = await bindOn(this.#socket, host, port);
        this.#socket.on("error", (cause) => log.warn("coap link", { reason: cause.message }));
        this.#socket.on("message", (datagram, { address, port: from }) => {
            this.#layer.receive(datagram, address, from);
        });
        return `coap://${urlHost(host)}:${bound}`;
    }

    async deliver(subjectHex: string, message: Uint8Array): Promise<boolean> {
        const tooLarge = deliveryRefusal(message);
        if (tooLarge !== null) throw tooLarge;
        return await Promise.resolve(this.#resources?.deliver(subjectHex, message) ?? false);
    }

    close(): Promise<void> {
        this.#closing ??= this.#shutDown();
        return this.#closing;
    }

    async #shutDown(): Promise<void> {
        await this.#intake?.close();
        this.#resources?.endAll("5.03");
        this.#layer.close();
        // The socket hands out what was sent before it closes.
        await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
    }
}
